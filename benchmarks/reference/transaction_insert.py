"""Transaction Bundles written by hand: decode, new ids, references rewritten, encode, insert; one commit each.

It checks nothing: no validation, no Consent, no conditions looked up. The rows of the search index are given, without
study and key: it writes as many of them as the gateway does, in the same tables, and need not find out which. Where
they are not given, it finds them as `synthea_rows` does.
"""

import hashlib
import itertools
import re
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.reference.synthea_rows import index_rows

FOREVER = 2**62
TERMS = "search_term"
PLACES = {TERMS: 3}
"""Where the key stands among the columns; everywhere else it is the second."""
REFERENCE = re.compile(rb'"reference":"([^"]*)"')
decoder = msgspec.json.Decoder(float_hook=Decimal)
encoder = msgspec.json.Encoder(decimal_format="number")

IndexRows = Mapping[str, Sequence[tuple[Any, ...]]]
"""Table -> rows of one resource, with None for its key."""


class Script:
    """An open database file with the given schema (the statements of another database's `sqlite_master`)."""

    def __init__(self, path: Path, schema: list[str], targets: Mapping[str, str]) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768", "mmap_size=268435456"):
            self.connection.execute(f"PRAGMA {pragma}")
        for statement in schema:
            self.connection.execute(statement)
        self.keys = itertools.count(time.time_ns() // 1000 << 8)
        self.targets = {name.encode(): target.encode() for name, target in targets.items()}
        self.sequence = itertools.count(1)

    def write(self, study: str, body: bytes, index: Sequence[IndexRows] | None) -> int:
        """Writes a Bundle whose entries are all POST; how many resources."""
        now = time.time_ns() // 1000
        entries = decoder.decode(body)["entry"]
        ids = [uuid.uuid4().hex for _ in entries]
        known = dict(self.targets)
        for entry, identity in zip(entries, ids, strict=True):
            if "fullUrl" in entry:
                known[entry["fullUrl"].encode()] = f"{entry['resource']['resourceType']}/{identity}".encode()
        heads, versions = [], []
        rows: dict[str, list[tuple[Any, ...]]] = {}

        def target(text: str) -> str:
            return known.get(text.encode(), text.encode()).decode()

        for number, (entry, identity) in enumerate(zip(entries, ids, strict=True)):
            resource, key = entry["resource"], next(self.keys)
            kind = resource["resourceType"]
            made = {**resource, "id": identity, "meta": {"versionId": "1", "lastUpdated": "2026-11-21T00:00:00.000Z"}}
            text = REFERENCE.sub(
                lambda found: b'"reference":"%b"' % known.get(found[1], found[1]), encoder.encode(made)
            )
            digest = hashlib.blake2b(text, digest_size=16).digest()
            placed = (2, ids[0], "", -FOREVER, FOREVER)
            heads.append((study, kind, key, identity, 1, now, False, *placed, -FOREVER, now, now, 1, key))
            versions.append((study, key, 1, now, False, *placed, digest, text[:100], text))
            if index is None:
                for table, found in index_rows(resource, study, key, target).items():
                    rows.setdefault(table, []).extend(found)
                continue
            for table, several in index[number].items():
                place = PLACES.get(table, 1)
                rows.setdefault(table, []).extend((*row[:place], key, *row[place + 1 :]) for row in several)
        self._insert(study, now, heads, versions, rows)
        return len(entries)

    def _insert(
        self, study: str, now: int, heads: list[Any], versions: list[Any], rows: dict[str, list[tuple[Any, ...]]]
    ) -> None:
        many = self.connection.executemany
        self.connection.execute("BEGIN IMMEDIATE")
        many("INSERT INTO resource (study, type, pk, id, version, updated, deleted, level, subject, domain, low, "
             "high, ordered, at, until, facet, reference) "
             "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", heads)  # fmt: skip
        many("INSERT INTO version (study, pk, version, updated, deleted, level, subject, domain, low, high, digest, "
             "entries, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", versions)  # fmt: skip
        for table, several in rows.items():
            if not several:
                continue
            marks = ",".join("?" * len(several[0]))
            many(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", sorted(several))
        event = encoder.encode([head[3] for head in heads])
        self.connection.execute("INSERT INTO audit_event (study, sequence, at, event, digest) VALUES (?,?,?,?,?)",
                                (study, next(self.sequence), now, event, event[:32]))  # fmt: skip
        self.connection.execute("COMMIT")
