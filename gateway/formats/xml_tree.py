"""XML text to a tree of dicts, defused: what the formats `xml` and `odm` share.

An element is a dict: attributes by local name, child elements by local name (always a list, in document order), text
that is not blank as `text`. Values stay text. Entities and external references are refused; a document type
definition too, unless it is asked for, and then without default values of attributes, which would multiply.
Depth and the number of elements are limited.
"""

import re
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Pointer

MAX_DEPTH = 100
MAX_ELEMENTS = 2_000_000

_DECLARED = re.compile(rb"<\?xml[^>]{0,60}\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_SEVERAL_BYTES = {
    "shift_jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "cp932": "cp932",
    "euc-jp": "euc-jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
    "cp949": "cp949",
}
"""Encodings that expat lacks, as a document declares them, and the codec that reads them (a superset of some)."""


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """A document's root: its local name, its namespace ("" for none) and its element."""

    name: str
    namespace: str
    element: dict[str, Any]

    def locate(self, pointer: Pointer) -> str:
        """The XPath of a node by its path from the root element."""
        places = ["/" + self.name]
        node: Any = self.element
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


def read_xml(data: bytes, *, document_type: bool = False) -> XmlDocument:
    """The document in `data`; `document_type` takes an inner DTD. Raises `BadRequest` with a `format.xml-*` rule."""
    if not data.strip():
        raise BadRequest(issue("payload.empty"))
    data = _readable(data)
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=not document_type)
    parser.parser.AttlistDeclHandler = refuse_default
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
    return XmlDocument(builder.name, builder.namespace, builder.root)


def _readable(data: bytes) -> bytes:
    """The document as it is, or as UTF-8 where it declares an encoding of several bytes that the parser lacks."""
    found = _DECLARED.match(data)
    declared = found[1].decode("ascii") if found else ""
    codec = _SEVERAL_BYTES.get(declared.lower())
    if codec is None:
        return data
    try:
        text = data.decode(codec)
    except ValueError:
        raise BadRequest(issue("format.xml-encoding")) from None
    return text.replace(declared, "UTF-8", 1).encode("utf-8")


def refuse_default(element: str, name: str, kind: str, default: str | None, required: bool) -> None:
    """Refuses a default value that a DTD gives an attribute: a long one, a million times, is a bomb."""
    if default is not None:
        raise BadRequest(issue("format.xml-unsafe"))


class _Builder:
    """The parser's target: makes dicts while the text streams by."""

    def __init__(self) -> None:
        self.open: list[dict[str, Any]] = []
        self.texts: list[list[str]] = []
        self.root: dict[str, Any] = {}
        self.name = self.namespace = ""
        self.count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element: dict[str, Any] = {local_name(name): value for name, value in attributes.items()}
        self.count += 1
        if self.open:
            self._attach(local_name(tag), element)
        else:
            self.namespace, self.name = tag.rpartition("}")[0][1:], local_name(tag)
            self.root = element
        if len(self.open) >= MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise BadRequest(issue("format.xml-limit", depth=MAX_DEPTH, elements=MAX_ELEMENTS))
        self.open.append(element)
        self.texts.append([])

    def _attach(self, name: str, element: dict[str, Any]) -> None:
        siblings = self.open[-1].setdefault(name, [])
        if not isinstance(siblings, list):
            raise BadRequest(issue("format.xml-name-clash", element=name))
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


def children(element: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The elements of a name in an element; none where an attribute has taken the name."""
    found = element.get(name)
    return found if isinstance(found, list) else []


def local_name(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition("}")[2]
