"""How many answers are the same, to the byte, whether or not there are hidden records."""

from gateway.core import logs
from tests.e2e import two_worlds

NAME = "consent-side-channels"


def run() -> tuple[int, int, list[str]]:
    """Passed, total, and each request whose answer tells that something is hidden."""
    logs.configure("error")
    with two_worlds.worlds() as (first, second):
        compared = list(two_worlds.compare(first, second))
        if not two_worlds.is_different(first, second):
            return 0, len(compared), ["the worlds do not differ"]
    misses = [name for name, same in compared if not same]
    return len(compared) - len(misses), len(compared), misses
