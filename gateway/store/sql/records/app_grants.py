"""What an app launch gives out once: tickets, codes, refresh tokens; implements `GrantStore` of `gateway.auth`."""

from typing import Any

from sqlalchemy import BigInteger, Connection, LargeBinary, String, bindparam, delete, false, insert, select, update
from sqlmodel import Field

from gateway.core.clock import Clock
from gateway.store.sql.database import Database
from gateway.store.sql.tables import CLUSTERED, Table, table_of
from gateway.store.sql.visible import study_is


class AppGrantRow(Table, table=True):
    """The digest of a secret that may be used once, until a Unix second, and what it stands for.

    All that came of one launch has the same `family`.
    """

    __tablename__ = "app_grant"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    family: str
    until: int = Field(sa_type=BigInteger)
    used: bool
    body: bytes = Field(sa_type=LargeBinary)


class AppGrants:
    """The rows of `app_grant`; each new one forgets what has expired in the same study."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        table = table_of(AppGrantRow)
        mine = (table.c.study == study_is(), table.c.digest == bindparam("wanted", type_=String))
        now = bindparam("now", type_=BigInteger)
        names = ("study", "digest", "family", "until", "used", "body")
        self._add = database.prepare(insert(table).values({name: bindparam(f"b_{name}") for name in names}))
        self._forget = database.prepare(delete(table).where(table.c.study == study_is(), table.c.until < now))
        self._use = database.prepare(
            update(table)
            .where(*mine, table.c.used == false(), table.c.until > now)
            .values(used=True)
            .returning(table.c.family, table.c.body)
        )
        self._look = database.prepare(select(table.c.family, table.c.body).where(*mine))
        kin = table.c.family == bindparam("kin", type_=String)
        self._end = database.prepare(delete(table).where(table.c.study == study_is(), kin))

    def keep(self, study: str, digest: str, family: str, until: int, body: bytes) -> None:
        """See `GrantStore.keep`."""
        row = {"study": study, "digest": digest, "family": family, "until": until, "used": False, "body": body}

        def work(connection: Connection) -> None:
            self._database.run(connection, self._forget, {"study": study, "now": int(self._clock().timestamp())})
            self._database.run(connection, self._add, {f"b_{name}": value for name, value in row.items()})

        self._database.write(work)

    def take(self, study: str, digest: str, now: int) -> tuple[str, bytes | None] | None:
        """See `GrantStore.take`."""
        wanted: dict[str, Any] = {"study": study, "wanted": digest}

        def work(connection: Connection) -> tuple[str, bytes | None] | None:
            for family, body in self._database.run(connection, self._use, wanted | {"now": now}):
                return family, bytes(body)
            for family, _ in list(self._database.run(connection, self._look, wanted)):
                self._database.run(connection, self._end, {"study": study, "kin": family})
                return family, None
            return None

        return self._database.write(work)

    def look(self, study: str, digest: str) -> tuple[str, bytes] | None:
        """See `GrantStore.look`."""
        rows = self._database.fetch(self._look, {"study": study, "wanted": digest})
        return next(((family, bytes(body)) for family, body in rows), None)

    def end(self, study: str, family: str) -> None:
        """See `GrantStore.end`."""
        self._database.write(
            lambda connection: self._database.run(connection, self._end, {"study": study, "kin": family})
        )
