"""htmlChecks(). See https://hl7.org/fhir/R4/narrative.html#rules.

Elements, attributes and script are judged. A div of white space only passes, as it does in the specification's own
validator and examples.
"""

from html.parser import HTMLParser
from typing import Any, Final

from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN
from gateway.fhirpath.values.items import raw

MAX_DEPTH: Final = 100


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS: Final = _words(
    "p br div h1 h2 h3 h4 h5 h6 a span b em i strong small big tt dfn q var abbr acronym cite blockquote hr address "
    "bdo kbd sub sup ul ol li dl dt dd pre table caption colgroup col thead tr tfoot tbody th td code samp img map "
    "area del ins"
)
"""The elements of HTML 4 chapters 7 to 11 and 15, and img, that a narrative may have."""

_ATTRIBUTES: Final = _words("title style class id lang xml:lang dir accesskey tabindex xmlns xml:space")
_OWN_ATTRIBUTES: Final = {
    "a": _words("href name rel rev target charset hreflang type"),
    "span": _words("char charoff valign align width"),
    "img": _words("src alt longdesc usemap ismap height width border hspace vspace align"),
    "area": _words("shape coords href nohref alt target"),
    "map": _words("name"),
    "q": _words("cite"),
    "blockquote": _words("cite"),
    "del": _words("cite datetime"),
    "ins": _words("cite datetime"),
}
_TABLE: Final = _words(
    "align valign width height border cellpadding cellspacing colspan rowspan scope abbr axis headers nowrap char "
    "charoff span summary frame rules bgcolor"
)
_TABLE_ELEMENTS: Final = _words("table thead tbody tfoot tr th td col colgroup caption p div h1 h2 h3 h4 h5 h6 hr")
_LIST: Final = _words("type start value compact")
_LIST_ELEMENTS: Final = _words("ul ol li dl dt dd")
_EMPTY: Final = _words("br hr img col area")


class _Reader(HTMLParser):
    """Reads a narrative; `sound` turns false at the first thing that is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.sound = True
        self.open: list[str] = []
        self.closed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A start tag: its name, place and attributes."""
        is_root = not self.open
        self.sound &= (tag == "div" and not self.closed) if is_root else tag in ELEMENTS
        self.sound &= len(self.open) < MAX_DEPTH
        self.sound &= all(_is_allowed(tag, name, value or "") for name, value in attrs)
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An empty-element tag."""
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """An end tag must close what is open."""
        if tag in _EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.sound = False
        self.closed |= not self.open

    def handle_data(self, data: str) -> None:
        """Text; outside of the div only white space."""
        self.sound &= bool(self.open) or not data.strip()

    def handle_decl(self, decl: str) -> None:
        """Declarations are not allowed."""
        self.sound = False

    def handle_pi(self, data: str) -> None:
        """Processing instructions are not allowed."""
        self.sound = False

    def unknown_decl(self, data: str) -> None:
        """CDATA sections are not allowed."""
        self.sound = False


def _is_allowed(tag: str, name: str, value: str) -> bool:
    known = name in _ATTRIBUTES or name in _OWN_ATTRIBUTES.get(tag, ()) or name.startswith("xmlns:")
    known = known or (tag in _TABLE_ELEMENTS and name in _TABLE) or (tag in _LIST_ELEMENTS and name in _LIST)
    script = "".join(value.split()).lower().startswith(("javascript:", "vbscript:", "data:text"))
    return known and not script


@function("htmlChecks", "FHIR: htmlChecks", focus="Item", returns=BOOLEAN, examples=("{}.htmlChecks().empty()",))
def html_checks(item: Any) -> bool | None:
    """Whether the narrative is one div of allowed elements and attributes, and no script."""
    text = raw(item)
    if text.__class__ is not str:
        return None
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.sound and reader.closed and not reader.open
