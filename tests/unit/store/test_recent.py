"""What is remembered stays within its bytes, whatever comes; what is asked for again and again stays."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.sql.index.recent import Recent

LIMIT = 1_000


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 700))))
def test_no_more_is_kept_than_the_limit_and_nothing_that_was_not_told(told: list[tuple[int, int]]) -> None:
    recent: Recent[int, str] = Recent(LIMIT)
    sizes: dict[int, int] = {}
    for key, size in told:
        found = recent.get(key)
        assert found in (None, str(key))
        if found is None:
            recent.keep(key, str(key), size)
            sizes[key] = size
        held = [*recent._newer, *recent._older]
        assert sum(sizes[key] for key in held) <= LIMIT
        assert len(held) == len(set(held)) == len(recent)


def test_what_is_asked_for_stays_while_others_come_and_go() -> None:
    recent: Recent[str, int] = Recent(LIMIT)
    recent.keep("again", 1, 100)
    for number in range(10_000):
        recent.keep(str(number), number, 100)
        assert recent.get("again") == 1
    assert recent.get("3") is None
    assert len(recent) <= 10


def test_what_is_larger_than_half_the_limit_is_not_kept() -> None:
    recent: Recent[str, int] = Recent(LIMIT)
    recent.keep("large", 1, LIMIT)
    assert recent.get("large") is None
