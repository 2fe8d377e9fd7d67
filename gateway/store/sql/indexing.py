"""From a resource to its index rows, by the search parameters of its type."""

from typing import Final

from gateway.core import Resource
from gateway.search import Parameters
from gateway.search.extract import entries_of
from gateway.search.parameters import Indexed
from gateway.store.sql.grants import CONSENT, consent_subject, consent_term
from gateway.store.sql.indexed import TypeIndex, type_index
from gateway.store.sql.rows import Rows, index_rows

MAX_SHAPES: Final = 4_096
"""For how many types with their top-level elements it is kept which parameters they may have."""


class Indexes:
    """How each type is indexed, made at first use."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._types: dict[str, TypeIndex] = {}
        self._shapes: dict[tuple[str, ...], tuple[Indexed, ...]] = {}

    def of(self, type: str) -> TypeIndex:
        """How the type is indexed."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = type_index(type, self.parameters)
        return found

    def rows(self, type: str, resource: Resource) -> Rows:
        """The index rows of a resource; a Consent is found by its patient whatever else is indexed."""
        rows = index_rows(type, self.of(type), entries_of(resource, self._told(type, resource)))
        subject = consent_subject(resource) if type == CONSENT else ""
        if subject:
            rows.terms.add(consent_term(subject))
        return rows

    def _told(self, type: str, resource: Resource) -> tuple[Indexed, ...]:
        """The parameters that the resource may have rows of; the answers for the first shapes are kept."""
        key = (type, *resource)
        found = self._shapes.get(key)
        if found is None:
            how = self.of(type)
            found = tuple(one for one in self.parameters.told_by(resource) if not how.without_rows(one.code))
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = found
        return found
