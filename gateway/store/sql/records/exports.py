"""Bulk exports as rows, and how consent stands; implements `ExportStore` of `gateway.export.bulk`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    String,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    union,
    update,
)
from sqlmodel import Field

from gateway.core.export_job import ExportJob, ExportStatus
from gateway.core.instants import FOREVER_AFTER, from_micros, micros
from gateway.store.sql.database import Database
from gateway.store.sql.index.consents import CONSENT, SUBJECT
from gateway.store.sql.tables import ConsentEpochRow, GrantRow, PairRow, ResourceRow, Table, columns_of, table_of
from gateway.store.sql.visible import study_is

_COLUMNS: Final = ("study", "id", "client", "status", "created", "expires", "request", "state", "attempts")
_AT_ONCE: Final = 1_000
_BEFORE_ALL: Final = (-FOREVER_AFTER, -1)
_CLAIM: Final = 7_461_002_357


class ExportRow(Table, table=True):
    """An export; `worker` has it until `leased_until`, "" for nobody."""

    __tablename__ = "export_job"

    study: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str
    status: str
    created: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)
    request: bytes = Field(sa_type=LargeBinary)
    state: bytes = Field(sa_type=LargeBinary)
    attempts: int
    worker: str
    leased_until: int = Field(sa_type=BigInteger)


class RequestRow(Table, table=True):
    """A request that is answered later; the same columns."""

    __tablename__ = "request_job"

    study: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str
    status: str
    created: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)
    request: bytes = Field(sa_type=LargeBinary)
    state: bytes = Field(sa_type=LargeBinary)
    attempts: int
    worker: str
    leased_until: int = Field(sa_type=BigInteger)


class Exports:
    """The rows of `export_job`, or of `request_job`: work that outlives a request is kept in one way."""

    def __init__(self, database: Database, row: type[ExportRow | RequestRow] = ExportRow) -> None:
        self._database = database
        table = table_of(row)
        column = table.c
        own = [column.study == study_is(), column.id == bindparam("id", type_=String)]
        found = select(*(table.c[name] for name in _COLUMNS))
        now = bindparam("now", type_=BigInteger)
        free = found.where(column.study == study_is(), column.status == "running", column.leased_until <= now)
        free = free.order_by(column.created, column.id).limit(1)
        self._add = database.prepare(table.insert().values({n.name: bindparam(f"b_{n.name}") for n in table.columns}))
        self._one = database.prepare(found.where(*own))
        self._all = database.prepare(found.where(column.study == study_is()).order_by(column.created, column.id))
        running = [
            column.study == study_is(),
            column.client == bindparam("client", type_=String),
            column.status == "running",
        ]
        self._running = database.prepare(select(func.count()).select_from(table).where(*running))
        self._waiting = database.prepare(free)
        self._free = database.prepare(free if database.is_sqlite else free.with_for_update(skip_locked=True))
        mine = [table.c.study == bindparam("b_study"), table.c.id == bindparam("b_id")]
        changed: dict[str, Any] = {n: bindparam(f"b_{n}") for n in ("worker", "leased_until", "attempts")}
        self._take = database.prepare(update(table).where(*mine).values(changed))
        kept: dict[str, Any] = {
            n: bindparam(f"b_{n}") for n in ("status", "expires", "request", "state", "leased_until")
        }
        held = [*mine, table.c.worker == bindparam("b_worker"), table.c.status == "running"]
        self._save = database.prepare(update(table).where(*held).values(kept).returning(table.c.id))
        free_of = [*mine, table.c.status != "running"]
        anew: dict[str, Any] = {
            n: bindparam(f"b_{n}") for n in ("status", "state", "worker", "leased_until", "attempts")
        }
        self._replace = database.prepare(update(table).where(*free_of).values(anew))
        self._remove = database.prepare(delete(table).where(*mine))
        self._standing = [database.prepare(one) for one in _standing(now)]
        self._changed = database.prepare(_changed())
        self._rewritten = database.prepare(_rewritten())

    def add(self, job: ExportJob, limit: int) -> bool:
        """See `ExportStore.add`."""

        def work(connection: Connection) -> bool:
            if not self._database.is_sqlite:  # counts and inserts of two requests come one after the other
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CLAIM})
            asked = {"study": job.study, "client": job.client}
            if self._database.run(connection, self._running, asked)[0][0] >= limit:
                return False
            self._database.run(connection, self._add, _values(job) | {"b_worker": "", "b_leased_until": 0})
            return True

        return self._database.write(work)

    def job(self, study: str, id: str) -> ExportJob | None:
        """See `ExportStore.job`."""
        rows = self._database.fetch(self._one, {"study": study, "id": id})
        return _job(rows[0]) if rows else None

    def jobs(self, study: str) -> list[ExportJob]:
        """See `ExportStore.jobs`."""
        return [_job(row) for row in self._database.fetch(self._all, {"study": study})]

    def lease(self, study: str, worker: str, now: datetime, seconds: float) -> ExportJob | None:
        """See `ExportStore.lease`."""
        at = micros(now)
        values: dict[str, Any] = {"b_study": study, "b_worker": worker, "b_leased_until": at + int(seconds * 1e6)}

        def work(connection: Connection) -> ExportJob | None:
            rows = self._database.run(connection, self._free, {"study": study, "now": at})
            if not rows:
                return None
            job = _job(rows[0])
            taken = values | {"b_id": job.id, "b_attempts": job.attempts + 1}
            self._database.run(connection, self._take, taken)
            return job

        if not self._database.fetch(self._waiting, {"study": study, "now": at}):
            return None
        return self._database.write(work)

    def save(self, job: ExportJob, worker: str, now: datetime, seconds: float) -> bool:
        """See `ExportStore.save`."""
        values = _values(job) | {"b_worker": worker, "b_leased_until": micros(now) + int(seconds * 1e6)}
        return self._database.write(lambda one: bool(self._database.run(one, self._save, values)))

    def replace(self, study: str, id: str, status: ExportStatus, state: bytes) -> None:
        """See `RequestStore.replace`."""
        values: dict[str, Any] = {"b_study": study, "b_id": id, "b_status": status, "b_state": state}
        values |= {"b_worker": "", "b_leased_until": 0, "b_attempts": 0}
        self._database.write(lambda one: self._database.run(one, self._replace, values))

    def remove(self, study: str, id: str) -> None:
        """See `ExportStore.remove`."""
        self._database.write(lambda one: self._database.run(one, self._remove, {"b_study": study, "b_id": id}))

    def standing(self, study: str, now: datetime) -> str:
        """See `ExportStore.standing`."""
        values = {"study": study, "now": micros(now)}
        found = self._database.fetch_all([(one, values) for one in self._standing])
        return "-".join(str(value) for rows in found for row in rows for value in row)

    def changed_subjects(self, study: str, since: datetime, now: datetime) -> list[str]:
        """See `ExportStore.changed_subjects`."""
        rows = self._database.fetch(self._changed, {"study": study, "since": micros(since), "now": micros(now)})
        return sorted(subject for (subject,) in rows if subject)

    def rewritten(self, study: str, type: str, since: datetime, until: datetime) -> Iterator[str]:
        """See `ExportStore.rewritten`."""
        after = _BEFORE_ALL
        values = {"study": study, "type": type, "since": micros(since), "until": micros(until)}
        while True:
            rows = self._database.fetch(self._rewritten, {**values, "after_updated": after[0], "after_pk": after[1]})
            yield from (id for id, _, _ in rows)
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1][1:]


def _standing(now: Any) -> list[Any]:
    """How often grants were made, and how many of them have begun and ended by now: each number only rises."""
    epoch, grant = columns_of(ConsentEpochRow), columns_of(GrantRow)
    made = select(func.coalesce(func.sum(epoch.epoch), 0)).where(epoch.study == study_is())
    begun = select(func.count()).where(grant.study == study_is(), grant.valid_low <= now)
    ended = select(func.count()).where(grant.study == study_is(), grant.valid_high <= now)
    return [made, begun, ended]


def _changed() -> Any:
    """The participants whose Consents, or enrolments that lead to Consents, were written, also those that they name
    beside the participant; and those of whom a grant began or ended."""
    consent, pair, grant = columns_of(ResourceRow), columns_of(PairRow), columns_of(GrantRow)
    since, now = bindparam("since", type_=BigInteger), bindparam("now", type_=BigInteger)
    is_evidence = (
        consent.study == study_is(),
        or_(consent.type == CONSENT, consent.type == SUBJECT),
        consent.updated >= since,
    )
    written = select(consent.subject).where(*is_evidence)
    named = select(pair.subject).where(
        *is_evidence, pair.study == study_is(), pair.pk == consent.pk, pair.version == consent.version
    )
    turned = select(grant.subject).where(
        grant.study == study_is(),
        or_(
            and_(grant.valid_low > since, grant.valid_low <= now),
            and_(grant.valid_high > since, grant.valid_high <= now),
        ),
    )
    return union(written, named, turned)


def _rewritten() -> Any:
    head = columns_of(ResourceRow)
    after = tuple_(bindparam("after_updated", type_=BigInteger), bindparam("after_pk", type_=BigInteger))
    found = select(head.id, head.updated, head.pk).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        head.updated >= bindparam("since", type_=BigInteger),
        head.updated < bindparam("until", type_=BigInteger),
        head.version > 1,
        tuple_(head.updated, head.pk) > after,
    )
    return found.order_by(head.updated, head.pk).limit(_AT_ONCE)


def _values(job: ExportJob) -> dict[str, Any]:
    values: dict[str, Any] = {f"b_{name}": getattr(job, name) for name in _COLUMNS}
    return values | {"b_created": micros(job.created), "b_expires": micros(job.expires)}


def _job(row: Any) -> ExportJob:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("created", "expires"):
        values[name] = from_micros(values[name])
    for name in ("request", "state"):
        values[name] = bytes(values[name])
    return ExportJob(**values)
