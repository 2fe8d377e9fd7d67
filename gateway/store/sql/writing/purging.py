"""Deleting what is held of a participant: bodies, versions, index rows, landed payloads; only tombstones stay.

A tombstone is a head and one deleted version that nobody sees, so that an id is never given to other content. The
participant's Consents stay: they tell why. What is freed is overwritten on SQLite.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, String, bindparam, delete, or_, select, text, union_all, update

from gateway.core import Resource, dumps, loads
from gateway.core.resources import Change, Key
from gateway.store.sql.database import Database
from gateway.store.sql.index.consents import CONSENT
from gateway.store.sql.tables import (
    HIDDEN,
    PairRow,
    PayloadRow,
    ReceiptRow,
    ReplacedRow,
    ResourceRow,
    VersionRow,
    columns_of,
    table_of,
)
from gateway.store.sql.tables import Table as Row
from gateway.store.sql.visible import study_is

SHORTEST: Final = 5
"""Identifiers with fewer characters are not looked for in payloads: they stand in too many."""

_HOLDS: Final = {
    True: "SELECT DISTINCT p.sha256 FROM payload p JOIN receipt r ON r.study = p.study AND r.sha256 = p.sha256 "
    "WHERE p.study = :study AND r.status NOT IN ('stored', 'known') AND instr(p.body, :value) > 0",
    False: "SELECT DISTINCT p.sha256 FROM payload p JOIN receipt r ON r.study = p.study AND r.sha256 = p.sha256 "
    "WHERE p.study = :study AND r.status NOT IN ('stored', 'known') "
    "AND position(CAST(:value AS bytea) IN p.body) > 0",
}
"""By whether the database is SQLite: the payloads that hold these bytes and never were stored."""

_PROOF: Final = "urn:trial-fhir-gateway:payload-sha256"


class Purger:
    """Purges inside a transaction that somebody else began; linear in the resources of the study."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = database.prepare(_of_subject())
        self._bodies = database.prepare(_bodies())
        self._holding = database.prepare(text(_HOLDS[database.is_sqlite]))
        head, version = table_of(ResourceRow), table_of(VersionRow)
        payload, receipt = table_of(PayloadRow), table_of(ReceiptRow)
        nowhere: dict[str, Any] = {"level": HIDDEN, "subject": "", "domain": ""}
        pk: Any = bindparam("b_pk")
        study: Any = bindparam("b_study")
        current = (version.c.study == study, version.c.pk == pk)
        kept = version.c.version == bindparam("b_version")
        self._statements = [
            database.prepare(statement)
            for statement in (
                delete(version).where(*current, version.c.version < bindparam("b_version")),
                update(version).where(*current, kept).values(nowhere | {"digest": b"", "body": b""}),
                delete(table_of(PairRow)).where(*_same(PairRow, study, pk)),
                update(head)
                .where(head.c.study == study, head.c.type == bindparam("b_type"), head.c.pk == pk)
                .values(nowhere),
            )
        ]
        replaced = table_of(ReplacedRow).c
        self._forget = database.prepare(
            delete(table_of(ReplacedRow)).where(
                *_same(ReplacedRow, study, pk),
                replaced.type == bindparam("b_type"),
                replaced.updated == bindparam("b_updated"),
            )
        )
        of_payload: Any = bindparam("b_sha256")
        self._empty = [
            database.prepare(
                update(payload).where(payload.c.study == study, payload.c.sha256 == of_payload).values({"body": b""})
            ),
            database.prepare(
                update(receipt)
                .where(receipt.c.study == study, receipt.c.sha256 == of_payload)
                .values({"name": "", "envelope": dumps({})})
            ),
        ]

    def living(self, connection: Connection, study: str, subject: str) -> list[Change]:
        """The deletions of everything current that is about the participant, Consents aside."""
        found = self._of(connection, study, subject)
        return [Change(Key(study, type, id), None) for type, id, _, _, deleted in found if not deleted]

    def proofs(self, connection: Connection, study: str, subject: str) -> set[str]:
        """The digests of the payloads that the participant's data came in, or that hold an identifier of the
        participant and never were stored; before the deletions."""
        digests: set[str] = set()
        values: set[str] = set()
        for resource in self._contents(connection, study, subject):
            if resource["resourceType"] == "Provenance":
                digests.update(_payloads(resource))
            if resource["resourceType"] == "Patient":
                values.update(_identifiers(resource))
        for value in sorted(values):
            rows = self._database.run(connection, self._holding, {"study": study, "value": value.encode()})
            digests.update(one for (one,) in rows)
        return digests

    def clear(self, connection: Connection, study: str, subject: str, digests: Iterable[str]) -> None:
        """Leaves tombstones of what was deleted, and empties the payloads."""
        found = self._of(connection, study, subject)
        rows = [
            {"b_study": study, "b_type": type, "b_pk": pk, "b_version": version} for type, _, pk, version, _ in found
        ]
        moments = [
            {"b_study": study, "b_type": type, "b_pk": pk, "b_updated": updated}
            for type, _, pk, _, _ in found
            for _, updated, _ in self._versions(connection, study, pk)
        ]
        self._database.run_many(connection, self._forget, moments)
        for statement in self._statements:
            self._database.run_many(connection, statement, rows)
        payloads = [{"b_study": study, "b_sha256": one} for one in sorted(digests)]
        for statement in self._empty:
            self._database.run_many(connection, statement, payloads)

    def _of(self, connection: Connection, study: str, subject: str) -> list[tuple[str, str, int, int, bool]]:
        rows = self._database.run(connection, self._found, {"study": study, "subject": subject})
        return [(type, id, pk, version, bool(deleted)) for type, id, pk, version, deleted in rows if type != CONSENT]

    def _versions(self, connection: Connection, study: str, pk: int) -> list[tuple[int, int, bytes]]:
        return self._database.run(connection, self._bodies, {"study": study, "pk": pk})

    def _contents(self, connection: Connection, study: str, subject: str) -> Iterator[Resource]:
        """Every version of the resources that tell of payloads and identities."""
        for type, _, pk, _, _ in self._of(connection, study, subject):
            if type in ("Patient", "Provenance"):
                for _, _, body in self._versions(connection, study, pk):
                    if body:
                        yield loads(bytes(body))


