"""What the store says around a resource that comes in, for the study's rules: visits, devices, enrolment.

It is read through a Door, as who delivers or writes, for collecting: what the participant's Consent does not let
them collect does not exist here. Nothing is read before a rule asks for it, and each thing once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gateway.access import Door, Found, Page
from gateway.core.codec import loads
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.core.types import Resource
from gateway.search.clauses import Clause, IdClause, ReferenceClause, Token, TokenClause
from gateway.search.query import Query

FACTS: Final[Mapping[str, str]] = {"visits": "Encounter", "devices": "Device", "enrolments": "ResearchSubject"}
"""Variable of a rule -> the type of the participant's stored resources that it holds."""

TYPES: Final = frozenset({*FACTS.values(), "Patient", "ServiceRequest", "Specimen"})
"""Types that a rule may see, through a variable or a reference."""

_SCOPES: Final = tuple(f"system/{name}.rs" for name in sorted(TYPES))

MOST: Final = 1000
"""How many resources of a type a rule may see; a participant who has more is not judged."""

_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")


Search = Callable[[Query], Found]


class StoredFacts:
    """The facts for one payload, or one question; `search` answers a query, or raises `Forbidden`."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._about: dict[tuple[str, str], tuple[Resource, ...] | None] = {}
        self._single: dict[str, Resource | None] = {}

    @classmethod
    def of_writer(cls, doors: Callable[[Principal], Door], principal: Principal) -> "StoredFacts":
        """Those that rules may see for a source or writer: what its Door lets it collect, though it may not read."""

        def search(query: Query) -> Found:
            checking = replace(principal, scopes=_SCOPES)
            return doors(checking).search(query, Page(MOST), action="collect")

        return cls(search)

    @classmethod
    def of_reader(cls, door: Door) -> "StoredFacts":
        """Those that a reader's own Door shows."""
        return cls(lambda query: door.search(query, Page(MOST)))

    def of(self, patient: str, name: str) -> tuple[Resource, ...] | None:
        """What the variable `name` holds of a Patient (its id); None when it may not be read, or is too much."""
        key = (patient, name)
        if key not in self._about:
            self._about[key] = self._find(FACTS[name], ReferenceClause("patient", (f"Patient/{patient}",)))
        return self._about[key]

    def resolve(self, reference: str) -> Resource | None:
        """The resource that `Type/id` refers to; None when there is none that may be seen."""
        if reference not in self._single:
            found = _REFERENCE.match(reference)
            known = found is not None and found.group(1) in TYPES
            rows = self._find(found.group(1), IdClause((found.group(2),))) if found is not None and known else ()
            self._single[reference] = rows[0] if rows else None
        return self._single[reference]

    def is_there(self, kind: str, system: str, value: str) -> bool:
        """Whether a resource of the type with the identifier is there, and may be seen."""
        return bool(self._find(kind, TokenClause("identifier", (Token(system, value),))))

    def _find(self, kind: str, clause: Clause) -> tuple[Resource, ...] | None:
        try:
            found = self._search(Query(kind, (clause,)))
        except Forbidden:
            return None
        return tuple(loads(row.body) for row in found.rows) if found.next is None else None
