"""FHIR XML to JSON trees, for the official cases whose profiles are in XML only."""

from decimal import Decimal
from typing import Any

from defusedxml import ElementTree

from gateway.definitions import Definitions, Element

FHIR = "{http://hl7.org/fhir}"
XHTML = "{http://www.w3.org/1999/xhtml}"
NUMBERS = {"integer", "decimal", "positiveInt", "unsignedInt"}
INLINE = {"BackboneElement", "Element"}


def to_json(text: bytes, definitions: Definitions) -> dict[str, Any]:
    """The resource of an XML document."""
    return resource_of(ElementTree.fromstring(text), definitions)


def resource_of(node: Any, definitions: Definitions) -> dict[str, Any]:
    """The resource of an XML element."""
    name = node.tag.removeprefix(FHIR)
    return {"resourceType": name, **_children(node, name, definitions)}


def _children(node: Any, path: str, definitions: Definitions) -> dict[str, Any]:
    result: dict[str, Any] = {name: node.get(name) for name in ("id", "url") if node.get(name) is not None}
    for child in node:
        if child.tag == f"{XHTML}div":
            child.tail = None
            result["div"] = ElementTree.tostring(child, encoding="unicode", default_namespace=XHTML.strip("{}"))
            continue
        name = child.tag.removeprefix(FHIR)
        element, code = _element(path, name, definitions)
        value, extra = _value(child, path, element, code, definitions)
        for key, part in ((name, value), (f"_{name}", extra)):
            if part is not None and element.max == 1:
                result[key] = part
            elif part is not None:
                result.setdefault(key, []).append(part)
    return result


def _element(path: str, name: str, definitions: Definitions) -> tuple[Element, str]:
    children = definitions.children(path)
    if name in children:
        element = children[name]
        return element, element.types[0].code if element.types else "BackboneElement"
    for element in children.values():
        for entry in element.types if element.is_choice else ():
            if name == element.name[:-3] + entry.code[:1].upper() + entry.code[1:]:
                return element, entry.code
    raise ValueError(f"{path} has no element {name}")


def _value(node: Any, path: str, element: Element, code: str, definitions: Definitions) -> tuple[Any, Any]:
    if definitions.is_resource(code):
        return resource_of(node[0], definitions), None
    if not definitions.is_primitive(code):
        inline = code in INLINE or element.content_reference
        return _children(node, f"{path}.{element.name}" if inline else code, definitions), None
    text = node.get("value")
    extra = _children(node, "Element", definitions) or None
    if text is None:
        return None, extra
    if code == "boolean":
        return text == "true", extra
    return (Decimal(text) if "." in text else int(text)) if code in NUMBERS else text, extra
