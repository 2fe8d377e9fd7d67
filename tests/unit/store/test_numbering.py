"""A numbered statement answers what the statement with a place for each use does."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.sql.numbering import numbered

VALUES = {"a": 1, "b": "x", "c": True}
CONSTANTS = {"k1": 1, "k2": 1, "k3": "x", "k4": True, "k5": b"x", "k6": -1, "k7": "it's ?1", "k8": "a\0b\n"}
names = st.lists(st.sampled_from([*VALUES, *CONSTANTS]), min_size=1, max_size=12)


@given(names, st.booleans())
def test_each_use_has_its_value(order: list[str], spelled: bool) -> None:
    all_values = {**CONSTANTS, **VALUES}
    plain = f"SELECT {', '.join('?' * len(order))}"
    text, given_names = numbered(plain, order, CONSTANTS, spelled=spelled)
    assert len(set(given_names)) == len(given_names) <= len(order)
    with sqlite3.connect(":memory:") as connection:
        wanted = connection.execute(plain, [all_values[name] for name in order]).fetchone()
        found = connection.execute(text, [all_values[name] for name in given_names]).fetchone()
    connection.close()
    assert found == wanted


def test_equal_constants_are_one_parameter_and_named_values_stay_apart() -> None:
    text, order = numbered("? ? ? ?", ("k1", "a", "k2", "k4"), CONSTANTS)
    assert (text, order) == ("?1 ?2 ?1 ?3", ("k1", "a", "k4"))


def test_constants_are_spelled_where_that_is_asked_for() -> None:
    order = ("k6", "a", "k7", "k8", "k4", "k6")
    assert numbered("? ? ? ? ? ?", order, CONSTANTS, spelled=True) == ("-1 ?1 'it''s ?1' ?2 ?3 -1", ("a", "k8", "k4"))


def test_a_question_mark_in_a_text_leaves_the_statement_alone() -> None:
    assert numbered("SELECT '?' = ?", ("a",), {}) == ("SELECT '?' = ?", ("a",))
