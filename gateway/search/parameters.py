"""The search parameters that are indexed, each with its compiled expression."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from gateway.definitions import Definitions, SearchParameter
from gateway.fhirpath import Expression, compile

INDEXED: Final = frozenset({"identifier", "patient", "subject", "code", "date", "category"})
"""The parameters indexed for every type that has them, beside `_id` and `_lastUpdated`.

Resources are indexed when they are written: with another set here, stored ones must be written again.
"""

Kind: TypeAlias = Literal["token", "reference", "date"]
_KINDS: Final[dict[str, Kind]] = {"token": "token", "reference": "reference", "date": "date"}

_RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")


@dataclass(frozen=True, slots=True)
class Indexed:
    """A parameter of one type: its kind, its expression, and for references the types that may be their target."""

    code: str
    kind: Kind
    expression: Expression
    targets: frozenset[str]


class Parameters:
    """The indexed parameters of every resource type, compiled at first use of the type.

    Parameters of a kind that is not indexed (string, quantity, composite ...) are left out, and searching by them
    is refused.
    """

    def __init__(self, definitions: Definitions, codes: Iterable[str] = INDEXED) -> None:
        self._definitions = definitions
        self._codes = frozenset(codes)
        self._types: dict[str, Mapping[str, Indexed]] = {}

    def of(self, type: str) -> Mapping[str, Indexed]:
        """Code -> parameter of a type; empty for a name that is no resource type."""
        found = self._types.get(type)
        if found is None:
            known = self._definitions.search_parameters(type)
            compiled = (_compiled(type, known[code]) for code in sorted(self._codes & known.keys()))
            found = self._types[type] = MappingProxyType({one.code: one for one in compiled if one})
        return found

    def is_type(self, type: str) -> bool:
        """True for the name of an R4 resource type; the abstract ones are none."""
        return type in self._definitions.types()


def _compiled(type: str, parameter: SearchParameter) -> Indexed | None:
    kind = _KINDS.get(parameter.type)
    if kind is None or not parameter.expression:
        return None
    # `resolve() is X` asks for the target's type, which the literal reference tells without fetching it.
    targets = _RESOLVED.findall(parameter.expression) or parameter.targets
    expression = compile(_RESOLVED.sub("", parameter.expression), base=type)
    return Indexed(parameter.code, kind, expression, frozenset(targets))
