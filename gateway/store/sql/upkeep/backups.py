"""A backup: every row of every table as of one instant, in one file that either kind of database can be filled from.

The file is a ZIP archive. `manifest.json` names the version of the schema and, for each table, how many rows it has
and the SHA-256 of its member; `rows/<table>` holds batches of rows, each a 32-bit length and MessagePack. Keys that
sign and secrets of clients are in files of their own and in no backup.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, select

from gateway.core import issue
from gateway.core.errors import Conflict, Unprocessable
from gateway.store.sql import tables
from gateway.store.sql.database import Database
from gateway.store.sql.migrate import SCHEMA_VERSION, found_version

BATCH: Final = 500
"""How many rows are written and read at once."""

_FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_MAX_BATCH: Final = 1 << 30
_LENGTH: Final = 4
_BROKEN: Final = (zipfile.BadZipFile, KeyError, msgspec.MsgspecError, EOFError, ValueError)

Told = Callable[[str, int], None]
"""Hears which table is at work and how many more of its rows are done."""


class Member(msgspec.Struct, frozen=True):
    """What the manifest says of a table."""

    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    format: int
    schema: int
    tables: dict[str, Member]


@dataclass(slots=True)
class _Hashed:
    """A stream whose bytes are counted into a digest as they pass."""

    stream: IO[bytes]
    digest: Any

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.stream.write(data)

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.digest.update(data)
        if 0 < len(data) < size:
            raise EOFError
        return data


def backed_up() -> list[Table]:
    """The tables of a backup, in the order of their names."""
    version = tables.table_of(tables.SchemaRow)
    return [table for _, table in sorted(tables.Table.metadata.tables.items()) if table is not version]


def back_up(database: Database, target: Path, told: Told) -> Manifest:
    """Writes the backup to `target`, readable by its owner only; writers are not held up.

    It is there whole or not at all. Raises OSError when it cannot be written, `Conflict` with `store.backup-exists`
    when the file exists, and `Unprocessable` with `store.backup-schema` when the schema is not this gateway's.
    """
    if target.exists():
        raise Conflict(issue("store.backup-exists"))
    unfinished = target.with_name(target.name + ".part")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                manifest = _write(database, archive, told)
            file.flush()
            os.fsync(file.fileno())
        _name(unfinished, target)
    except FileExistsError:
        raise Conflict(issue("store.backup-exists")) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _name(unfinished: Path, target: Path) -> None:
    """Gives the whole file its name; raises FileExistsError when another one came meanwhile."""
    try:
        os.link(unfinished, target)  # unlike a renaming, this replaces nothing
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        unfinished.rename(target)


def _write(database: Database, archive: zipfile.ZipFile, told: Told) -> Manifest:
    members: dict[str, Member] = {}
    with database.snapshot() as connection:
        _require_schema(found_version(connection))
        for table in backed_up():
            with archive.open(f"rows/{table.name}", "w", force_zip64=True) as stream:
                hashed = _Hashed(stream, hashlib.sha256())
                count = 0
                for rows in _batches(connection, table):
                    data = msgspec.msgpack.encode(rows)
                    hashed.write(len(data).to_bytes(_LENGTH, "big"))
                    hashed.write(data)
                    count += len(rows)
                    told(table.name, len(rows))
            members[table.name] = Member(count, hashed.digest.hexdigest())
    manifest = Manifest(_FORMAT, SCHEMA_VERSION, members)
    archive.writestr(_MANIFEST, msgspec.json.encode(manifest))
    return manifest


def _batches(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    ordered = select(table).order_by(*table.primary_key.columns)
    found = connection.execution_options(stream_results=True, yield_per=BATCH).execute(ordered)
    for rows in found.partitions():
        yield [tuple(row) for row in rows]


def read_manifest(source: Path) -> Manifest:
    """What the backup says of itself; raises `Unprocessable` with `store.backup-broken` when it is none."""
    try:
        with zipfile.ZipFile(source) as archive:
            return msgspec.json.decode(archive.read(_MANIFEST), type=Manifest)
    except _BROKEN:
        raise Unprocessable(issue("store.backup-broken")) from None


def restore(database: Database, source: Path, told: Told) -> Manifest:
    """Fills an empty database, whose schema is there, from a backup, in one transaction.

    Raises `Conflict` with `store.not-empty` when a table has rows, `Unprocessable` with `store.backup-schema` when
    the backup was made by a gateway with another schema, and with `store.backup-broken` when the file is not what
    its manifest says; nothing is changed then.
    """
    manifest = read_manifest(source)
    if manifest.format != _FORMAT or manifest.tables.keys() != {table.name for table in backed_up()}:
        _require_schema(manifest.schema)
        raise Unprocessable(issue("store.backup-broken"))
    _require_schema(manifest.schema)
    try:
        with zipfile.ZipFile(source) as archive:
            database.write(lambda connection: _fill(database, connection, archive, manifest, told))
    except _BROKEN:
        raise Unprocessable(issue("store.backup-broken")) from None
    return manifest


def _require_schema(found: int | None) -> None:
    if found != SCHEMA_VERSION:
        raise Unprocessable(issue("store.backup-schema", found=found or 0, known=SCHEMA_VERSION))


def _fill(
    database: Database, connection: Connection, archive: zipfile.ZipFile, manifest: Manifest, told: Told
) -> None:
    for table in backed_up():
        if connection.execute(select(func.count()).select_from(select(table).limit(1).subquery())).scalar_one():
            raise Conflict(issue("store.not-empty"))
    for table in backed_up():
        with archive.open(f"rows/{table.name}") as stream:
            hashed = _Hashed(stream, hashlib.sha256())
            count = 0
            for rows in _rows(hashed, table):
                database.insert(connection, table, rows)
                count += len(rows)
                told(table.name, len(rows))
        if Member(count, hashed.digest.hexdigest()) != manifest.tables[table.name]:
            raise Unprocessable(issue("store.backup-broken"))
    if not database.is_sqlite:  # whose statistics are fixed; PostgreSQL would plan for empty tables for a minute
        connection.exec_driver_sql("ANALYZE " + ", ".join(f'"{table.name}"' for table in backed_up()))


def _rows(stream: _Hashed, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    width = len(table.columns)
    while head := stream.read(_LENGTH):
        length = int.from_bytes(head, "big")
        if length > _MAX_BATCH:
            raise ValueError
        rows = msgspec.msgpack.decode(stream.read(length), type=list[tuple[Any, ...]])
        if any(len(row) != width for row in rows):
            raise ValueError
        yield rows


__all__ = ["Manifest", "Member", "back_up", "backed_up", "read_manifest", "restore"]
