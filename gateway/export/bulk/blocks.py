"""Files that are ordered by patient: a header, the Patient, and what is in the patient's record, then the next one.

A block is never split over files. See https://hl7.org/fhir/uv/bulkdata/export.html, "organizeOutputBy".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.access import Door
from gateway.core.codec import dumps
from gateway.core.resources import Stored
from gateway.export.bulk.plan import PATIENT, Step
from gateway.export.bulk.request import ExportRequest
from gateway.search import Parameters, Query
from gateway.search.query import IdClause

IDS_AT_ONCE: Final = 500
HEADER: Final = "Parameters"


class _Line(msgspec.Struct):
    """A line of a file: a resource, or a header with the reference in `parameter`."""

    resourceType: str  # noqa: N815
    id: str = ""
    parameter: Any = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Makes the blocks of one export; `steps` plans a request's searches, `show` gives the bytes of a version."""

    door: Door
    request: ExportRequest
    parameters: Parameters
    steps: Callable[[ExportRequest], Sequence[Step]]
    show: Callable[[Stored, Sequence[str]], bytes]

    def patients(self) -> Iterator[str]:
        """The ids of the patients that there are blocks for, oldest first."""
        only = self.request.patients
        clauses = () if only is None else (IdClause(only),)
        return (stored.key.id for stored in self.door.stream(Query(PATIENT, clauses)))

    def types(self) -> tuple[str, ...]:
        """The types of which anything is visible, Patient first."""
        found = [kind for kind in self.request.types if next(self.door.stream(kind), None) is not None]
        return tuple(sorted(found, key=lambda kind: (kind != PATIENT, kind)))

    def block(self, patient: str, types: Sequence[str]) -> Iterator[bytes]:
        """The lines of one block; none when nothing of the patient leaves."""
        changed = (patient,) if patient in self.request.changed else ()
        headed = False
        for kind in types:
            for step in self.steps(replace(self.request, types=(kind,), patients=(patient,), changed=changed)):
                for stored in self.door.stream(step.query):
                    if step.is_new(stored, self.parameters):
                        if not headed:
                            yield header(patient)
                            headed = True
                        yield self.show(stored, self.request.elements)


def header(patient: str) -> bytes:
    """The line above a patient's resources."""
    return header_of(f"{PATIENT}/{patient}")


def header_of(reference: str) -> bytes:
    """The header that names a reference, or none when it is ""."""
    named = {"valueReference": {"reference": reference}} if reference else {}
    return dumps({"resourceType": HEADER, "parameter": [{"name": "header", **named}]})


def blocks_again(
    door: Door,
    before: Path,
    elements: Sequence[str],
    show: Callable[[Stored, Sequence[str]], bytes],
    again: Callable[[str, tuple[str, ...]], Query],
) -> Iterator[bytes]:
    """The lines of a file as they may be seen now; a block of which nothing is left has no header.

    `again` is the search for what a file has of a type, by ids.
    """
    decode = msgspec.json.Decoder(_Line).decode
    waiting = b""
    with before.open("rb") as file:
        lines = (decode(line) for line in file)
        for kind, run in groupby(lines, key=lambda line: line.resourceType):
            if kind == HEADER:
                *_, last = run
                reference = last.parameter[0]["valueReference"]["reference"]
                waiting = header(reference.removeprefix(f"{PATIENT}/"))
                continue
            while ids := tuple(line.id for line in islice(run, IDS_AT_ONCE)):
                for stored in door.stream(again(kind, ids)):
                    if waiting:
                        yield waiting
                        waiting = b""
                    yield show(stored, elements)
