"""Which rounds count where a time is judged: those whose gauge tells a machine at rest, however long they took."""

from functools import partial

import pytest

from benchmarks.at_rest import FEWEST, MOST, Rested, rested, told
from benchmarks.figure import ROUNDS

SLOW, AT_REST, NEARLY = 1.9, 1.0, 1.1


@pytest.mark.parametrize(
    ("times", "gauges", "found"),
    [
        pytest.param([5.0] * 7, [AT_REST] * 7, Rested(5.0, 7, 7), id="all at rest"),
        pytest.param([5.0] * 7 + [9.0] * 9, [AT_REST] * 7 + [SLOW] * 9, Rested(5.0, 7, 16), id="some at rest"),
        pytest.param(
            [9.0] * 7 + [5.0] * 9, [AT_REST] * 7 + [SLOW] * 9, Rested(9.0, 7, 16), id="slow rounds at rest count"
        ),
        pytest.param([5.0] * 6 + [9.0] * 9, [AT_REST] * 6 + [SLOW] * 9, Rested(9.0, 6, 15), id="too few at rest"),
        pytest.param([4.0, *[6.0] * 8], [AT_REST, *[NEARLY] * 8], Rested(6.0, 9, 9), id="nearly as fast is at rest"),
        pytest.param([4.0, *[6.0] * 6], [SLOW] * 7, Rested(6.0, 7, 7), id="never faster is taken for at rest"),
    ],
)
def test_told(times: list[float], gauges: list[float], found: Rested) -> None:
    assert told(times, gauges) == found


def test_rounds_are_timed_once_each_and_come_to_an_end() -> None:
    run: list[int] = []
    found = rested(partial(run.append, number) for number in range(10 * MOST))
    assert run == list(range(found.rounds))
    assert FEWEST <= found.rounds <= MOST
    assert found.at_rest >= ROUNDS or found.rounds == MOST


def test_no_rounds() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        rested([])
