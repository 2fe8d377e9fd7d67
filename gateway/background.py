"""What a serving process does beside its requests: receipts left over, indexes, exports, anchors, issuers' keys."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.audit import Anchoring
from gateway.auth import ExternalIssuers
from gateway.core import logs
from gateway.export.bulk import Worker
from gateway.ingest import Ingest

RESUME_SECONDS: Final = 20.0
"""How often it looks for receipts that a dead process left unfinished."""

EXPORT_SECONDS: Final = 5.0
"""How often it looks for exports that wait, that expire, or whose participants withdrew."""

ISSUER_SECONDS: Final = 60.0
"""How often external issuers are looked after when nobody asks for a key that is not known."""


class Indexes(Protocol):
    """The search indexes of the studies."""

    def is_whole(self, study: str) -> bool:
        """Whether the study is indexed by the search parameters of today."""

    def reindex(self, study: str, told: Callable[[int, int], bool | None]) -> int:
        """Indexes it again, from where it stopped; how many resources. `told(done, total)` stops it with False."""


@dataclass(frozen=True, slots=True)
class Background:
    """The threads of one serving process, one for each kind of work; a failure in one round is logged, never the end.

    `regrant` makes the grants of a study again, and `waiting` wakes the exports.
    """

    studies: Iterable[str]
    ingest: Ingest
    indexes: Indexes
    regrant: Callable[[str], int]
    anchoring: Anchoring
    externals: ExternalIssuers
    exports: Worker
    waiting: threading.Event
    stopping: threading.Event = field(default_factory=threading.Event)

    @asynccontextmanager
    async def running(self, close: Callable[[], None] | None = None) -> AsyncIterator[None]:
        """While the application runs, so do the threads; then they end what they are at, and `close` is called."""
        workers = [
            threading.Thread(target=self._resume, name="resume"),
            threading.Thread(target=self.anchoring.run, args=(self.studies, self.stopping), name="anchor"),
            threading.Thread(target=self._export, name="export"),
        ]
        if self.externals:
            workers.append(threading.Thread(target=self._ask_issuers, name="issuers"))
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            for event in (self.stopping, self.waiting, self.externals.waiting):
                event.set()
            for worker in workers:
                await asyncio.to_thread(worker.join)
            if close:
                close()

    def _ask_issuers(self) -> None:
        """Asks external issuers for their keys, so that no request has to."""
        while not self.stopping.is_set():
            try:
                self.externals.refresh()
            except Exception as error:  # one answer must not end the work for good
                logs.logger().warning("issuers not asked", exc_info=error)
            self.externals.waiting.wait(ISSUER_SECONDS)
            self.stopping.wait(1.0)  # a flood of unknown keys is one question

    def _export(self) -> None:
        """Works on exports as they come; what failed, another process or a later round goes on with."""
        while not self.stopping.is_set():
            self.waiting.clear()
            try:
                while not self.stopping.is_set() and self.exports.work(self.stopping.is_set):
                    pass
                if not self.stopping.is_set():
                    self.exports.bulk.tend(self.exports.bulk.clock())
            except Exception as error:  # one export must not end the work on all others
                logs.logger().warning("export interrupted", exc_info=error)
            self.waiting.wait(0 if self.stopping.is_set() else EXPORT_SECONDS)

    def _resume(self) -> None:
        """Finishes what there is, now and again; what failed is tried again later."""
        log = logs.logger()
        while not self.stopping.is_set():
            try:
                self._index_again()
                for receipt in self.ingest.resume():
                    log.info("receipt resumed", study=receipt.study, source=receipt.source, receipt=receipt.id)
                    if self.stopping.is_set():
                        return
            except Exception as error:  # one receipt must not end the work on all others
                log.warning("resume failed", exc_info=error)
            self.stopping.wait(RESUME_SECONDS)

    def _index_again(self) -> None:
        """Indexes the studies that were indexed by other search parameters; stops between two batches when asked."""
        for study in self.studies:
            if not self.indexes.is_whole(study):
                count = self.indexes.reindex(study, lambda _done, _total: not self.stopping.is_set())
                if self.stopping.is_set():
                    return
                self.regrant(study)
                logs.logger().info("indexed again", study=study, resources=count)
