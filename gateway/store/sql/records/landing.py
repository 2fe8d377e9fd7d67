"""Landed payloads and their receipts."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Executable, Select, bindparam, delete, literal, or_, select, update

from gateway.core import Issue, dumps, issue, loads
from gateway.core.errors import NotFound
from gateway.core.instants import from_micros, micros
from gateway.core.receipt import Counts, Payload, Receipt, ReceiptStatus
from gateway.store.sql.database import Database
from gateway.store.sql.driver import DriverConnection
from gateway.store.sql.tables import PayloadRow, ReceiptRow, ReceiptRuleRow, StudyRow, columns_of, table_of
from gateway.store.sql.visible import study_is

_COLUMNS: Final = (
    "id", "study", "source", "status", "received", "sha256", "size", "media_type", "name", "mapping",
    "counts", "issues", "duplicate_of", "attempts",
)  # fmt: skip
_STATE: Final = ("status", "mapping", "counts", "issues", "duplicate_of", "attempts")


class Landing:
    """Implements ingest's `Landing`, and `settle` for transactions that write more than a receipt."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._land_body = database.prepare(_insert_once(database, PayloadRow))
        self._land_study = database.prepare(_insert_once(database, StudyRow))
        self._land_receipt = database.prepare(_insert_once(database, ReceiptRow))
        self._save = database.prepare(_save())
        self._drop_rules = database.prepare(_drop_rules())
        self._one = database.prepare(_select(_by_id()))
        self._first = database.prepare(_first_with())
        self._payload = database.prepare(_payload())
        self._studies = database.prepare(select(table_of(StudyRow).c.id).order_by(table_of(StudyRow).c.id))
        self._free = database.prepare(_free(database))
        self._lease = database.prepare(_set_lease())

    def land(self, payload: Payload, receipt: Receipt, leased_until: datetime | None = None) -> None:
        """See `Landing.land`."""
        row = _values(receipt)
        row["b_envelope"] = dumps(payload.envelope)
        row["b_leased_until"] = micros(leased_until) if leased_until else 0
        body = {"b_study": receipt.study, "b_sha256": receipt.sha256, "b_body": payload.body}

        def work(connection: Connection | DriverConnection) -> None:
            self._database.run(connection, self._land_study, {"b_id": receipt.study})
            self._database.run(connection, self._land_body, body)
            self._database.run(connection, self._land_receipt, row)
            self._write_rules(connection, receipt)

        self._write(work)

    def payload(self, study: str, receipt_id: str) -> Payload:
        """See `Landing.payload`."""
        rows = self._database.fetch(self._payload, {"study": study, "id": receipt_id})
        if not rows:
            raise NotFound(issue("store.receipt-not-found"))
        source, body, media_type, received, envelope, name = rows[0]
        return Payload(study, source, bytes(body), media_type, from_micros(received), loads(bytes(envelope)), name)

    def receipt(self, study: str, id: str) -> Receipt | None:
        """See `Landing.receipt`."""
        return _only(self._database.fetch(self._one, {"study": study, "id": id}))

    def first_with(self, study: str, source: str, sha256: str) -> Receipt | None:
        """See `Landing.first_with`."""
        return _only(self._database.fetch(self._first, {"study": study, "source": source, "sha256": sha256}))

    def save(self, receipt: Receipt) -> None:
        """See `Landing.save`."""
        self._write(lambda connection: self.settle(connection, receipt))

    def _write(self, work: Callable[[Connection | DriverConnection], None]) -> None:
        """On SQLite by the connection that the store commits by too: each would have the other forget its pages."""
        database = self._database
        if database.is_sqlite:
            database.write_driver(work)
        else:
            database.write(work)

    def settle(self, connection: Connection | DriverConnection, receipt: Receipt) -> None:
        """Saves the receipt's state within a transaction; raises `NotFound` when it was never landed."""
        values = _values(receipt)
        if not self._database.run(connection, self._one, {"study": receipt.study, "id": receipt.id}):
            raise NotFound(issue("store.receipt-not-found"))
        self._database.run(connection, self._save, values)
        self._write_rules(connection, receipt)

    def _write_rules(self, connection: Connection | DriverConnection, receipt: Receipt) -> None:
        self._database.run(connection, self._drop_rules, {"b_study": receipt.study, "b_id": receipt.id})
        rules = sorted({found.rule for found in receipt.issues})
        rows = [(receipt.study, receipt.id, rule) for rule in rules]
        self._database.insert(connection, table_of(ReceiptRuleRow), rows)

    def receipts(
        self,
        study: str,
        *,
        source: str | None = None,
        status: ReceiptStatus | None = None,
        rule: str | None = None,
        mapping: str | None = None,
    ) -> list[Receipt]:
        """See `Landing.receipts`."""
        row = table_of(ReceiptRow).c
        where = [row.study == study_is()]
        if source is not None:
            where.append(row.source == source)
        if status is not None:
            where.append(row.status == status)
        if mapping is not None:
            listed = literal(",") + row.mapping + ","  # several mappings may have read one payload
            where.append(or_(*(listed.contains(f",{mapping}{end}", autoescape=True) for end in ",|")))
        if rule is not None:
            own = columns_of(ReceiptRuleRow)
            where.append(row.id.in_(select(own.receipt).where(own.study == study_is(), own.rule == rule)))
        found = _select(where).order_by(row.received, row.id)
        with self._database.snapshot() as connection:
            return [_receipt(tuple(one)) for one in connection.execute(found, {"study": study})]

    def lease(self, study: str | None, now: datetime, seconds: float) -> Receipt | None:
        """See `Landing.lease`."""
        studies = [study] if study is not None else [id for (id,) in self._database.fetch(self._studies, {})]
        at = micros(now)
        until = at + int(seconds * 1_000_000)
        for one in studies:
            found = self._database.write(partial(self._take, study=one, now=at, until=until))
            if found:
                return found
        return None

    def _take(self, connection: Connection, study: str, now: int, until: int) -> Receipt | None:
        found = _only(self._database.run(connection, self._free, {"study": study, "now": now}))
        if found:
            self._database.run(connection, self._lease, {"b_study": study, "b_id": found.id, "b_until": until})
        return found

    def release(self, study: str, id: str) -> None:
        """See `Landing.release`."""
        values = {"b_study": study, "b_id": id, "b_until": 0}
        self._database.write(lambda connection: self._database.run(connection, self._lease, values))


