"""The bare route that creating is measured against: FastAPI, the rows of one Observation for each request.

Requests that come together share a commit, as the gateway's do. No token, validation, consent or index work: the
hashes are constants. The audit row is written too.
`python -m benchmarks.reference.create_route --schema FILE --database FILE --port N`.
"""

import argparse
import hashlib
import itertools
import json
import sqlite3
import threading
import time
import uuid
from collections import deque
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

LOW, HIGH, UNORDERED = 1_772_000_000_000_000, 1_772_000_001_000_000, -(2**62)
GROUP = 32
"""How many requests share a commit at most, as in the gateway."""
TERMS, REFERENCES = range(1, 4), ((101, "Patient"), (102, "Device"))


def application(schema: str, database: str) -> FastAPI:
    """An application with the one route, over a new database with the tables of another."""
    with sqlite3.connect(schema) as known:
        made = known.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'index'"
        ).fetchall()
    connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}")
    for (statement,) in made:
        connection.execute(statement)
    keys, writer = itertools.count(time.time_ns() // 1000 << 8), threading.Lock()
    app = FastAPI()

    waiting: deque[list[Any]] = deque()

    def insert(study: str, body: bytes) -> str:
        """The id, once it is durable: whoever comes first inserts for all who wait with it."""
        ticket: list[Any] = [study, body]
        waiting.append(ticket)
        with writer:
            if len(ticket) == 2:
                together = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
                connection.execute("BEGIN IMMEDIATE")
                ids = [_insert(connection, study, next(keys), body) for study, body, *_ in together]
                connection.execute("COMMIT")
                for one, made in zip(together, ids, strict=True):
                    one.append(made)
        identity: str = ticket[2]
        return identity

    @app.post("/studies/{study}/fhir/{kind}")
    async def create(study: str, kind: str, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        body = await request.body()
        key = await run_in_threadpool(insert, study, body)
        return Response(status_code=201, headers={"location": f"/studies/{study}/fhir/{kind}/{key}/_history/1"})

    return app


def _insert(connection: sqlite3.Connection, study: str, row: int, body: bytes) -> str:
    resource = json.loads(body)
    resource["id"] = key = str(uuid.uuid4())
    now = time.time_ns() // 1000
    resource["meta"] = {"versionId": "1", "lastUpdated": "2026-11-21T00:00:00.000Z"}
    text = json.dumps(resource).encode()
    placed = (2, "101-001", "wearable", LOW, HIGH)
    execute, many = connection.execute, connection.executemany
    head = (study, "Observation", row, key, 1, now, False, *placed, UNORDERED, LOW, HIGH, 105, row)
    execute("INSERT INTO resource (study, type, pk, id, version, updated, deleted, level, subject, domain, low, "
            "high, ordered, at, until, facet, reference) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", head)  # fmt: skip
    version = (study, row, 1, now, False, *placed, hashlib.blake2b(text, digest_size=16).digest(), text[:100], text)
    execute("INSERT INTO version (study, pk, version, updated, deleted, level, subject, domain, low, high, digest, "
            "entries, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", version)  # fmt: skip
    many("INSERT INTO search_term (study, hash, at, pk) VALUES (?,?,?,?)", [(study, one, LOW, row) for one in TERMS])
    many("INSERT INTO search_reference (study, pk, hash, type, id) VALUES (?,?,?,?,?)",
         [(study, row, one, kind, "101-001") for one, kind in REFERENCES])  # fmt: skip
    execute("INSERT INTO search_number (study, pk, hash, low, high, unit, part, canonical_low, canonical_high) "
            "VALUES (?,?,?,?,?,?,?,?,?)", (study, row, 103, 60.0, 60.0, 104, 0, 1.0, 1.0))  # fmt: skip
    execute("INSERT INTO audit_event (study, sequence, at, event, digest) VALUES (?,?,?,?,?)",
            (study, row, now, text[:400], text[:32]))  # fmt: skip
    return key


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--schema", "--database"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvicorn.run(application(given.schema, given.database), port=given.port, log_level="warning", access_log=False)
