"""A check of a token that is known already, beside a bare read: one row by id from the same database, no consent."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import ROUNDS, Figure

NAME = "token-check"
READER = "ehr-app"
CALLS = 2_000


def run() -> Iterator[Figure]:
    """The median of both in turn, in microseconds of the thread's own time, which what else runs does not change."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = enrolled(Path(folder))
        deliver(gateway, heart_rate_payload(0))
        token = gateway.issuer.issue(gateway.studies[STUDY].clients[READER], STUDY, 3600)
        keys = [row.key for row in gateway.store.stream("Observation", STUDY, None)][:200]
        check = _timed(lambda _: gateway.authenticator.authenticate(token, STUDY))
        read = _timed(lambda number: gateway.store.read(keys[number % len(keys)], None))
        check(), read()
        pairs = [(check(), read()) for _ in range(ROUNDS)]
        gateway.close()
    values = [statistics.median(column) for column in zip(*pairs, strict=True)]
    yield Figure("token-check", values[0], "us", values[1], "lower", limit=0.1)


def _timed(work: Callable[[int], object]) -> Callable[[], float]:
    def once() -> float:
        start = time.thread_time()
        for number in range(CALLS):
            work(number)
        return (time.thread_time() - start) / CALLS * 1e6

    return once
