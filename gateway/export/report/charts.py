"""Plots as inline SVG."""

from collections.abc import Sequence
from html import escape
from math import ceil
from typing import Final

WIDTH: Final = 360
HEIGHT: Final = 90
MOST_BARS: Final = 24


def bins(values: Sequence[float]) -> tuple[float, float, list[int]]:
    """The smallest and largest of one or more numbers, and how many are in each bin of equal width between."""
    low, high = min(values), max(values)
    count = 1 if low == high else min(MOST_BARS, ceil(len(values) ** 0.5))
    found = [0] * count
    for value in values:
        share = (value - low) / (high - low) if high > low else 0.0
        found[min(int(share * count), count - 1)] += 1
    return low, high, found


def histogram(title: str, unit: str, values: Sequence[float]) -> str:
    """How the numbers are spread, as a figure with its caption."""
    low, high, counts = bins(values)
    step, largest = WIDTH / len(counts), max(counts)
    bars = "".join(
        f'<rect x="{place * step:.1f}" y="{HEIGHT - count / largest * HEIGHT:.1f}" width="{max(step - 1, 1):.1f}"'
        f' height="{count / largest * HEIGHT:.1f}"><title>{count}</title></rect>'
        for place, count in enumerate(counts)
    )
    name = escape(title)
    caption = f"{name}: {len(values)} values, {low:g} to {high:g} {escape(unit)}"
    plot = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{bars}</svg>'
    return f"<figure>{plot}<figcaption>{caption}</figcaption></figure>"
