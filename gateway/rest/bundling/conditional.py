"""Conditional references of a transaction: what each of them finds once the transaction's entries are done.

R4 resolves them last: what the transaction writes can be found, as it will be, and what it deletes cannot.
See https://hl7.org/fhir/R4/http.html#trules.
"""

from collections.abc import Iterable, Sequence

from gateway.access import Delete, Finder, Step, Write
from gateway.access.reading.limits import is_of_one
from gateway.core.errors import PreconditionFailed
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.search import Parameters, Query
from gateway.search.match import Subject, holds


class Outcome:
    """What there is after `steps`, as far as conditions of references ask for it."""

    def __init__(self, find: Finder, parameters: Parameters, steps: Iterable[Step]) -> None:
        self._find = find
        self._parameters = parameters
        self._written: dict[str, list[Resource]] = {}
        self._subjects: dict[str, list[Subject]] = {}
        self._gone: dict[str, set[str]] = {}
        for step in steps:
            if isinstance(step, Write):
                kind, id = step.resource["resourceType"], step.resource["id"]
                self._written.setdefault(kind, []).append(step.resource)
            elif isinstance(step, Delete):
                kind, id = step.type, step.id
            else:
                continue
            self._gone.setdefault(kind, set()).add(id)

    def the_one(self, query: Query) -> str:
        """`Type/id` of the one resource that a condition finds.

        Chains and `_has` find what was there before the transaction. Raises `PreconditionFailed` for none and for
        several, `Forbidden` without the scope to search.
        """
        gone = self._gone.get(query.type, set())
        stored = self._find.search(query, 2 + len(gone))
        found = [*self._written_that_match(query), *(one.key.reference for one in stored if one.key.id not in gone)]
        if len(found) != 1:
            raise PreconditionFailed(issue("rest.several-match" if found else "rest.reference-unresolved"))
        return found[0]

    def _written_that_match(self, query: Query) -> Sequence[str]:
        clauses = query.clauses_of(query.type)
        if not all(map(is_of_one, clauses)):
            return ()
        subjects = self._subjects.get(query.type)
        if subjects is None:  # most types are not asked for
            written = self._written.get(query.type, ())
            subjects = self._subjects[query.type] = [Subject(one, self._parameters, ()) for one in written]
        return [one.reference for one in subjects if all(holds(clause, one) for clause in clauses)]
