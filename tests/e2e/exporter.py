"""A process that works on an export: says `now` after some files, and is killed before the next one is told of."""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.app import build, bulk_worker
from gateway.settings import Settings


def main(parts: int, hours: int) -> None:
    """Whoever was killed before holds the lease still, so that this process lives some hours later."""
    worker = bulk_worker(build(Settings()), lambda: None)
    told = 0

    def over() -> bool:
        nonlocal told
        told += 1
        if told == parts:
            sys.stdout.write("now\n")
            sys.stdout.flush()
        elif told > parts:
            time.sleep(60)
        return False

    bulk = replace(worker.bulk, clock=lambda: datetime.now(UTC) + timedelta(hours=hours))
    replace(worker, bulk=bulk, part_rows=100).work(over)


main(int(sys.argv[1]), int(sys.argv[2]))
