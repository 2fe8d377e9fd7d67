"""Registrations of clients, kept with the audit event of each step; implements `RegistryStore` of `gateway.auth`."""

from typing import Any

from sqlalchemy import BigInteger, Connection, Executable, LargeBinary, bindparam, select
from sqlmodel import Field

from gateway.core.event import Event
from gateway.store.sql.database import Database
from gateway.store.sql.records.audit import AuditRows
from gateway.store.sql.tables import CLUSTERED, Table, table_of
from gateway.store.sql.visible import study_is


class RegistrationRow(Table, table=True):
    """A client's registration as JSON, and how many steps it has."""

    __tablename__ = "client_registration"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    steps: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class Registrations:
    """The rows of `client_registration`."""

    def __init__(self, database: Database, audit: AuditRows) -> None:
        self._database = database
        self._audit = audit
        table = table_of(RegistrationRow)
        self._all = database.prepare(select(table.c.body).where(table.c.study == study_is()).order_by(table.c.id))
        self._put = database.prepare(_put(database))

    def put(self, study: str, id: str, steps: int, body: bytes, event: Event) -> bool:
        """See `RegistryStore.put`."""
        values: dict[str, Any] = {"b_study": study, "b_id": id, "b_steps": steps, "b_body": body}

        def work(connection: Connection) -> bool:
            if not self._database.run(connection, self._put, values):
                return False
            self._audit.extend(connection, study, [event])
            return True

        return self._database.write(work)

    def all(self, study: str) -> list[bytes]:
        """See `RegistryStore.all`."""
        return [bytes(body) for (body,) in self._database.fetch(self._all, {"study": study})]


def _put(database: Database) -> Executable:
    """A first row, or the next step of one that has a step less."""
    table = table_of(RegistrationRow)
    steps, body = bindparam("b_steps", type_=BigInteger), bindparam("b_body", type_=LargeBinary)
    put = database.upsert(table).values(study=bindparam("b_study"), id=bindparam("b_id"), steps=steps, body=body)
    made: Executable = put.on_conflict_do_update(
        index_elements=["study", "id"], set_={"steps": steps, "body": body}, where=table.c.steps == steps - 1
    ).returning(table.c.steps)
    return made
