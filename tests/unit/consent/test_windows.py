"""Families of windows: what is inside one of them, both, all, or touches none."""

from gateway.consent.windows import ALWAYS, NEVER, both, either, every, inside, outside
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval


def test_windows_inside_others_are_left_out() -> None:
    assert either(((0, 10),), ((5, 10), (0, 4), (8, 12))) == ((0, 10), (8, 12))
    assert either(((0, 10),), ((0, 10),)) == ((0, 10),)
    assert either(NEVER) == NEVER


def test_both_is_where_windows_overlap() -> None:
    assert both(((0, 10), (20, 30)), ((5, 25),)) == ((5, 10), (20, 25))
    assert both(((0, 10),), ((10, 20),)) == NEVER
    assert both(((0, 10),), ALWAYS) == both(ALWAYS, ((0, 10),)) == ((0, 10),)
    assert both(((3, 9),), ((0, 5), (4, 9))) == ((3, 5), (4, 9))


def test_every_is_all_of_them() -> None:
    assert every([]) == ALWAYS
    assert every([((0, 10),), ((5, 20),), ((0, 8),)]) == ((5, 8),)


def test_inside_and_outside_of_an_interval() -> None:
    assert inside(None) == ALWAYS
    assert outside(None) == NEVER
    assert inside(Interval(1, 2)) == ((1, 2),)
    assert outside(Interval(1, 2)) == ((FOREVER_BEFORE, 1), (2, FOREVER_AFTER))
    assert outside(Interval(FOREVER_BEFORE, 2)) == ((2, FOREVER_AFTER),)
    assert outside(Interval(1, FOREVER_AFTER)) == ((FOREVER_BEFORE, 1),)
