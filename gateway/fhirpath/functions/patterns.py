"""Regular expressions, on an engine whose time is linear in the text.

See https://hl7.org/fhirpath/N1/#matchesregex--string--boolean. RE2 has no look-around and no back-references; a
pattern written in the expression that it cannot take is an error when the expression is compiled.
"""

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN, STRING
from gateway.fhirpath.values.bounds import allow

MAX_MEMORY = 1 << 22
"""How many bytes a compiled pattern may take."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        # Half of a surrogate pair is in no text that can be searched.
        return None


def is_pattern(text: str) -> bool:
    """Whether RE2 takes the pattern."""
    return _compiled(text) is not None


def pattern(text: str) -> Any:
    """The compiled pattern; raises `Fault` when RE2 does not take it."""
    found = _compiled(text)
    if found is None:
        raise Fault("fhirpath.pattern", name="matches")
    return found


@function(
    "matches",
    "5.6.10",
    focus="String",
    takes=("String",),
    returns=BOOLEAN,
    accepts=is_pattern,
    examples=("'abc'.matches('b')",),
)
def matches(value: str, regex: str) -> bool:
    """Whether the pattern is found somewhere in the text."""
    return pattern(regex).search(value) is not None


@function(
    "matchesFull",
    "STU: matchesFull",
    focus="String",
    takes=("String",),
    returns=BOOLEAN,
    accepts=is_pattern,
    examples=("'abc'.matchesFull('a.c')",),
)
def matches_full(value: str, regex: str) -> bool:
    """Whether the pattern matches the whole text."""
    return pattern(regex).fullmatch(value) is not None


@function(
    "replaceMatches",
    "5.6.11",
    focus="String",
    takes=("String", "String"),
    returns=STRING,
    accepts=is_pattern,
    examples=("'abc'.replaceMatches('[ab]', 'x') = 'xxc'",),
)
def replace_matches(value: str, regex: str, substitution: str) -> str:
    r"""The text with all matches replaced; `$1` or `${name}` in the substitution are its groups."""
    if not regex:
        return value
    compiled = pattern(regex)
    allow((len(value) + 1) * len(substitution))
    try:
        return compiled.sub(_template(substitution), value)  # type: ignore[no-any-return]
    except (re2.error, IndexError, ValueError):
        raise Fault("fhirpath.pattern", name="replaceMatches") from None


@lru_cache(maxsize=1024)
def _template(substitution: str) -> str:
    """The substitution in the engine's own spelling: `\\1` for `$1`, `\\g<name>` for `${name}`."""
    parts: list[str] = []
    position = 0
    while position < len(substitution):
        symbol = substitution[position]
        following = substitution[position + 1 : position + 2]
        if symbol == "$" and following.isdigit():
            parts.append(f"\\{following}")
            position += 2
        elif symbol == "$" and following == "{" and "}" in substitution[position:]:
            end = substitution.index("}", position)
            parts.append(f"\\g<{substitution[position + 2 : end]}>")
            position = end + 1
        else:
            parts.append("\\\\" if symbol == "\\" else symbol)
            position += 1
    return "".join(parts)
