"""What a client has to remove again: of an export since an instant, what was deleted and what is hidden from it now.

Lines of Bundles with one DELETE an entry. What is told was disclosable to the client at that instant or after it, so
that nobody learns of what never was; the client may not have taken all of it.
See https://hl7.org/fhir/uv/bulkdata/export.html, "deleted".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Final

from gateway.access import Access
from gateway.core.clock import Clock
from gateway.core.codec import dumps
from gateway.core.export_job import ExportJob
from gateway.core.instants import from_micros, micros, parse_interval
from gateway.core.principal import Principal
from gateway.core.resources import Placement
from gateway.core.types import Resource
from gateway.export.bulk.associated import PROVENANCE
from gateway.export.bulk.filters import of_itself
from gateway.export.bulk.plan import PATIENT, PATIENTS_AT_ONCE, ReadFilter, of_patients
from gateway.export.bulk.port import ExportStore
from gateway.export.bulk.request import ExportRequest
from gateway.search import Parameters, Query, matches

ENTRIES: Final = 500
"""Deletions in one Bundle."""


@dataclass(frozen=True, slots=True)
class Departures:
    """Finds them, for any export; they change with every Consent, so that they are found anew then."""

    store: ExportStore
    access: Access
    parameters: Parameters
    filter_reader: Callable[[str], ReadFilter]
    clock: Clock

    def lines(self, job: ExportJob, request: ExportRequest, who: Principal) -> Iterator[bytes]:
        """Bundles, as far as `who` still has the right to the types; none without `_since`."""
        found = parse_interval(request.since) if request.since else None
        if found is None:
            return
        until = min(filter(None, (_instant(request.until), job.created)))
        deletions = self._deletions(job, request, who, from_micros(found.low), until)
        while entries := [{"request": {"method": "DELETE", "url": url}} for url in islice(deletions, ENTRIES)]:
            yield dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})

    def _deletions(
        self, job: ExportJob, request: ExportRequest, who: Principal, since: datetime, until: datetime
    ) -> Iterator[str]:
        # What is stored tells milliseconds, and so does the instant that the next export begins at.
        until = from_micros(micros(until) // 1_000 * 1_000)
        departing = self.access.departing(who, micros(since), micros(until), job.id)
        changed = self.store.changed_subjects(job.study, since, self.clock())
        # Of a filter that leads elsewhere the rest: more may be told to be removed than was taken, never less.
        read, known = self.filter_reader(job.study), self.parameters.of_study(job.study)
        filters = [of_itself(read(text, micros(job.created))) for text in request.filters]
        for kind in (*request.types, *((PROVENANCE,) if request.associated else ())):
            wanted = [one for one in filters if one.type == kind]

            def meant(resource: Resource, placement: Placement, wanted: list[Query] = wanted) -> bool:
                fits = not wanted or any(matches(query, resource, known) for query in wanted)
                return fits and _is_of(request, resource, placement)

            rewritten = self.store.rewritten(job.study, kind, since, until)
            candidates = chain(rewritten, *(departing.of_patients(one) for one in self._queries(kind, changed)))
            told = dict.fromkeys(departing.of(kind, candidates, meant))
            yield from (f"{kind}/{id}" for id in told)

    def _queries(self, kind: str, patients: list[str]) -> Iterator[Query]:
        for start in range(0, len(patients), PATIENTS_AT_ONCE):
            clauses = of_patients(kind, patients[start : start + PATIENTS_AT_ONCE], self.parameters)
            if clauses is not None:
                yield Query(kind, clauses)


def _is_of(request: ExportRequest, resource: Resource, placement: Placement) -> bool:
    """Whether the resource is in the record of one of the patients asked for."""
    if request.patients is None:
        return True
    own = {resource["id"]} if resource["resourceType"] == PATIENT else set(placement.subjects)
    return not own.isdisjoint(request.patients)


def _instant(text: str) -> datetime | None:
    found = parse_interval(text) if text else None
    return from_micros(found.low) if found else None
