"""One measured figure and its reference."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """A median of `ROUNDS` rounds or more; `ratio` is the product's value divided by the reference's of the same run.

    `limit` bounds the ratio, `bound` the value itself in its `unit`; both are ceilings where `better` is "lower",
    floors where it is "higher", and None for what is not judged. `reference` is None where there is none, or it could
    not be measured: then the ratio is not judged.
    """

    bench: str
    value: float
    unit: str
    reference: float | None
    better: Literal["lower", "higher"]
    limit: float | None = None
    bound: float | None = None

    @property
    def ratio(self) -> float | None:
        """The product's value over the reference's; None without one."""
        return None if self.reference is None else self.value / self.reference

    @property
    def missed(self) -> bool:
        """True when a limit of the figure is not held."""
        return self._misses(self.ratio, self.limit) or self._misses(self.value, self.bound)

    @property
    def limits(self) -> str:
        """The limits as text, `<= 0.05, <= 150 us`; "" where nothing is judged."""
        sign = "<=" if self.better == "lower" else ">="
        told = [] if self.limit is None else [f"{sign} {self.limit:g}"]
        return ", ".join(told if self.bound is None else [*told, f"{sign} {self.bound:g} {self.unit}"])

    def _misses(self, found: float | None, limit: float | None) -> bool:
        if found is None or limit is None:
            return False
        return found > limit if self.better == "lower" else found < limit

    def row(self) -> str:
        """The figure as a line of the table; "-" for what could not be measured."""
        reference = "-" if self.reference is None else f"{self.reference:.4g}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        missed = "  MISSED" if self.missed else ""
        return f"{self.bench:34} {self.value:>9.4g} {self.unit:<6}{reference:>8} {ratio:>10}  {self.limits}{missed}"

    def line(self) -> str:
        """The figure as one JSON object."""
        return json.dumps(
            {
                "bench": self.bench,
                "value": round(self.value, 6),
                "unit": self.unit,
                "reference": None if self.reference is None else round(self.reference, 6),
                "ratio": None if self.ratio is None else round(self.ratio, 3),
                "better": self.better,
            }
        )


def seconds(action: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def paired(
    ours: Callable[[], object], reference: Callable[[], object], rounds: int = ROUNDS, warmup: int = 1
) -> tuple[float, float]:
    """The median seconds of both, run in turn so that a drifting machine touches both alike."""
    pairs = [(seconds(ours), seconds(reference)) for _ in range(rounds + warmup)][warmup:]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
