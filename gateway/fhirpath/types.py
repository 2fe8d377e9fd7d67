"""Type names of expressions and what an item's type is at run time.

See https://hl7.org/fhirpath/N1/#types.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.model import Model
from gateway.fhirpath.syntax.nodes import Expr, Member, TypeName
from gateway.fhirpath.values.items import Element
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal

SYSTEM_TYPES: Final = frozenset(
    ("Any", "Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity")
)
ABSTRACT: Final = frozenset(("Resource", "DomainResource", "Element", "BackboneElement", "System.Any"))
"""Types whose items have a more special type."""

_CLASSES: Final = {bool: "Boolean", str: "String", int: "Integer", Decimal: "Decimal", Quantity: "Quantity"}


def targets(name: TypeName, model: Model | None) -> frozenset[str]:
    """The types that a type name may stand for, FHIR's and System's; empty when there is none."""
    found: set[str] = set()
    if name.namespace in ("", "FHIR") and model is not None and model.knows(name.name):
        found.add(name.name)
    if name.namespace == "System" or (name.namespace == "" and name.name in SYSTEM_TYPES):
        found.add(f"System.{name.name}")
    return frozenset(found)


def type_argument(node: Expr) -> TypeName | None:
    """The type that an argument such as `FHIR.Patient` names; None when it is no name."""
    match node:
        case Member(target=None, name=name, start=start, end=end):
            return TypeName("", name, start, end)
        case Member(target=Member(target=None, name=namespace), name=name, start=start, end=end):
            return TypeName(namespace, name, start, end)
    return None


def type_of(item: Any) -> str:
    """The type of an item: that of an Element, a resource's own, or the System type of the Python value."""
    kind = item.__class__
    if kind is Element:
        return str(item.type)
    if kind is dict:
        return str(item.get("resourceType", ""))
    if kind is Temporal:
        return f"System.{item.sort}"
    return f"System.{_CLASSES.get(kind, 'Any')}"


def matches(type_name: str, wanted: Iterable[str], model: Model | None) -> bool:
    """Whether a type is one of the wanted ones or derived from one."""
    for name in wanted:
        if name == type_name or name == "System.Any":
            return True
        if model is not None and "System." not in type_name and type_name and model.is_subtype(type_name, name):
            return True
    return False


def is_exactly(type_name: str, wanted: Iterable[str], model: Model | None) -> bool:
    """As `matches`, but a primitive type is only itself: a code is not taken as a string."""
    if model is not None and "System." not in type_name and type_name and model.is_primitive(type_name):
        return type_name in wanted
    return matches(type_name, wanted, model)
