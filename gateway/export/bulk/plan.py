"""The searches that an export comes to, in a fixed order, so that it can be taken up again in the middle."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.codec import loads
from gateway.core.export_job import ExportJob
from gateway.core.instants import micros, parse_interval
from gateway.core.resources import Stored
from gateway.export.bulk.associated import PROVENANCE
from gateway.export.bulk.filters import alternatives, of_itself
from gateway.export.bulk.request import ExportRequest
from gateway.search import Parameters, Query, matches
from gateway.search.query import AnyClause, Clause, DateClause, IdClause, Moment, ReferenceClause

PATIENT: Final = "Patient"
PATIENTS_AT_ONCE: Final = 50
"""Patients whose records one search asks for."""

ReadFilter = Callable[[str, int], Query]
"""A search as text, `Type?...`, and the instant of the kick-off -> the query."""


@dataclass(frozen=True, slots=True)
class Step:
    """One search; what matches one of `earlier`, the searches before it of the same type, was written already.

    With `associated`, a preset, it is not the search but what goes with the resources in the files before it.
    """

    query: Query
    earlier: tuple[Query, ...] = ()
    associated: str = ""

    def is_new(self, stored: Stored, parameters: Parameters) -> bool:
        """Whether no earlier search found the resource."""
        if not self.earlier:
            return True
        resource = loads(stored.body)
        return not any(matches(query, resource, parameters) for query in self.earlier)


def steps_of(
    job: ExportJob, request: ExportRequest, parameters: Parameters, read_filter: ReadFilter
) -> tuple[Step, ...]:
    """The steps of an export; none for a type that cannot have anything."""
    filters = [read_filter(text, micros(job.created)) for text in request.filters]
    found: list[Step] = []
    for kind in request.types:
        queries: list[Query] = []
        # What finds again a resource that an earlier search found; what leads elsewhere no resource answers alone,
        # and is part of every search of its type.
        own: list[Query] = []
        wanted = alternatives([one for one in filters if one.type == kind])
        for window in _windows(request, kind, parameters):
            for people in _people(request, kind, parameters):
                queries += [Query(kind, (*window, *people, *clauses)) for clauses in wanted]
                own += [of_itself(query) if request.reached else query for query in queries[len(own) :]]
        found += [Step(query, tuple(own[:number])) for number, query in enumerate(queries)]
    if request.associated:
        found.append(Step(Query(PROVENANCE), associated=request.associated))
    return tuple(found)


def of_patients(kind: str, patients: Sequence[str], parameters: Parameters) -> tuple[Clause, ...] | None:
    """The clause that keeps a type to the records of some patients; None when it is in no patient's record."""
    known = parameters.of(kind)
    codes = [code for code in parameters.compartment(PATIENT).get(kind, ()) if code in known]
    targets = tuple(f"{PATIENT}/{one}" for one in patients)
    ways: list[Clause] = [ReferenceClause(code, targets) for code in codes]
    if kind == PATIENT:
        ways = [IdClause(tuple(patients))]
    if not ways or not patients:
        return None
    return (ways[0] if len(ways) == 1 else AnyClause(tuple(ways)),)


def _people(request: ExportRequest, kind: str, parameters: Parameters) -> Iterator[tuple[Clause, ...]]:
    if request.patients is None:
        yield ()
        return
    for start in range(0, len(request.patients), PATIENTS_AT_ONCE):
        clauses = of_patients(kind, request.patients[start : start + PATIENTS_AT_ONCE], parameters)
        if clauses is not None:
            yield clauses


def _windows(request: ExportRequest, kind: str, parameters: Parameters) -> Iterator[tuple[Clause, ...]]:
    """What was written in the time asked for; then what is older, of those whose Consents changed in it."""
    since, until = _instant(request.since), _instant(request.until)
    before = () if until is None else (updated("lt", until),)
    if since is None:
        yield before
        return
    yield (updated("ge", since), *before)
    for start in range(0, len(request.changed), PATIENTS_AT_ONCE):
        people = of_patients(kind, request.changed[start : start + PATIENTS_AT_ONCE], parameters)
        if people is not None:
            yield (updated("lt", since), *before, *people)


def _instant(text: str) -> int | None:
    interval = parse_interval(text) if text else None
    return interval.low if interval else None


def updated(prefix: str, at: int) -> DateClause:
    """What was written before (`lt`) an instant in microseconds, or at it and later (`ge`)."""
    compare: Moment = Moment("lt" if prefix == "lt" else "ge", at, at + 1)
    return DateClause("_lastUpdated", (compare,))
