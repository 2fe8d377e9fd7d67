"""Keys of vendors, by the digest of their secret, and counters of rate limits.

Implements `ApiKeyStore` and `Counters` of `gateway.auth`.
"""

import time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Executable,
    LargeBinary,
    String,
    bindparam,
    case,
    delete,
    select,
    update,
)
from sqlmodel import Field

from gateway.store.sql.database import Database
from gateway.store.sql.tables import CLUSTERED, Table, table_of
from gateway.store.sql.visible import study_is


class ApiKeyRow(Table, table=True):
    """A key: what it is bound to, as JSON, never its secret; `used` is the Unix second it was last seen at, or 0."""

    __tablename__ = "api_key"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    used: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class RateCountRow(Table, table=True):
    """How often something was done in the window that ends at the Unix second `until`."""

    __tablename__ = "rate_count"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)


class ApiKeys:
    """The rows of `api_key`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        table = table_of(ApiKeyRow)
        mine = (table.c.study == study_is(), table.c.id == bindparam("wanted", type_=String))
        told = select(table.c.id, table.c.used, table.c.body)
        self._one = database.prepare(told.where(*mine))
        self._all = database.prepare(told.where(table.c.study == study_is()).order_by(table.c.id))
        body = bindparam("b_body", type_=LargeBinary)
        values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("study", "id", "used")}
        put = database.upsert(table).values(**values, body=body)
        self._put = database.prepare(put.on_conflict_do_update(index_elements=["study", "id"], set_={"body": body}))
        self._use = database.prepare(update(table).where(*mine).values(used=bindparam("b_used", type_=BigInteger)))

    def put(self, study: str, id: str, body: bytes) -> None:
        """See `ApiKeyStore.put`."""
        values: dict[str, Any] = {"b_study": study, "b_id": id, "b_used": 0, "b_body": body}
        self._database.write(lambda connection: self._database.run(connection, self._put, values))

    def get(self, study: str, id: str) -> bytes | None:
        """See `ApiKeyStore.get`."""
        found = self._database.fetch(self._one, {"study": study, "wanted": id})
        return bytes(found[0][2]) if found else None

    def all(self, study: str) -> list[tuple[bytes, int]]:
        """See `ApiKeyStore.all`."""
        return [(bytes(body), used) for _, used, body in self._database.fetch(self._all, {"study": study})]

    def used(self, study: str, id: str, at: int) -> None:
        """See `ApiKeyStore.used`."""
        values: dict[str, Any] = {"study": study, "wanted": id, "b_used": at}
        self._database.write(lambda connection: self._database.run(connection, self._use, values))


class RateCounts:
    """The rows of `rate_count`; a window that is over starts anew, and old ones are forgotten now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        table = table_of(RateCountRow)
        mine = (table.c.study == study_is(), table.c.name == bindparam("wanted", type_=String))
        self._get = database.prepare(select(table.c.count, table.c.until).where(*mine))
        self._add = database.prepare(_added(database))
        now = bindparam("now", type_=BigInteger)
        self._forget = database.prepare(delete(table).where(table.c.study == study_is(), table.c.until < now))

    def add(self, study: str, name: str, amount: int, seconds: int) -> int:
        """See `Counters.add`."""
        now = int(time.time())
        values: dict[str, Any] = {"b_study": study, "b_name": name, "b_amount": amount, "b_now": now}
        values["b_until"] = now + seconds

        def work(connection: Connection) -> int:
            ((count,),) = self._database.run(connection, self._add, values)
            if count == amount:  # a window starts: the time to look for those that ended long ago
                self._database.run(connection, self._forget, {"study": study, "now": now - 86_400})
            return int(count)

        return self._database.write(work)

    def get(self, study: str, name: str) -> tuple[int, int]:
        """See `Counters.get`."""
        found = self._database.fetch(self._get, {"study": study, "wanted": name})
        return (int(found[0][0]), int(found[0][1])) if found and found[0][1] > time.time() else (0, int(time.time()))


def _added(database: Database) -> Executable:
    table = table_of(RateCountRow)
    numbers = {name: bindparam(f"b_{name}", type_=BigInteger) for name in ("amount", "now", "until")}
    row = {"study": bindparam("b_study"), "name": bindparam("b_name"), "count": numbers["amount"]}
    is_over = table.c.until <= numbers["now"]
    again = {
        "count": case((is_over, numbers["amount"]), else_=table.c.count + numbers["amount"]),
        "until": case((is_over, numbers["until"]), else_=table.c.until),
    }
    put = database.upsert(table).values(**row, until=numbers["until"])
    added: Executable = put.on_conflict_do_update(index_elements=["study", "name"], set_=again).returning(
        table.c.count
    )
    return added
