"""Locks of units: who takes the same text in the same study waits for the other's transaction to end."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from gateway.store.sql.database import Database
from gateway.store.sql.terms import term


class UnitLocks:
    """Advisory locks of PostgreSQL, held until the transaction ends; SQLite has one writer at a time anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = database.prepare(select(func.pg_advisory_xact_lock(bindparam("lock", type_=BigInteger))))

    def take(self, connection: Connection, study: str, names: Sequence[str]) -> None:
        """Takes the locks, in one order for everybody, so that two units never wait for each other."""
        if self._database.is_sqlite:
            return
        for lock in sorted({term(study, "_lock", "unit", name) for name in names}):
            self._database.run(connection, self._lock, {"lock": lock})
