"""What XML readers stumble over in exports of vendors that are not well-formed: option `lenient` of `xml`.

Apple's exports of iOS 16 have a document type definition with misplaced brackets, and vertical tabs in values. Both
become blanks, so that every offset and line stays what it was.
"""

import re

_LINE_BREAK, _BLANK = b"\n"[0], b" "[0]
_VERTICAL_TAB = bytes.maketrans(b"\x0b", b" ")
_DEFINITION = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*(<!DOCTYPE\s+[A-Za-z_][\w.-]*\s*\[[^]\"'%&]*\]\s*>)"
)
"""Without quotes there are no entities, no default values and nothing outside the file: nothing is lost with it."""


def without_definition(head: bytes) -> bytes:
    """The beginning of a document with a harmless document type definition blanked out; as it is where there is none.

    One that declares more than elements and attributes, or does not end in `head`, stays for the parser to judge.
    """
    found = _DEFINITION.match(head)
    if found is None:
        return head
    start, end = found.span(1)
    blank = bytes(_LINE_BREAK if one == _LINE_BREAK else _BLANK for one in head[start:end])
    return head[:start] + blank + head[end:]


def without_vertical_tabs(text: bytes) -> bytes:
    """The text, which XML would refuse with them, with blanks in their place."""
    return text.translate(_VERTICAL_TAB)
