"""Assertions that were used and tokens that were revoked; implements `CredentialStore` of `gateway.auth`."""

from typing import Any, Final

from sqlalchemy import BigInteger, Connection, String, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field

from gateway.core.clock import Clock
from gateway.store.sql.database import Database
from gateway.store.sql.tables import CLUSTERED, Table, columns_of, table_of
from gateway.store.sql.visible import study_is

USED: Final = "assertion"
REVOKED: Final = "token"


class CredentialRow(Table, table=True):
    """The digest of a used assertion or a revoked token, until the Unix second from which it may be forgotten."""

    __tablename__ = "credential"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    until: int = Field(sa_type=BigInteger)


class Credentials:
    """The rows of `credential`; each write forgets what has expired in the same study."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        table, column = table_of(CredentialRow), columns_of(CredentialRow)
        dialect = sqlite if database.is_sqlite else postgresql
        asked = [bindparam(name, type_=String) for name in ("kind", "digest")]
        self._find = database.prepare(
            select(column.until).where(column.study == study_is(), column.kind == asked[0], column.digest == asked[1])
        )
        keys: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("study", "kind", "digest", "until")}
        self._add = database.prepare(
            dialect.insert(table).values(**keys).on_conflict_do_nothing().returning(table.c.digest)
        )
        self._forget = database.prepare(
            delete(table).where(table.c.study == study_is(), table.c.until < bindparam("now", type_=BigInteger))
        )

    def claim(self, study: str, digest: str, until: int) -> bool:
        """See `CredentialStore.claim`."""
        return self._add_one(study, USED, digest, until)

    def revoke(self, study: str, digest: str, until: int) -> None:
        """See `CredentialStore.revoke`."""
        self._add_one(study, REVOKED, digest, until)

    def is_revoked(self, study: str, digest: str) -> bool:
        """See `CredentialStore.is_revoked`."""
        return self._is_there(study, REVOKED, digest)

    def is_claimed(self, study: str, digest: str) -> bool:
        """See `CredentialStore.is_claimed`."""
        return self._is_there(study, USED, digest)

    def _is_there(self, study: str, kind: str, digest: str) -> bool:
        return bool(self._database.fetch(self._find, {"study": study, "kind": kind, "digest": digest}))

    def _add_one(self, study: str, kind: str, digest: str, until: int) -> bool:
        values: dict[str, Any] = {"b_study": study, "b_kind": kind, "b_digest": digest, "b_until": until}

        def work(connection: Connection) -> bool:
            self._database.run(connection, self._forget, {"study": study, "now": int(self._clock().timestamp())})
            return bool(self._database.run(connection, self._add, values))

        return self._database.write(work)
