"""XML of any vendor: `{"Root": {...}}`, the root element by its local name.

An element is a dict: attributes by local name, child elements by local name (always a list, in document order), text
that is not blank as `text`. Values stay text: `HealthData.Record.where(type = 'T').value.toDecimal()`. Positions are
XPaths, `/HealthData/Record[3]/@value`.

Entities and external references are refused, depth and the number of elements are limited. Options: `document_type`
(true takes a document type definition inside the file, without entities and default values; else it is refused),
`lenient` (true passes over such a definition that is not well-formed, and over vertical tabs, see `xml_lenient`),
`context` (names of the leading elements that every part of a large file repeats, see `gateway.formats.xml_parts`).
"""

from gateway.formats.decoded import Decoded, Options, Pointer
from gateway.formats.xml_lenient import without_definition, without_vertical_tabs
from gateway.formats.xml_tree import read_xml


def decode_xml(data: bytes, options: Options) -> Decoded:
    """The tree of a document; raises `BadRequest` with a `format.xml-*` rule, or `payload.empty`."""
    if options.get("lenient"):
        data = without_vertical_tabs(without_definition(data) if options.get("document_type") else data)
    document = read_xml(data, document_type=bool(options.get("document_type")))

    def locate(pointer: Pointer) -> str:
        return document.locate(pointer[1:]) if pointer else ""

    return Decoded({document.name: document.element}, locate)
