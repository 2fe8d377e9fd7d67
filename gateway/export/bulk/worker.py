"""The work on one export: search after search into files, each durable before the state tells of it.

After a kill another process takes the export up behind the last file that is told of; what was half written is
written again, so that the files come out the same.
"""

import errno
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.access import Door
from gateway.core.errors import FhirError, Unavailable
from gateway.core.export_job import ExportJob, ExportStatus
from gateway.core.resources import Stored
from gateway.export.bulk.exports import Bulk
from gateway.export.bulk.files import Folder, PartFile
from gateway.export.bulk.plan import ReadFilter, Step, steps_of
from gateway.export.bulk.request import ExportRequest, Part, State, encode, state_of
from gateway.search import Parameters

LEASE_SECONDS: Final = 60.0
BEAT_ROWS: Final = 1_000
"""Resources between two looks at whether the export still is wanted."""

MOST_ATTEMPTS: Final = 10
"""How often an export is taken up before it counts as failed."""


class Lost(Exception):
    """The export was removed, or somebody else works on it."""


class _Over(Exception):
    """The process ends; `state` is how far the export came."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


@dataclass(frozen=True, slots=True)
class Worker:
    """Works on exports; `part_rows` and `part_bytes` are how large a file may become."""

    bulk: Bulk
    parameters: Parameters
    filter_reader: Callable[[str], ReadFilter]
    part_rows: int = 50_000
    part_bytes: int = 64_000_000
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    def work(self, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Does one export that waits; False when none does.

        When `is_over` the export is given back between two batches, for another process to go on with.
        """
        bulk = self.bulk
        for study in bulk.studies:
            job = bulk.store.lease(study, self.name, bulk.clock(), LEASE_SECONDS)
            if job is not None:
                self._do(job, is_over)
                return True
        return False

    def _do(self, job: ExportJob, is_over: Callable[[], bool]) -> None:
        folder = self.bulk.folder_of(job)
        try:
            if job.attempts >= MOST_ATTEMPTS:
                self._end(job, state_of(job.state), "failed", "export.attempts")
                folder.remove()
                return
            self._run(job, folder, is_over)
        except Lost:
            self._clean(job, folder)
        except _Over as over:
            bulk = self.bulk
            bulk.store.save(replace(job, state=encode(over.state)), self.name, bulk.clock(), 0)
        except Unavailable:
            raise  # the database or the trail is away; the lease ends, and the export goes on then
        except FhirError as error:
            self._end(job, State(), "failed", error.issues[0].rule if error.issues else "rest.internal")
            folder.remove()
        except OSError as error:
            self._clean(job, folder)
            if self.bulk.store.job(job.study, job.id) is not None:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
                self._end(job, State(), "failed", "export.disk-full" if full else "export.disk")
                folder.remove()

    def _clean(self, job: ExportJob, folder: Folder) -> None:
        """Removes what was written after somebody removed the export."""
        if self.bulk.store.job(job.study, job.id) is None:
            folder.remove()

    def _end(self, job: ExportJob, state: State, status: ExportStatus, reason: str = "") -> None:
        now = self.bulk.clock()
        ended = replace(job, status=status, expires=now + self.bulk.keep, state=encode(replace(state, reason=reason)))
        self.bulk.store.save(ended, self.name, now, 0)

    def _run(self, job: ExportJob, folder: Folder, is_over: Callable[[], bool]) -> None:
        door, request = self.bulk.door_of(job)
        state = state_of(job.state)
        folder.make()
        folder.keep_only(part.stem for part in state.parts)
        run = _Run(self, job, request, folder, door, state, is_over)
        steps = self._steps(job, request)
        for number, step in enumerate(steps):
            if number >= state.step:
                run.step(number, step)
        if request.since and len(steps) >= state.step:
            run.departures(len(steps))
        self._end(job, run.state, "done")

    def _steps(self, job: ExportJob, request: ExportRequest) -> tuple[Step, ...]:
        return steps_of(job, request, self.parameters, self.filter_reader(job.study))


