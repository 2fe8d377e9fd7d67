"""Rounds on a machine at rest, for figures whose limit is a time and not a ratio.

A virtual machine shares its cores with strangers: the same work then takes up to twice its time, for a hundredth of
a second or for minutes. So a fixed piece of work, the gauge, is timed before and behind each round, and the rounds
count in which it took no longer than it does when nobody is in the way. A round is chosen by its gauges alone, never
by how long it took itself.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figure import ROUNDS, seconds

FEWEST = 300
MOST = 900
"""Of how many rounds a run is at least, some seconds, so that some are at rest, and at most."""

TOLERANCE = 1.2
"""How many times a gauge at rest a gauge takes at most on a machine at rest; beside strangers it takes 1.6 times."""

_FAST = 20
"""One of the fastest twentieth of all gauges of a run is one at rest."""

_STEPS = 40_000


@dataclass(frozen=True, slots=True)
class Rested:
    """The median seconds of the rounds at rest, and how many of the rounds these were.

    Where fewer than `ROUNDS` were at rest, all of them count.
    """

    seconds: float
    at_rest: int
    rounds: int


def rested(rounds: Iterable[Callable[[], object]]) -> Rested:
    """Times rounds as they come until enough were at rest, or there are no more.

    A round is made before its first gauge, so that what prepares it is not timed. Raises `ValueError` for no rounds.
    """
    times: list[float] = []
    gauges: list[float] = []
    for action in rounds:
        before = seconds(_gauge)
        times.append(seconds(action))
        gauges.append(max(before, seconds(_gauge)))
        if len(times) >= MOST or (len(times) >= FEWEST and told(times, gauges).at_rest >= ROUNDS):
            break
    return told(times, gauges)


def told(times: Sequence[float], gauges: Sequence[float]) -> Rested:
    """What rounds tell that took these seconds, each with the slower of its two gauges; raises as `rested` does."""
    if not times:
        raise ValueError("there are no rounds")
    limit = sorted(gauges)[len(gauges) // _FAST] * TOLERANCE
    found = [time for time, gauge in zip(times, gauges, strict=True) if gauge <= limit]
    return Rested(statistics.median(found if len(found) >= ROUNDS else times), len(found), len(times))


def _gauge() -> int:
    """Steps of Python that need no memory, some milliseconds."""
    total = 0
    for number in range(_STEPS):
        total += number
    return total