def _values(receipt: Receipt) -> dict[str, Any]:
    values = {f"b_{name}": getattr(receipt, name) for name in _COLUMNS}
    values["b_received"] = micros(receipt.received)
    values["b_counts"] = dumps(receipt.counts)
    values["b_issues"] = dumps(receipt.issues)
    return values


def _receipt(row: tuple[Any, ...]) -> Receipt:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["received"] = from_micros(values["received"])
    values["counts"] = Counts(**loads(bytes(values["counts"])))
    values["issues"] = tuple(Issue(**found) for found in loads(bytes(values["issues"])))
    return Receipt(**values)


def _only(rows: list[Any]) -> Receipt | None:
    return _receipt(tuple(rows[0])) if rows else None


def _insert_once(database: Database, row: Any) -> Executable:
    table = table_of(row)
    values = {column.name: bindparam(f"b_{column.name}", type_=column.type) for column in table.columns}
    inserted: Executable = database.upsert(table).values(values).on_conflict_do_nothing()
    return inserted


def _select(where: Iterable[Any]) -> Select[Any]:
    row = table_of(ReceiptRow).c
    return select(*(row[name] for name in _COLUMNS)).where(*where)


def _by_id() -> list[Any]:
    row = table_of(ReceiptRow).c
    return [row.study == study_is(), row.id == bindparam("id")]


def _first_with() -> Executable:
    row = table_of(ReceiptRow).c
    same = [row.study == study_is(), row.source == bindparam("source"), row.sha256 == bindparam("sha256")]
    return _select(same).order_by(row.received, row.id).limit(1)


def _payload() -> Executable:
    row, kept = table_of(ReceiptRow).c, table_of(PayloadRow).c
    found = select(row.source, kept.body, row.media_type, row.received, row.envelope, row.name)
    return found.where(*_by_id(), kept.study == study_is(), kept.sha256 == row.sha256)


def _save() -> Executable:
    """Whoever saves keeps the lease; it matters only while the status is `received`."""
    table = table_of(ReceiptRow)
    state: dict[str, Any] = {name: bindparam(f"b_{name}", type_=table.c[name].type) for name in _STATE}
    return update(table).where(table.c.study == bindparam("b_study"), table.c.id == bindparam("b_id")).values(state)


def _drop_rules() -> Executable:
    columns = table_of(ReceiptRuleRow).c
    own = (columns.study == bindparam("b_study"), columns.receipt == bindparam("b_id"))
    return delete(table_of(ReceiptRuleRow)).where(*own)


def _free(database: Database) -> Executable:
    row = table_of(ReceiptRow).c
    free = [row.study == study_is(), row.status == "received", row.leased_until <= bindparam("now", type_=BigInteger)]
    found = _select(free).order_by(row.received, row.id).limit(1)
    return found if database.is_sqlite else found.with_for_update(skip_locked=True)


def _set_lease() -> Executable:
    table = table_of(ReceiptRow)
    own = (table.c.study == bindparam("b_study"), table.c.id == bindparam("b_id"))
    return update(table).where(*own).values(leased_until=bindparam("b_until", type_=BigInteger))
