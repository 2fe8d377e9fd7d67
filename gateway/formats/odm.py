"""CDISC ODM-XML (1.2, 1.3, 2.0; REDCap project XML and Dataset-XML are of this family).

The tree is the `ODM` element. An element is a dict: attributes by local name, child elements by local name (always a
list, in document order), text that is not blank as `text`. So an item of a form is

    ClinicalData.SubjectData.StudyEventData.FormData.ItemGroupData.ItemData.where(ItemOID = 'IT.DYSPNOEA').Value

Values stay text. Positions are XPaths, `/ODM/ClinicalData[1]/SubjectData[2]/@SubjectKey`.

Document type definitions, entities and external references are refused; depth and the number of elements are
limited. There are no options. See https://www.cdisc.org/standards/data-exchange/odm.
"""

from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer

MAX_DEPTH = 100
MAX_ELEMENTS = 2_000_000

NAMESPACES = tuple(f"http://www.cdisc.org/ns/odm/v{version}" for version in ("1.2", "1.3", "2.0"))


def decode_odm(data: bytes, options: Options) -> Decoded:
    """The tree of an ODM document; raises `BadRequest` with a `format.xml-*` or `format.odm-*` rule."""
    if not data.strip():
        raise BadRequest(issue("payload.empty"))
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line, column = error.position
        raise BadRequest(issue("format.xml-not-whole", source=f"line {line}, column {column + 1}")) from None
    except DefusedXmlException:
        raise BadRequest(issue("format.xml-unsafe")) from None
    except (ValueError, LookupError):
        raise BadRequest(issue("format.xml-encoding")) from None
    return Decoded(builder.root, lambda pointer: _locate(builder.root, pointer))


class _Builder:
    """The parser's target: makes dicts while the text streams by."""

    def __init__(self) -> None:
        self.open: list[dict[str, Any]] = []
        self.texts: list[list[str]] = []
        self.root: dict[str, Any] = {}
        self.count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element: dict[str, Any] = {_local(name): value for name, value in attributes.items()}
        self.count += 1
        if not self.open:
            namespace, _, name = tag[1:].rpartition("}")
            if name != "ODM" or namespace not in NAMESPACES:
                raise BadRequest(issue("format.odm-root"))
            self.root = element
        else:
            self._attach(_local(tag), element)
        if len(self.open) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise BadRequest(issue("format.xml-limit", depth=MAX_DEPTH, elements=MAX_ELEMENTS))
        self.open.append(element)
        self.texts.append([])

    def _attach(self, name: str, element: dict[str, Any]) -> None:
        siblings = self.open[-1].setdefault(name, [])
        if not isinstance(siblings, list):
            raise BadRequest(issue("format.odm-name-clash", element=name))
        siblings.append(element)

    def data(self, text: str) -> None:
        if self.texts:
            self.texts[-1].append(text)

    def end(self, tag: str) -> None:
        element = self.open.pop()
        text = "".join(self.texts.pop())
        if text.strip():
            element["text"] = text

    def close(self) -> dict[str, Any]:
        return self.root


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _locate(tree: dict[str, Any], pointer: Pointer) -> str:
    places = ["/ODM"]
    node: Any = tree
    for step in pointer:
        if isinstance(step, int):
            if not isinstance(node, list) or step >= len(node):
                break
            places[-1] = f"{places[-1]}[{step + 1}]"
        elif not isinstance(node, dict) or step not in node:
            break
        elif isinstance(node[step], list):
            places.append("/" + step)
        else:
            places.append("/text()" if step == "text" else "/@" + step)
        node = node[step]
    return "".join(places)
