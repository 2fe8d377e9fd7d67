"""What is known of a collection before any data is seen."""

from functools import lru_cache
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """The types that the items may have (None: not known), and whether there may be more than one.

    System types are written `System.String`; FHIR types have no prefix; an element with children of its own is its
    path (`Patient.contact`). No types at all means: surely empty.
    """

    types: frozenset[str] | None
    many: bool = True
    ordered: bool = True

    def one(self) -> "Kind":
        """The kind of a single item of this collection."""
        return Kind(self.types, many=False) if self.many or not self.ordered else self

    def several(self) -> "Kind":
        """The same types, maybe several items."""
        return self if self.many else Kind(self.types, many=True, ordered=self.ordered)

    def join(self, other: "Kind") -> "Kind":
        """The kind of either collection."""
        types = None if self.types is None or other.types is None else self.types | other.types
        return Kind(types, self.many or other.many, self.ordered and other.ordered)

    @property
    def sole(self) -> str | None:
        """The type when there is exactly one possible."""
        types = self.types
        return None if types is None or len(types) != 1 else next(iter(types))


def system(name: str, *, many: bool = False) -> Kind:
    """The kind of a System type."""
    return Kind(frozenset((f"System.{name}",)), many)


UNKNOWN: Final = Kind(None, many=True)
UNKNOWN_ITEM: Final = Kind(None, many=False)
NOTHING: Final = Kind(frozenset(), many=False)
BOOLEAN: Final = system("Boolean")
INTEGER: Final = system("Integer")
LONG: Final = system("Long")
DECIMAL: Final = system("Decimal")
STRING: Final = system("String")
DATE: Final = system("Date")
DATETIME: Final = system("DateTime")
TIME: Final = system("Time")
QUANTITY: Final = system("Quantity")

SYSTEM_OF_FHIR: Final = {
    "boolean": "System.Boolean",
    "string": "System.String",
    "code": "System.String",
    "id": "System.String",
    "markdown": "System.String",
    "uri": "System.String",
    "url": "System.String",
    "canonical": "System.String",
    "oid": "System.String",
    "uuid": "System.String",
    "base64Binary": "System.String",
    "xhtml": "System.String",
    "integer": "System.Integer",
    "unsignedInt": "System.Integer",
    "positiveInt": "System.Integer",
    "decimal": "System.Decimal",
    "date": "System.Date",
    "dateTime": "System.DateTime",
    "instant": "System.DateTime",
    "time": "System.Time",
    "Quantity": "System.Quantity",
    "Age": "System.Quantity",
    "Count": "System.Quantity",
    "Distance": "System.Quantity",
    "Duration": "System.Quantity",
    "SimpleQuantity": "System.Quantity",
    "MoneyQuantity": "System.Quantity",
}
"""The System type that a FHIR type is taken for in operators and functions."""

TEMPORAL: Final = frozenset(("date", "dateTime", "instant", "time"))
"""FHIR types whose text is a date or time."""


def system_types(kind: Kind) -> frozenset[str] | None:
    """The System types that the items are taken for; complex FHIR types stay themselves; None when unknown."""
    return None if kind.types is None else _system_types(kind.types)


@lru_cache(maxsize=4096)
def _system_types(types: frozenset[str]) -> frozenset[str]:
    return frozenset(SYSTEM_OF_FHIR.get(name, name) for name in types)
