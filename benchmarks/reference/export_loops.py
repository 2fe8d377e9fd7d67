"""What a programmer would write for one study: bodies from the database to a file, and a row of each Observation."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import psycopg

_QUERY = """
SELECT v.body FROM resource AS r JOIN version AS v ON v.study = r.study AND v.pk = r.pk AND v.version = r.version
WHERE r.study = ? AND r.type = 'Observation' AND r.deleted = 0 ORDER BY r.pk
"""
_NAMED = """
SELECT v.body FROM resource AS r JOIN version AS v ON v.study = r.study AND v.pk = r.pk AND v.version = r.version
WHERE r.study = %s AND r.type = 'Observation' AND NOT r.deleted ORDER BY r.pk
"""
_decode = msgspec.json.Decoder().decode


def copy_bodies(database: Path, study: str, target: Path) -> int:
    """Writes every Observation's body as a line, durably; how many."""
    count = 0
    connection = sqlite3.connect(database)
    with target.open("wb") as file:
        for (body,) in connection.execute(_QUERY, (study,)):
            file.write(body)
            file.write(b"\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    connection.close()
    return count


def copy_by_cursor(url: str, study: str, target: Path, *, binary: bool = False) -> int:
    """The same from PostgreSQL, by a server-side cursor that fetches 500 rows at a time."""
    count = 0
    with (
        psycopg.connect(url) as connection,
        connection.cursor(name="copied", binary=binary) as cursor,
        target.open("wb") as file,
    ):
        cursor.itersize = 500
        for (body,) in cursor.execute(_NAMED, (study,)):
            file.write(body)
            file.write(b"\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def row(body: bytes) -> tuple[Any, ...]:
    """Id, patient, first code, time, value and unit of an Observation, with the checks that real data need."""
    tree = _decode(body)
    subject = (tree.get("subject") or {}).get("reference") or ""
    kind, _, patient = subject.partition("/")
    codings = (tree.get("code") or {}).get("coding") or [{}]
    quantity = tree.get("valueQuantity") or {}
    return (
        tree["id"],
        patient if kind == "Patient" else None,
        codings[0].get("system"),
        codings[0].get("code"),
        tree.get("effectiveDateTime"),
        quantity.get("value"),
        quantity.get("code"),
    )
