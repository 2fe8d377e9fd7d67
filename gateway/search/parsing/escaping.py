r"""Separators in values, and the names that may stand in messages.

`\` before `\`, `,`, `|` and `$` takes their meaning; before anything else it is wrong.
See https://hl7.org/fhir/R4/search.html#escaping.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

_NAME: Final = re.compile(r"[A-Za-z0-9_:.\-]{1,64}\Z")
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
_T = TypeVar("_T")


def shown(name: str) -> str:
    """The name as it may stand in a message: a caller may have put anything there."""
    return name if _NAME.match(name) else "(not a name)"


def is_usable(text: str) -> bool:
    """False for text with NUL or unpaired surrogates, which no database can hold."""
    return _UNUSABLE.search(text) is None


def unique(values: Iterable[_T]) -> tuple[_T, ...]:
    """The values in their order, each once."""
    return tuple(dict.fromkeys(values))


def split(text: str, separator: str) -> list[str]:
    r"""The parts between separators that are not escaped; escapes (`\,`) stay in the parts."""
    if "\\" not in text:
        return text.split(separator)
    parts, start, escaped = [], 0, False
    for place, character in enumerate(text):
        if character == separator and not escaped:
            parts.append(text[start:place])
            start = place + 1
        escaped = character == "\\" and not escaped
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    """The text that is meant; raises ValueError where a backslash stands before anything else."""
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(found: re.Match[str]) -> str:
    if found[1] not in ("\\", ",", "|", "$") or not found[1]:
        raise ValueError("text in which a backslash stands only before \\ , | or $")
    return found[1]
