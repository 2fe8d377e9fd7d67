"""The work on exports: each is leased, done, and ended one way or another.

After a kill another process takes the export up behind the last file that is told of; what was half written is
written again, so that the files come out the same.
"""

import errno
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from gateway.core.errors import FhirError, Unavailable
from gateway.core.export_job import ExportJob, ExportStatus
from gateway.export.bulk.blocks import Blocks
from gateway.export.bulk.exports import Bulk
from gateway.export.bulk.files import Folder
from gateway.export.bulk.plan import ReadFilter, Step, steps_of
from gateway.export.bulk.request import ExportRequest, State, encode, state_of
from gateway.export.bulk.running import LEASE_SECONDS, Lost, Over, Run
from gateway.search import Parameters

MOST_ATTEMPTS: Final = 10
"""How often an export is taken up before it counts as failed."""


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
        except Over as over:
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
        run = Run(
            self.bulk,
            self.parameters.of_study(job.study),
            self.name,
            self.part_rows,
            self.part_bytes,
            job,
            request,
            folder,
            door,
            state,
            is_over,
        )
        for number, work in enumerate(self._works(run)):
            if number >= state.step:
                work(number)
        self._end(job, run.state, "done")

    def _works(self, run: Run) -> list[Callable[[int], None]]:
        """What there is to do, in a fixed order, each to be called with its number."""
        read = self.filter_reader(run.job.study)

        def steps(request: ExportRequest) -> tuple[Step, ...]:
            return steps_of(run.job, request, run.parameters, read)

        if run.request.organized:
            blocks = Blocks(run.door, run.request, run.parameters, steps, self.bulk.show)
            works: list[Callable[[int], None]] = [partial(run.blocks, blocks=blocks)]
        else:
            works = [partial(run.step, step=step) for step in steps(run.request)]
        return [*works, run.departures] if run.request.since else works