def _payloads(provenance: Resource) -> Iterator[str]:
    for entity in provenance.get("entity") or ():
        identifier = (entity.get("what") or {}).get("identifier") or {}
        if identifier.get("system") == _PROOF and isinstance(identifier.get("value"), str):
            yield identifier["value"]


def _identifiers(patient: Mapping[str, Any]) -> Iterator[str]:
    for identifier in patient.get("identifier") or ():
        value = identifier.get("value")
        if isinstance(value, str) and len(value) >= SHORTEST:
            yield value


def _same(row: type[Row], study: Any, pk: Any) -> list[Any]:
    table = table_of(row)
    return [table.c.study == study, table.c.pk == pk]


def _of_subject() -> Any:
    head, pair, version = columns_of(ResourceRow), columns_of(PairRow), columns_of(VersionRow)
    subject = bindparam("subject", type_=String)
    held = union_all(
        select(pair.pk).where(pair.study == study_is(), pair.subject == subject),
        select(version.pk).where(version.study == study_is(), version.subject == subject),
    )
    found = select(head.type, head.id, head.pk, head.version, head.deleted).where(head.study == study_is())
    return found.where(or_(head.subject == subject, head.pk.in_(held))).order_by(head.pk)


def _bodies() -> Any:
    version = columns_of(VersionRow)
    own = (version.study == study_is(), version.pk == bindparam("pk"))
    return select(version.version, version.updated, version.body).where(*own).order_by(version.version)
