"""children(), descendants() and FHIR's own functions on elements.

See https://hl7.org/fhirpath/N1/#tree-navigation and https://hl7.org/fhir/R4/fhirpath.html#functions.
"""

from typing import Any

from gateway.fhirpath.descent import typed_children
from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import Data, function
from gateway.fhirpath.kinds import BOOLEAN, Kind
from gateway.fhirpath.runtime import listed, plain_children, walk
from gateway.fhirpath.values.items import Element, plain, raw

_UNORDERED = Kind(None, many=True, ordered=False)


def _below(data: Data, item: Any) -> list[Any]:
    if data.typed and data.model is not None:
        return list(typed_children(item, data.model))
    return list(plain_children(item))


@function(
    "children",
    "5.8.1",
    focus="Items",
    returns=_UNORDERED,
    typed="tree",
    needs="data",
    examples=("{}.children().empty()",),
)
def children(data: Data, items: list[Any]) -> list[Any]:
    """All elements directly below the items, in no order to rely on."""
    return [part for item in items for part in _below(data, item)]


@function(
    "descendants",
    "5.8.2",
    focus="Items",
    returns=_UNORDERED,
    typed="tree",
    needs="data",
    examples=("{}.descendants().empty()",),
)
def descendants(data: Data, items: list[Any]) -> list[Any]:
    """All elements below the items at any depth, without the items themselves."""
    return walk(items, lambda item: _below(data, item), data.env, unique=False)


@function(
    "extension",
    "FHIR: extension",
    focus="Items",
    takes=("String",),
    returns=Kind(frozenset(("Extension",))),
    typed="primitive",
    needs="data",
    examples=("{}.extension('urn:x').empty()",),
)
def extension(data: Data, items: list[Any], url: str | None) -> list[Any]:
    """The extensions of the items that have this URL."""
    found = [
        entry for item in items for entry in _extensions(item) if entry.__class__ is dict and entry.get("url") == url
    ]
    return [Element(entry, "Extension") for entry in found] if data.typed else found


def _extensions(item: Any) -> list[Any]:
    tree = raw(item)
    if tree.__class__ is not dict:
        tree = item.extra if item.__class__ is Element else None
    return [] if tree is None else listed(tree.get("extension"))


@function("hasValue", "FHIR: hasValue", focus="Items", returns=BOOLEAN, examples=("1.hasValue()",))
def has_value(items: list[Any]) -> bool:
    """Whether the focus is a single primitive that has a value."""
    value = raw(items[0]) if len(items) == 1 else None
    return value is not None and value.__class__ is not dict


@function("getValue", "FHIR: getValue", focus="Items", returns=Kind(None, many=False), examples=("1.getValue() = 1",))
def get_value(items: list[Any]) -> Any:
    """The value of a single primitive; nothing for anything else."""
    return plain(items[0]) if has_value.call(items) else None


def _reference(item: Any) -> Any:
    tree = raw(item)
    return tree.get("reference") if tree.__class__ is dict else tree


@function(
    "resolve",
    "FHIR: resolve",
    focus="Items",
    returns=Kind(frozenset(("Resource",))),
    needs="data",
    examples=("{}.resolve().empty()",),
)
def resolve(data: Data, items: list[Any]) -> list[Any]:
    """The resources that References, canonicals or URLs name, contained ones too; unknown ones are left out."""
    found: list[Any] = []
    for item in items:
        text = _reference(item)
        if text.__class__ is not str:
            continue
        resource = _contained(data, text) if text.startswith("#") else None
        if resource is None and data.env is not None and data.env.resolve is not None:
            resource = data.env.resolve(text)
        if resource is not None:
            found.append(resource)
    return found


def _contained(data: Data, text: str) -> Any:
    env, root = data.env, data.root
    if env is not None:
        root = env.root if env.root is not None else env.resource if env.resource is not None else root
    if root.__class__ is not dict:
        return None
    return next((part for part in listed(root.get("contained")) if part.get("id") == text[1:]), None)


@function(
    "hasExtension",
    "FHIR: hasExtension",
    focus="Items",
    takes=("String",),
    returns=BOOLEAN,
    typed="primitive",
    examples=("{}.hasExtension('urn:x') = false",),
)
def has_extension(items: list[Any], url: str | None) -> bool:
    """Whether an item has an extension with this URL; written in one R4 search parameter and in newer guides."""
    return any(entry.__class__ is dict and entry.get("url") == url for item in items for entry in _extensions(item))


@function(
    "checkModifiers",
    "FHIR: checkModifiers",
    focus="Items",
    takes=("String",),
    optional=1,
    returns=None,
    variadic=True,
    examples=("{}.checkModifiers('urn:x').empty()",),
)
def check_modifiers(items: list[Any], *named: str | None) -> list[Any]:
    """The items; a fault when one has a modifier extension with another URL than those named.

    R4 gives each URL as an argument, R5 all in one text with commas between; both are taken.
    """
    if None in named or "" in named:
        raise Fault("fhirpath.operand", operation="checkModifiers()")
    urls = {url.strip() for text in named if text is not None for url in (text, *text.split(","))}
    for item in items:
        tree = raw(item)
        for entry in listed(tree.get("modifierExtension")) if tree.__class__ is dict else ():
            if entry.__class__ is not dict or entry.get("url") not in urls:
                raise Fault("fhirpath.operand", operation="checkModifiers()")
    return items
