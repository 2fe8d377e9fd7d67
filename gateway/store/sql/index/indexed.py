"""What the store knows of each type's search parameters: which way each is found, and which need no rows.

A parameter that says the same as others gets no rows of its own: searches by it are asked of those (see
`gateway.store.sql.reading.asking`). `patient` is `subject` among patients; `code-value-quantity` is `code` and
`value-quantity`, since both stand once in a resource.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.search import Parameters
from gateway.search.parameters import Indexed

_IN_TIME: Final = (
    "date", "birthdate", "authored", "authoredon", "effective-time", "effective", "period", "issued", "created",
    "recorded-date", "sent", "collected", "started", "whenprepared", "planned-date",
)  # fmt: skip
"""By which date a resource is placed in time: the first that its type has. Their elements stand once at most."""

_REPEATED: Final = frozenset({("MedicationRequest", "date")})
"""Those of which a resource may have several."""

_OWN: Final = frozenset({"_source", "url", "email", "phone", "telecom", "mode", "accession", "value-string"})
"""Tokens and URIs that hardly two resources share, beside every `...identifier`."""

_UNIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "Observation": {"combo-value-quantity": ("value-quantity", "component-value-quantity")}
}
"""Parameters whose values are those of others together."""

_TOGETHER: Final[Mapping[str, Mapping[str, tuple[tuple[str, ...], str]]]] = {
    "Observation": {
        "code-value-concept": (("code", "value-concept"), ""),
        "code-value-date": (("code", "value-date"), ""),
        "code-value-quantity": (("code", "value-quantity"), ""),
        "code-value-string": (("code", "value-string"), ""),
        "combo-code-value-concept": (("code", "value-concept"), "component-code-value-concept"),
        "combo-code-value-quantity": (("code", "value-quantity"), "component-code-value-quantity"),
    }
}
"""Composites whose components stand once in a resource, as parameters; or in the places of another composite."""


@dataclass(frozen=True, slots=True)
class TypeIndex:
    """How one type is indexed.

    `in_time` is the date parameter in `resource.at`, "" for none; `same` maps a parameter to one whose references
    hold its own; `unions` and `together` as above; `own` are the tokens and URIs kept as terms.
    """

    in_time: str
    same: Mapping[str, str]
    unions: Mapping[str, tuple[str, ...]]
    together: Mapping[str, tuple[tuple[str, ...], str]]
    own: frozenset[str]

    def without_rows(self, parameter: str) -> bool:
        """Whether rows of other parameters answer for this one."""
        return parameter in self.unions or parameter in self.together


def type_index(type: str, parameters: Parameters) -> TypeIndex:
    """How a type is indexed."""
    known = parameters.of(type)
    timed = [code for code in _IN_TIME if (type, code) not in _REPEATED]
    dates = [code for code in timed if code in known and known[code].kind == "date"]
    own = {code for code in known if code in _OWN or code.endswith("identifier")}
    unions = {name: parts for name, parts in _UNIONS.get(type, {}).items() if {name, *parts} <= known.keys()}
    together = {
        name: (parts, other)
        for name, (parts, other) in _TOGETHER.get(type, {}).items()
        if {name, *parts, *([other] if other else [])} <= known.keys()
    }
    return TypeIndex(
        in_time=dates[0] if dates else "",
        same=MappingProxyType(_same(known.values())),
        unions=MappingProxyType(unions),
        together=MappingProxyType(together),
        own=frozenset(own),
    )


def _same(parameters: Iterable[Indexed]) -> dict[str, str]:
    """References of one expression that differ in the types they lead to: the one that leads to all of them."""
    references = [(one, one.expression.text) for one in parameters if one.kind == "reference" and one.expression]
    found: dict[str, str] = {}
    for one, text in references:
        wider = [other for other, same in references if same == text and other.targets > one.targets]
        if wider:
            found[one.code] = max(wider, key=lambda other: len(other.targets)).code
    return found
