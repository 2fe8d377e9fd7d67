"""One process at work on one export: search after search into files, each durable before the state tells of it."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.access import Door
from gateway.core.export_job import ExportJob
from gateway.core.resources import Stored
from gateway.export.bulk.associated import PROVENANCE, TARGETS_AT_ONCE, provenances
from gateway.export.bulk.blocks import Blocks
from gateway.export.bulk.exports import Bulk
from gateway.export.bulk.files import Folder, PartFile, ids_in
from gateway.export.bulk.plan import Step
from gateway.export.bulk.request import ExportRequest, Part, State, encode
from gateway.search import Parameters

LEASE_SECONDS: Final = 60.0
BEAT_ROWS: Final = 1_000
"""Resources between two looks at whether the export still is wanted."""


class Lost(Exception):
    """The export was removed, or somebody else works on it."""


class Over(Exception):
    """The process ends; `state` is how far the export came."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


@dataclass(slots=True)
class Run:
    """The work of `worker`; `part_rows` and `part_bytes` are how large a file may become."""

    bulk: Bulk
    parameters: Parameters
    worker: str
    part_rows: int
    part_bytes: int
    job: ExportJob
    request: ExportRequest
    folder: Folder
    door: Door
    state: State
    is_over: Callable[[], bool]

    def step(self, number: int, step: Step) -> None:
        """Writes what a search finds, but for what finished files have."""
        self._begin(number, step.query.type)
        standing = self._standing()
        rows = self._from_last(number, lambda: self._rows(step))
        for stored in rows:
            self._part(number, step.query.type, standing, stored, rows)
        self._ended(number)

    def blocks(self, number: int, blocks: Blocks) -> None:
        """Writes the blocks of one patient after the other; `last` of the state is a patient."""
        self._begin(number, "")
        standing = self._standing()
        types, patients = blocks.types(), blocks.patients()
        if self.state.last and self.state.last not in patients:  # who was done last is not seen any more
            self._drop(number)
            patients = blocks.patients()
        writer: PartFile | None = None
        try:
            last = ""
            for patient in patients:
                for count, line in enumerate(blocks.block(patient, types), 1):
                    writer = writer or self.folder.writer()
                    writer.write(line)
                    if count % BEAT_ROWS == 0:
                        self.beat()
                last = patient
                if writer and self._is_full(writer):
                    self._finish(writer, Part(number, "", self._stem("Patients"), writer.count), standing, last)
                    writer = None
            if writer:
                self._finish(writer, Part(number, "", self._stem("Patients"), writer.count), standing, last)
        finally:
            if writer:
                writer.abandon()
        self._ended(number)

    def departures(self, number: int) -> None:
        """Writes what the client has to remove: a file that may be empty, as the next Consent may fill it."""
        standing = self._standing()
        writer = self.folder.writer()
        try:
            for line in self.bulk.departures.lines(self.job, self.request, self.door.principal):
                writer.write(line)
            part = Part(number, "Bundle", f"deleted-{secrets.token_hex(4)}", writer.count, is_deleted=True)
            self._finish(writer, part, standing, "")
        finally:
            writer.abandon()
        self._ended(number)

    def _begin(self, number: int, kind: str) -> None:
        if number != self.state.step:
            self.state = replace(self.state, step=number, last="")
        self.state = replace(self.state, type=kind)

    def _ended(self, number: int) -> None:
        self.state = replace(self.state, step=number + 1, last="")
        self.beat()

    def _standing(self) -> str:
        """Taken before the first row is read: files are named by it, so that a change meanwhile makes them old."""
        return self.bulk.store.standing(self.job.study, self.bulk.clock())

    def _from_last(self, number: int, search: Callable[[], Iterator[Stored]]) -> Iterator[Stored]:
        """The rows behind the last one that a finished file has; of a search that begins again when it is gone."""
        rows = search()
        if self.state.last and not any(stored.key.id == self.state.last for stored in rows):
            self._drop(number)
            rows = search()
        return rows

    def _drop(self, number: int) -> None:
        """Forgets the files of a step; those that a partial manifest told of are gone then."""
        kept = tuple(part for part in self.state.parts if part.step != number)
        self.state = replace(self.state, last="", parts=kept, written=sum(part.count for part in kept))
        self.folder.keep_only(part.stem for part in kept)

    def _part(self, number: int, kind: str, standing: str, first: Stored, rows: Iterator[Stored]) -> None:
        """Writes one file, which begins with `first`, and tells of it."""
        writer = self.folder.writer()
        try:
            last = self._fill(writer, first, rows)
            self._finish(writer, Part(number, kind, self._stem(kind), writer.count), standing, last)
        finally:
            writer.abandon()

    def _stem(self, kind: str) -> str:
        return f"{kind}-{len(self.state.parts):05}-{secrets.token_hex(4)}"

    def _finish(self, writer: PartFile, part: Part, standing: str, last: str) -> None:
        writer.finish(self.folder.file(part.stem, standing))
        told = (*self.state.parts, part)
        written = sum(one.count for one in told if not one.is_deleted)
        self.state = replace(self.state, last=last, parts=told, written=written)
        self.beat()

    def _fill(self, writer: PartFile, first: Stored, rows: Iterator[Stored]) -> str:
        show, elements = self.bulk.show, self.request.elements
        stored = first
        while True:
            writer.write(show(stored, elements))
            if self._is_full(writer):
                return stored.key.id
            following = next(rows, None)
            if following is None:
                return stored.key.id
            stored = following

    def _is_full(self, writer: PartFile) -> bool:
        return writer.count >= self.part_rows or writer.size >= self.part_bytes

    def _rows(self, step: Step) -> Iterator[Stored]:
        """The new rows of a search; looks now and again whether the export still is wanted."""
        found = provenances(self.door, self._references(), step.associated) if step.associated else None
        for number, stored in enumerate(found or self.door.stream(step.query), 1):
            if number % BEAT_ROWS == 0:
                self.beat()
            if step.is_new(stored, self.parameters):
                yield stored

    def _references(self) -> Iterator[Sequence[str]]:
        """What the finished files hold, some at a time, but for what is associated itself."""
        for part in self.state.parts:
            if not part.is_deleted and part.type != PROVENANCE:
                path, _standing = self.bulk.present(self.job, part)
                for ids in ids_in(path, TARGETS_AT_ONCE):
                    yield [f"{part.type}/{id}" for id in ids]

    def beat(self) -> None:
        """Keeps the state and the lease; raises `Lost`, and `Over` when the process ends."""
        job = replace(self.job, state=encode(self.state))
        if not self.bulk.store.save(job, self.worker, self.bulk.clock(), LEASE_SECONDS):
            raise Lost
        if self.is_over():
            raise Over(self.state)
