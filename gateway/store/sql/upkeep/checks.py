"""Whether what the database holds is whole: a look at everything, which takes as long as reading it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, exists, select, text

from gateway.core import Issue, Resource, issue, loads
from gateway.core.errors import FhirError
from gateway.core.resources import Key
from gateway.store.sql.database import Database
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import Rows, no_rows
from gateway.store.sql.tables import PayloadRow, ReceiptRow, ResourceRow, VersionRow, columns_of
from gateway.store.sql.writing.bodies import encode

BATCH: Final = 500

_DAMAGED: Final = (FhirError, ValueError, KeyError, TypeError, msgspec.MsgspecError)
"""What reading bytes raises that are no resource, or no rows."""


class Checker:
    """Looks at the rows of a study; writes nothing."""

    def __init__(self, database: Database, indexes: Indexes) -> None:
        self._database = database
        self._indexes = indexes

    def file(self) -> list[Issue]:
        """What SQLite says of its own file; PostgreSQL looks after itself."""
        if not self._database.is_sqlite:
            return []
        with self._database.snapshot() as connection:
            found = connection.execute(text("PRAGMA integrity_check(1)")).scalar_one()
        return [] if found == "ok" else [issue("store.check-file")]

    def study(self, study: str, told: Callable[[int], None]) -> list[Issue]:
        """The faults of a study, one issue a kind with the number of rows; `told` hears of each row looked at."""
        faults: Counter[str] = Counter()
        with self._database.snapshot() as connection:
            faults["store.check-lost"] = sum(1 for _ in _rows(connection, _without_version(study)))
            for row in _rows(connection, _current(study)):
                faults.update(self._faults(study, *row))
                told(1)
            for sha256, body in _rows(connection, _payloads(study)):
                # One that was emptied at a participant's wish is as it should be: a backup would bring it back.
                faults["store.check-payload"] += bool(body) and hashlib.sha256(body).hexdigest() != sha256
                told(1)
            faults["store.check-receipt"] = sum(1 for _ in _rows(connection, _without_payload(study)))
        return [issue(rule, count=count) for rule, count in sorted(faults.items()) if count]

    def _faults(
        self, study: str, type: str, id: str, version: int, deleted: bool, digest: bytes, entries: bytes, body: bytes
    ) -> Iterator[str]:
        """The rules that one current version breaks."""
        try:
            resource = loads(bytes(body)) if not deleted else {}
            if not deleted and not _is_own(Key(study, type, id), version, bytes(digest), resource):
                yield "store.check-content"
                return
        except _DAMAGED:
            yield "store.check-content"
            return
        try:
            held = Rows.unpack(bytes(entries))
            made = no_rows() if deleted else self._indexes.of_study(study).rows(type, resource)
            if not _same(held, Rows.unpack(made.pack())):
                yield "store.check-index"
        except _DAMAGED:
            yield "store.check-index"


def _is_own(key: Key, version: int, digest: bytes, resource: Resource) -> bool:
    """Whether the resource is what was written as this version."""
    return encode(key, resource).digest == digest and resource["meta"]["versionId"] == str(version)


def _same(held: Rows, made: Rows) -> bool:
    names = ("at", "terms", "references", "dates", "numbers", "strings", "words")
    return all(getattr(held, name) == getattr(made, name) for name in names)


def _rows(connection: Connection, found: Select[Any]) -> Iterator[Any]:
    yield from connection.execution_options(stream_results=True, yield_per=BATCH).execute(found)


def _current(study: str) -> Select[Any]:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    told = (head.type, head.id, head.version, head.deleted, version.digest, version.entries, version.body)
    same = (version.study == study, version.pk == head.pk, version.version == head.version)
    return select(*told).where(head.study == study, *same)


def _without_version(study: str) -> Select[Any]:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    same = (version.study == study, version.pk == head.pk, version.version == head.version)
    return select(head.pk).where(head.study == study, ~exists().where(*same))


def _payloads(study: str) -> Select[Any]:
    payload = columns_of(PayloadRow)
    return select(payload.sha256, payload.body).where(payload.study == study)


def _without_payload(study: str) -> Select[Any]:
    receipt, payload = columns_of(ReceiptRow), columns_of(PayloadRow)
    same = (payload.study == study, payload.sha256 == receipt.sha256)
    return select(receipt.id).where(receipt.study == study, ~exists().where(*same))