@dataclass(slots=True)
class _Run:
    """One process at work on one export."""

    worker: Worker
    job: ExportJob
    request: ExportRequest
    folder: Folder
    door: Door
    state: State
    is_over: Callable[[], bool]

    def step(self, number: int, step: Step) -> None:
        """Writes what a search finds, but for what finished files have."""
        kind = step.query.type
        if number != self.state.step:
            self.state = replace(self.state, step=number, last="")
        self.state = replace(self.state, type=kind)
        # Taken before the first row is read: files are named by it, so that a change meanwhile makes them old.
        bulk = self.worker.bulk
        standing = bulk.store.standing(self.job.study, bulk.clock())
        rows = self._rows(step)
        if self.state.last and not _go_to(rows, self.state.last):
            # The row after which to go on is not there any more: the search begins again, its files too.
            kept = tuple(part for part in self.state.parts if part.step != number)
            self.state = replace(self.state, last="", parts=kept, written=sum(part.count for part in kept))
            self.folder.keep_only(part.stem for part in kept)
            rows = self._rows(step)
        for stored in rows:
            self._part(number, kind, standing, stored, rows)
        self.state = replace(self.state, step=number + 1, last="")
        self._beat()

    def departures(self, number: int) -> None:
        """Writes what the client has to remove: a file that may be empty, as the next Consent may fill it."""
        bulk = self.worker.bulk
        standing = bulk.store.standing(self.job.study, bulk.clock())
        stem = f"deleted-{secrets.token_hex(4)}"
        writer = self.folder.writer()
        try:
            for line in bulk.departures.lines(self.job, self.request, self.door.principal):
                writer.write(line)
            writer.finish(self.folder.file(stem, standing))
        finally:
            writer.abandon()
        part = Part(number, "Bundle", stem, writer.count, is_deleted=True)
        self.state = replace(self.state, step=number + 1, last="", parts=(*self.state.parts, part))
        self._beat()

    def _part(self, number: int, kind: str, standing: str, first: Stored, rows: Iterator[Stored]) -> None:
        """Writes one file, which begins with `first`, and tells of it."""
        stem = f"{kind}-{len(self.state.parts):05}-{secrets.token_hex(4)}"
        writer = self.folder.writer()
        try:
            last = self._fill(writer, first, rows)
            writer.finish(self.folder.file(stem, standing))
        finally:
            writer.abandon()
        part = Part(number, kind, stem, writer.count)
        told = (*self.state.parts, part)
        self.state = replace(self.state, last=last, parts=told, written=sum(one.count for one in told))
        self._beat()

    def _fill(self, writer: PartFile, first: Stored, rows: Iterator[Stored]) -> str:
        show, elements, worker = self.worker.bulk.show, self.request.elements, self.worker
        stored = first
        while True:
            writer.write(show(stored, elements))
            if writer.count >= worker.part_rows or writer.size >= worker.part_bytes:
                return stored.key.id
            following = next(rows, None)
            if following is None:
                return stored.key.id
            stored = following

    def _rows(self, step: Step) -> Iterator[Stored]:
        """The new rows of a search; looks now and again whether the export still is wanted."""
        for number, stored in enumerate(self.door.stream(step.query), 1):
            if number % BEAT_ROWS == 0:
                self._beat()
            if step.is_new(stored, self.worker.parameters):
                yield stored

    def _beat(self) -> None:
        """Keeps the state and the lease; raises `Lost`, and `_Over` when the process ends."""
        bulk = self.worker.bulk
        job = replace(self.job, state=encode(self.state))
        if not bulk.store.save(job, self.worker.name, bulk.clock(), LEASE_SECONDS):
            raise Lost
        if self.is_over():
            raise _Over(self.state)


def _go_to(rows: Iterator[Stored], last: str) -> bool:
    """Takes rows up to the one with this id; False when there is none."""
    return any(stored.key.id == last for stored in rows)
