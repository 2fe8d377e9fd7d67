"""A question that takes the database too long is given up, and the connection goes on."""

import pytest
from sqlalchemy import literal, select

from gateway.core.errors import Unprocessable
from gateway.store.sql.database import Database, Prepared

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT (i + 1) % 1000 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("together", [False, True], ids=["alone", "of one state"])
def test_an_endless_statement_is_refused_and_the_next_is_answered(new_url: str, together: bool) -> None:
    database = Database.open(new_url, statement_seconds=0.1)
    try:
        endless, one = Prepared(_escaped(ENDLESS, database), None, {}), database.prepare(select(literal(1)))
        with pytest.raises(Unprocessable) as refused:
            database.fetch_all([(endless, {})] * (1 + together))
        assert [found.rule for found in refused.value.issues] == ["store.too-long"]
        assert database.fetch(one, {}) == [(1,)]
    finally:
        database.close()


def test_what_leaves_as_a_whole_may_take_longer(new_url: str) -> None:
    database = Database.open(new_url, statement_seconds=0.05)
    try:
        slow = f"SELECT count(*) FROM ({ENDLESS.replace('count(*)', 'i')} LIMIT 1000000) AS long"
        prepared = Prepared(_escaped(slow, database), None, {})
        with pytest.raises(Unprocessable):
            database.fetch(prepared, {})
        assert database.fetch(prepared, {}, leaving=True) == [(1_000_000,)]
    finally:
        database.close()


def _escaped(statement: str, database: Database) -> str:
    """psycopg takes a per cent sign for a parameter's."""
    return statement if database.is_sqlite else statement.replace("%", "%%")
