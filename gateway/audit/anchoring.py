"""When chains are anchored: as they grow, at most so often, and whenever somebody asks."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.audit.anchors import Anchor, Anchors
from gateway.core import logs
from gateway.core.clock import Clock
from gateway.core.event import AuditRow
from gateway.core.instants import micros, parse_interval

WITNESS_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 30.0
"""How often a serving process looks for chains that grew."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Anchors the chains whose last row is `last(study)`, each at most once in `every` unless it is asked for."""

    anchors: Anchors
    last: Callable[[str], AuditRow | None]
    clock: Clock
    every: timedelta

    def tend(self, studies: Iterable[str], *, now: bool = False) -> tuple[Anchor, ...]:
        """The anchors of the chains that grew; with `now` however young the anchor before is."""
        return tuple(anchor for study in studies if (anchor := self._tend(study, now)))

    def run(self, studies: Iterable[str], stopping: threading.Event) -> None:
        """Tends the chains until the event is set, and once more then; a failure is logged and tried again later."""
        while True:
            ending = stopping.is_set()
            for study in studies:
                try:
                    self.tend([study], now=ending)
                except Exception as error:  # a folder or witness out of reach must not end the anchoring
                    logs.logger().warning("anchoring failed", study=study, exc_info=error)
            if ending:
                return
            stopping.wait(LOOK_SECONDS)

    def _tend(self, study: str, now: bool) -> Anchor | None:
        row, anchored, moment = self.last(study), self.anchors.last(study), self.clock()
        if row is None or (anchored and anchored.sequence >= row.sequence):
            return None
        made = parse_interval(anchored.at) if anchored else None
        if not now and made and micros(moment - self.every) < made.low:
            return None
        return self.anchors.add(row, moment)


def witness(url: str) -> Callable[[bytes], None]:
    """Posts each anchor to an address of the operator, as `application/jose`; raises `httpx.HTTPError`.

    Nothing is posted to the address "".
    """

    def tell(line: bytes) -> None:
        if url:
            import httpx  # hardly any process asks, and it takes five megabytes

            sent = {"Content-Type": "application/jose"}
            httpx.post(url, content=line, headers=sent, timeout=WITNESS_SECONDS).raise_for_status()

    return tell
