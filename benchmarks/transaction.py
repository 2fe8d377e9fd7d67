"""Transaction Bundles of Synthea over HTTP, one client: a whole record each, validated, indexed, gated, audited.

The reference does by hand what it takes to store the same resources with the same rows in the same tables: it
decodes, rewrites references, finds the index rows, encodes and inserts; its rows are checked to be the gateway's.
That of `transaction-rows-given` is given the index rows that the gateway made. The Bundles that are timed are of
other participants than those before. `transaction-memory` is by how much the server's peak of memory grows
meanwhile: what one of them takes is given back.
"""

import http.client
import re
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.demo_study import STUDY, enrolled
from benchmarks.figure import Figure, seconds
from benchmarks.ingest import schema
from benchmarks.reference.synthea_rows import index_rows
from benchmarks.reference.transaction_insert import TERMS, IndexRows, Script, decoder
from benchmarks.server import serving
from benchmarks.synthea import FOLDER, bundles, named_elsewhere

NAME = "transaction"
BUNDLES = 7
TABLES = (TERMS, "search_reference", "search_date", "search_number", "search_string", "search_word")
GROWTH = 1.25
"""How much larger the peak may be after twice the Bundles: they come in another order of allocation."""


def run() -> Iterator[Figure]:
    """The resources a second of both, and the growth of memory; nothing where the Bundles are missing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        token, first, bodies, targets = _prepare(folder)
        if not bodies:
            print(f"transaction: no Bundles in {FOLDER.name}; set GATEWAY_SYNTHEA_DIR")
            return
        rates: list[tuple[float, float, float]] = []
        with serving(["-m", "gateway", "serve"], {"GATEWAY_DATA_DIR": name, "GATEWAY_LOG_LEVEL": "warning"}) as port:
            for body in first:  # types and profiles are compiled
                _post(port, token, body)
            before = _peak(port)
            tables = schema(folder / "gateway.db")
            scripts = [Script(folder / f"{one}.db", tables, targets) for one in ("given", "own")]
            for body in bodies:
                last = _last_key(folder)
                ours = seconds(partial(_post, port, token, body))
                index = _index_rows(folder, last)
                _check(folder, index)
                given = seconds(partial(scripts[0].write, STUDY, body, list(index.values())))
                own = seconds(partial(scripts[1].write, STUDY, body, None))
                rates.append((len(index) / ours, len(index) / given, len(index) / own))
            after = _peak(port)
            for script in scripts:
                script.connection.close()
    values = [statistics.median(column) for column in zip(*rates, strict=True)]
    yield Figure("transaction", values[0], "1/s", values[2], "higher", limit=0.5)
    yield Figure("transaction-rows-given", values[0], "1/s", values[1], "higher")
    yield Figure("transaction-memory", after, "MB", before, "lower", limit=GROWTH)


def _prepare(folder: Path) -> tuple[str, list[bytes], list[bytes], dict[str, str]]:
    """A token that may write everything, the Bundles that come first and those after, and where their conditions
    lead."""
    gateway = enrolled(folder)
    study = gateway.studies[STUDY]
    consent = next(one for one in study.enrolment() if one["resourceType"] == "Consent")
    first, bodies = (bundles(consent, BUNDLES, turn) for turn in range(2))
    shared = list(named_elsewhere([*first, *bodies]))
    registrar = study.clients["registrar"]
    if shared:
        gateway.access.door(study.principal(registrar)).commit(shared)
    token = gateway.issuer.issue(registrar, STUDY, 3600)
    gateway.close()
    targets = {}
    for one in shared:
        named = one["identifier"][0]
        condition = f"{one['resourceType']}?identifier={named['system']}|{named['value']}"
        targets[condition] = f"{one['resourceType']}/{one['id']}"
    return token, first, bodies, targets


def _post(port: int, token: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/fhir+json",
        "Prefer": "return=minimal",
    }
    connection.request("POST", f"/studies/{STUDY}/fhir", body, headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the server answered {answer.status}: {told[:300]!r}")


def _last_key(folder: Path) -> int:
    with sqlite3.connect(folder / "gateway.db") as connection:
        found: int = connection.execute("SELECT max(pk) FROM resource").fetchone()[0]
        return found


def _index_rows(folder: Path, after: int) -> dict[int, IndexRows]:
    """Key -> rows of each resource with a key above `after`, in their order."""
    with sqlite3.connect(folder / "gateway.db") as connection:
        keys = [key for (key,) in connection.execute("SELECT pk FROM resource WHERE pk > ? ORDER BY pk", (after,))]
        made: dict[int, dict[str, list[tuple[Any, ...]]]] = {key: {} for key in keys}
        for table in TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            place = columns.index("pk")
            for row in connection.execute(f"SELECT * FROM {table} WHERE pk > ?", (after,)):
                made[row[place]].setdefault(table, []).append(row)
    return dict(made)


def _check(folder: Path, index: Mapping[int, IndexRows]) -> None:
    """Raises RuntimeError unless the script finds the rows that the gateway has."""
    with sqlite3.connect(folder / "gateway.db") as connection:
        query = "SELECT pk, body FROM version WHERE study = ? AND pk >= ? ORDER BY pk"
        for key, body in connection.execute(query, (STUDY, min(index))).fetchall():
            found = index_rows(decoder.decode(body), STUDY, key, lambda text: text)
            if {name: set(rows) for name, rows in found.items() if rows} != {
                name: set(rows) for name, rows in index[key].items()
            }:
                raise RuntimeError(f"the script finds other rows: {body[:200]!r}")


def _peak(port: int) -> float:
    """The server's greatest resident memory so far, in MB."""
    found = subprocess.run(["pgrep", "-f", "--", f"--port {port}$"], capture_output=True, text=True, check=True)
    status = Path(f"/proc/{found.stdout.split()[0]}/status").read_text()
    told = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert told is not None
    return int(told[1]) / 1000
