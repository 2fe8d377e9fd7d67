"""Where a character of a YAML text stands in its file: behind quotes and escapes, in folded and in block lines.

See https://yaml.org/spec/1.2.2/#chapter-7-flow-style-productions.
"""

import re
from bisect import bisect_right

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BLANK = frozenset(" \t\n\r\x85\u2028\u2029")
_LINE_END = re.compile("[ \t]*(?:[\n\r\x85\u2028\u2029]|\\Z)")
_ESCAPED = {"x": 4, "u": 6, "U": 10}
"""How many characters an escape of double quotes takes, where it is not two."""


def place_within(source: str, line: int, column: int, style: str, text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset` of `text`, whose node starts at `line` and `column`.

    `style` is that of the node: a quote, `|`, `>` or "" for plain. An offset at the end is the place behind the text.
    """
    starts = [0, *(found.end() for found in _BREAK.finditer(source))]
    index = starts[line - 1] + column - 1
    if style in ("|", ">"):
        index = starts[line] if line < len(starts) else len(source)
    elif style:
        index += 1
    for character in text[:offset]:
        index = _reached(source, index, character, style)
        index += _width(source, index, character, style)
    if offset < len(text):
        index = _reached(source, index, text[offset], style)
    found = bisect_right(starts, index)
    return found, index - starts[found - 1] + 1


def _reached(source: str, index: int, character: str, style: str) -> int:
    """Where the character begins, behind line breaks and indentation that stand between it and the one before."""
    while style == '"' and source[index : index + 1] == "\\" and _BREAK.match(source, index + 1):
        index = _behind_blanks(source, index + 1)
    if character not in _BLANK or _LINE_END.match(source, index):
        return _behind_blanks(source, index)
    return index


def _behind_blanks(source: str, index: int) -> int:
    while index < len(source) and source[index] in _BLANK:
        index += 1
    return index


def _width(source: str, index: int, character: str, style: str) -> int:
    """How many characters of the file make this one; none for a blank that a line break made."""
    here = source[index : index + 1]
    if style == '"' and here == "\\":
        return _ESCAPED.get(source[index + 1 : index + 2], 2)
    if style == "'" and here == "'":
        return 2
    return 0 if character in _BLANK and here not in _BLANK else 1
