"""How many attacks on the HTTP side get the refusal that they must get."""

import tempfile
from pathlib import Path

from gateway.core import logs
from tests.e2e import threats
from tests.e2e.http_gateway import serving

NAME = "threats"


def run() -> tuple[int, int, list[str]]:
    """Passed, total, and what is wrong with each other answer."""
    logs.configure("error")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as http:
        threats.prepare(http)
        answered = [threats.fault(http, attack) for attack in threats.attacks(http)]
    misses = [found for found in answered if found]
    return len(answered) - len(misses), len(answered), misses
