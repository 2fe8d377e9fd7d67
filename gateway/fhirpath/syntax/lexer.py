"""The text of an expression cut into tokens.

A token is the text as it is written, and its first character tells its kind: nothing but texts and offsets is made.

See https://hl7.org/fhirpath/N1/#lexical-elements.
"""

import re
from itertools import accumulate, compress
from string import ascii_letters, digits
from typing import Final, Literal, NamedTuple

from gateway.fhirpath.errors import FhirPathError

Kind = Literal["name", "quoted", "string", "number", "moment", "variable", "special", "symbol", "end"]

MAX_LENGTH: Final = 100_000
"""How many characters an expression may have."""

END: Final = ""
"""The token after the last."""

_DATE = r"\d{4}(?:-\d\d(?:-\d\d)?)?"
_CLOCK = r"\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?"
_STRING = r"'(?:[^'\\]|\\.)*'"
_QUOTED = r"`(?:[^`\\]|\\.)*`"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PIECE = re.compile(  # the most frequent kinds first
    rf"""{_NAME}
    |<=|>=|!=|!~|/(?![*/])|[-+*|&=~<>.,()\[\]{{}}]
    |[ \t\r\n]+|//[^\n]*|/\*.*?\*/
    |{_STRING}
    |\d+(?:\.\d+|L\b)?
    |%(?:{_NAME}|{_QUOTED}|{_STRING})
    |\$(?:this|index|total)\b
    |@T{_CLOCK}
    |@{_DATE}(?:T(?:{_CLOCK}(?:Z|[+-]\d\d:\d\d)?)?)?
    |{_QUOTED}""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BLANK: Final = frozenset(" \t\r\n")
_COMMENT: Final = frozenset(("//", "/*"))
_KINDS: Final[dict[str, Kind]] = {
    END: "end",
    **dict.fromkeys(ascii_letters + "_", "name"),
    **dict.fromkeys(digits, "number"),
    "'": "string",
    "`": "quoted",
    "%": "variable",
    "$": "special",
    "@": "moment",
}
_ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")
ESCAPED: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "`": "`", "\\": "\\", "/": "/"}


class Tokens(NamedTuple):
    """The tokens of a text as they are written, `END` last, and the offset of each."""

    texts: list[str]
    starts: list[int]


def tokenize(text: str) -> Tokens:
    """The tokens of `text`; raises `FhirPathError` at what is no token."""
    if len(text) > MAX_LENGTH:
        raise FhirPathError("fhirpath.too-long", text, MAX_LENGTH, limit=MAX_LENGTH)
    half = None if text.isascii() else _HALF.search(text)
    if half is not None:
        raise FhirPathError("fhirpath.syntax", text, half.start(), problem="Half of a character is none")
    pieces = _PIECE.findall(text)
    starts = list(accumulate(map(len, pieces), initial=0))
    if starts[-1] != len(text):
        position = _first_gap(text)
        raise FhirPathError("fhirpath.syntax", text, position, problem=_explain(text, position))
    pieces.append(END)
    if _BLANK.isdisjoint(text) and "/" not in text:
        return Tokens(pieces, starts)
    kept = [not piece.isspace() and piece[:2] not in _COMMENT for piece in pieces]
    return Tokens(list(compress(pieces, kept)), list(compress(starts, kept)))


def kind(token: str) -> Kind:
    """What a token is."""
    return _KINDS.get(token[:1], "symbol")


def value(text: str, token: str, start: int) -> str:
    """What is between quotes, after a `%` or `$`; raises `FhirPathError` at an escape that there is not."""
    if token[0] in "%$":
        return value(text, token[1:], start + 1)
    if token[0] not in "'`":
        return token
    inner = token[1:-1]
    return inner if "\\" not in inner else _unescape(text, inner, start + 1)


def _unescape(text: str, inner: str, start: int) -> str:
    def replace(found: re.Match[str]) -> str:
        code = found.group(1)
        if len(code) > 1:
            # Two escapes are one character where JSON, too, writes it so; half of one is no text.
            units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in code[1:].split("\\u"))
            try:
                return units.decode("utf-16-be")
            except UnicodeDecodeError:
                problem = "Half of a character is none"
                raise FhirPathError("fhirpath.syntax", text, start + found.start(), problem=problem) from None
        if code not in ESCAPED:
            raise FhirPathError("fhirpath.syntax", text, start + found.start(), problem="There is no such escape")
        return ESCAPED[code]

    return _ESCAPE.sub(replace, inner)


def _first_gap(text: str) -> int:
    """The offset of the first character that is in no token."""
    position = 0
    while found := _PIECE.match(text, position):
        position = found.end()
    return position


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
