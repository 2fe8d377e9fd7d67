"""The text of an expression cut into tokens.

See https://hl7.org/fhirpath/N1/#lexical-elements.
"""

import re
from typing import Final, Literal, NamedTuple

from gateway.fhirpath.errors import FhirPathError

Kind = Literal["name", "quoted", "string", "number", "date", "time", "variable", "special", "symbol", "end"]

MAX_LENGTH: Final = 100_000
"""How many characters an expression may have."""

_DATE = r"\d{4}(?:-\d\d(?:-\d\d)?)?"
_CLOCK = r"\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?"
_STRING = r"'(?:[^'\\]|\\.)*'"
_QUOTED = r"`(?:[^`\\]|\\.)*`"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(  # the most frequent kinds first
    rf"""(?P<name>{_NAME})
    |(?P<symbol><=|>=|!=|!~|/(?![*/])|[-+*|&=~<>.,()\[\]{{}}])
    |(?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
    |(?P<string>{_STRING})
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<variable>%(?:{_NAME}|{_QUOTED}|{_STRING}))
    |(?P<special>\$(?:this|index|total)\b)
    |(?P<time>@T{_CLOCK})
    |(?P<date>@{_DATE}(?:T(?:{_CLOCK}(?:Z|[+-]\d\d:\d\d)?)?)?)
    |(?P<quoted>{_QUOTED})""",
    re.VERBOSE | re.DOTALL,
)
_VERBATIM: Final = frozenset(("date", "time", "number", "name", "symbol"))
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPED: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "`": "`", "\\": "\\", "/": "/"}


class Token(NamedTuple):
    """One token: `value` is the text with quotes and escapes undone."""

    kind: Kind
    value: str
    start: int
    end: int


_make: Final = Token._make


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, the last of kind `end`; raises `FhirPathError` at what is no token."""
    if len(text) > MAX_LENGTH:
        raise FhirPathError("fhirpath.too-deep", text, MAX_LENGTH, limit=MAX_LENGTH)
    tokens: list[Token] = []
    position = 0
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        if start != position:
            break
        kind, position = found.lastgroup, end
        if kind in _VERBATIM:
            tokens.append(_make((kind, found.group(), start, end)))
        elif kind != "space":
            tokens.append(_token(text, kind, found.group(), start, end))
    if position < len(text):
        raise FhirPathError("fhirpath.syntax", text, position, problem=_explain(text, position))
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _token(text: str, kind: str | None, value: str, start: int, end: int) -> Token:
    match kind:
        case "string" | "quoted":
            return Token(kind, _unescape(text, value[1:-1], start + 1), start, end)
        case "variable":
            name = value[1:]
            if name[0] in "`'":
                name = _unescape(text, name[1:-1], start + 2)
            return Token("variable", name, start, end)
        case "special":
            return Token("special", value[1:], start, end)
    raise FhirPathError("fhirpath.syntax", text, start, problem="This is no token")


def _unescape(text: str, value: str, start: int) -> str:
    if "\\" not in value:
        return value

    def replace(found: re.Match[str]) -> str:
        code = found.group(1)
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in ESCAPED:
            raise FhirPathError("fhirpath.syntax", text, start + found.start(), problem="There is no such escape")
        return ESCAPED[code]

    return _ESCAPE.sub(replace, value)


def _explain(text: str, position: int) -> str:
    match text[position]:
        case "'" | "`":
            return "The quote is not closed"
        case "/":
            return "The comment is not closed"
        case "@":
            return "A date or time is written @2015-02-04T14:34:28Z or @T14:34"
        case "$":
            return "Only $this, $index and $total exist"
        case "%":
            return "A variable is written %name or %`name`"
    return "This character has no meaning here"
