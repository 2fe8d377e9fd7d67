"""Which rounds count where a time is judged: those whose gauge tells a machine at rest, however long they took."""

from functools import partial

import pytest

from benchmarks.at_rest import Rested, rested, told

SLOW, AT_REST, NEARLY, ONCE = 1.9, 1.0, 1.1, 0.5


@pytest.mark.parametrize(
    ("times", "gauges", "found"),
    [
        pytest.param([5.0] * 7, [AT_REST] * 7, Rested(5.0, 7, 7), id="all at rest"),
        pytest.param([5.0] * 7 + [9.0] * 9, [AT_REST] * 7 + [SLOW] * 9, Rested(5.0, 7, 16), id="some at rest"),
        pytest.param([9.0] * 7 + [5.0] * 9, [AT_REST] * 7 + [SLOW] * 9, Rested(9.0, 7, 16), id="whatever they took"),
        pytest.param([5.0] * 6 + [9.0] * 9, [AT_REST] * 6 + [SLOW] * 9, Rested(9.0, 6, 15), id="too few at rest"),
        pytest.param([4.0, *[6.0] * 8], [AT_REST, *[NEARLY] * 8], Rested(6.0, 9, 9), id="nearly as fast is at rest"),
        pytest.param([4.0, *[6.0] * 30], [ONCE, *[AT_REST] * 30], Rested(6.0, 31, 31), id="one gauge is no gauge"),
    ],
)
def test_told(times: list[float], gauges: list[float], found: Rested) -> None:
    assert told(times, gauges) == found


def test_each_round_is_timed_once() -> None:
    run: list[int] = []
    found = rested(partial(run.append, number) for number in range(9))
    assert run == [*range(9)]
    assert found.rounds == 9


def test_no_rounds() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        rested([])
