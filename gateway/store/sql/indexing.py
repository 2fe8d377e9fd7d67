"""From a resource to its index rows, by the search parameters of its type."""

from gateway.core import Resource
from gateway.search import Parameters, extract
from gateway.store.sql.grants import CONSENT, consent_subject, consent_term
from gateway.store.sql.indexed import TypeIndex, type_index
from gateway.store.sql.rows import Rows, index_rows


class Indexes:
    """How each type is indexed, made at first use."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._types: dict[str, TypeIndex] = {}

    def of(self, type: str) -> TypeIndex:
        """How the type is indexed."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = type_index(type, self.parameters)
        return found

    def rows(self, type: str, resource: Resource) -> Rows:
        """The index rows of a resource; a Consent is found by its patient whatever else is indexed."""
        rows = index_rows(type, self.of(type), extract(resource, self.parameters))
        subject = consent_subject(resource) if type == CONSENT else ""
        if subject:
            rows.terms.add(consent_term(subject))
        return rows
