"""A connection that holds inserts back: whatever is asked in between, and whoever fails, it is as if it did not."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.sql.driver import HELD, DriverConnection

INSERTS = {"one": "INSERT INTO one VALUES (?1)", "two": "INSERT INTO two VALUES (?1)"}

Table = Literal["one", "two"]


@dataclass(frozen=True, slots=True)
class Insert:
    table: Table
    rows: int


@dataclass(frozen=True, slots=True)
class Count:
    """What is there is counted, by a statement that sees all that was inserted."""


@dataclass(frozen=True, slots=True)
class Part:
    """Steps of a unit that is kept or taken back, or outside of any (None)."""

    steps: tuple[Insert | Count, ...]
    is_kept: bool | None


tables = st.sampled_from(("one", "two"))
steps = st.one_of(
    st.builds(Insert, tables, st.sampled_from((1, 1, 2, 3, HELD, HELD + 1))), st.builds(Count)
)  # fmt: skip
parts = st.builds(Part, st.lists(steps, max_size=4).map(tuple), st.sampled_from((True, False, None)))


def count(connection: DriverConnection) -> dict[str, int]:
    rows = connection.exec_driver_sql("SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)", ()).fetchall()
    return dict(zip(("one", "two"), rows[0], strict=True))


@settings(max_examples=40)
@given(st.lists(parts, max_size=6))
def test_it_is_as_if_each_row_was_inserted_at_once(given_parts: list[Part]) -> None:
    driver = sqlite3.connect(":memory:", isolation_level=None)
    for table in INSERTS:
        driver.execute(f"CREATE TABLE {table} (value)")
    driver.execute("BEGIN IMMEDIATE")
    connection, there = DriverConnection(driver), {"one": 0, "two": 0}
    for part in given_parts:
        before = dict(there)
        if part.is_kept is not None:
            connection.begin_unit()
        for step in part.steps:
            if isinstance(step, Count):
                assert count(connection) == there
            else:
                connection.insert(INSERTS[step.table], [(1,)] * step.rows)
                there[step.table] += step.rows
        if part.is_kept:
            connection.end_unit()
        elif part.is_kept is False:
            connection.undo_unit()
            there = before
    connection.flush()
    driver.execute("COMMIT")
    assert count(DriverConnection(driver)) == there
    driver.close()


def test_units_that_only_insert_are_one_statement_a_table() -> None:
    driver = sqlite3.connect(":memory:", isolation_level=None)
    driver.execute("CREATE TABLE one (value)")
    driver.execute("BEGIN IMMEDIATE")
    run: list[str] = []
    driver.set_trace_callback(run.append)
    connection = DriverConnection(driver)
    for value in range(3):
        connection.begin_unit()
        connection.insert(INSERTS["one"], [(value,)])
        connection.end_unit()
    assert run == []
    connection.flush()
    assert not [text for text in run if "SAVEPOINT" in text]
    assert driver.execute("SELECT value FROM one").fetchall() == [(0,), (1,), (2,)]
    driver.close()


def test_a_row_that_may_not_be_there_fails_at_the_latest_with_the_transaction() -> None:
    driver = sqlite3.connect(":memory:", isolation_level=None)
    driver.execute("CREATE TABLE one (value PRIMARY KEY)")
    connection = DriverConnection(driver)
    connection.insert(INSERTS["one"], [(1,), (1,)])
    with pytest.raises(sqlite3.IntegrityError):
        connection.flush()
    driver.close()
