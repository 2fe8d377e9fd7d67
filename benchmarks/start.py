"""`python -m gateway --help` beside a Python that starts and imports nothing: how long a user waits for help."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.figure import Figure, paired

NAME = "start"


def run() -> Iterator[Figure]:
    """Median wall seconds of both commands."""
    ours, reference = paired(
        lambda: subprocess.run([sys.executable, "-m", "gateway", "--help"], check=True, capture_output=True),
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True, capture_output=True),
    )
    yield Figure("start-help", ours, "s", reference, "lower")
