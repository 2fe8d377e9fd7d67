"""A figure is judged by its ratio and by its value."""

import pytest

from benchmarks.figure import Figure


@pytest.mark.parametrize(
    ("value", "better", "limit", "bound", "missed", "limits"),
    [
        (100.0, "lower", None, None, False, ""),
        (100.0, "lower", 0.5, None, False, "<= 0.5"),
        (101.0, "lower", 0.5, None, True, "<= 0.5"),
        (100.0, "lower", 0.5, 100, False, "<= 0.5, <= 100 us"),
        (90.0, "lower", 0.5, 80, True, "<= 0.5, <= 80 us"),
        (90.0, "lower", None, 80, True, "<= 80 us"),
        (100.0, "higher", 0.5, 100, False, ">= 0.5, >= 100 us"),
        (100.0, "higher", 0.5, 101, True, ">= 0.5, >= 101 us"),
        (99.0, "higher", 0.5, None, True, ">= 0.5"),
    ],
)
def test_limits(
    value: float, better: str, limit: float | None, bound: float | None, missed: bool, limits: str
) -> None:
    figure = Figure("oru", value, "us", 200.0, better, limit, bound)  # type: ignore[arg-type]
    assert (figure.missed, figure.limits) == (missed, limits)


def test_without_a_reference_the_value_alone_is_judged() -> None:
    figure = Figure("oru", 90.0, "us", None, "lower", 0.5, 80)
    assert (figure.ratio, figure.missed) == (None, True)
    assert not Figure("oru", 90.0, "us", None, "lower", 0.5, 100).missed
    assert figure.row().split() == ["oru", "90", "us", "-", "-", "<=", "0.5,", "<=", "80", "us", "MISSED"]
    assert '"reference": null' in figure.line()
