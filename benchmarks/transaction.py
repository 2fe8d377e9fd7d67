"""Transaction Bundles of Synthea over HTTP, one client: a whole record each, validated, indexed, gated, audited.

The reference inserts the same resources with as many rows in the same tables by hand. `transaction-memory` is by how
much the server's peak of memory grows while the Bundles come once more: what one of them takes is given back.
"""

import http.client
import re
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.demo_study import STUDY, enrolled
from benchmarks.figure import Figure, seconds
from benchmarks.ingest import schema
from benchmarks.reference.transaction_insert import TERMS, IndexRows, Script
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
        token, bodies, targets = _prepare(folder)
        if not bodies:
            print(f"transaction: no Bundles in {FOLDER.name}; set GATEWAY_SYNTHEA_DIR")
            return
        made: list[list[IndexRows]] = []
        pairs: list[tuple[float, float]] = []
        with serving(["-m", "gateway", "serve"], {"GATEWAY_DATA_DIR": name, "GATEWAY_LOG_LEVEL": "warning"}) as port:
            last = _last_key(folder)
            for body in bodies:  # the first time, types and profiles are compiled
                _post(port, token, body)
                made.append(_index_rows(folder, last))
                last = _last_key(folder)
            before = _peak(port)
            script = Script(folder / "script.db", schema(folder / "gateway.db"), targets)
            for body, index in zip(bodies, made, strict=True):
                ours = seconds(lambda body=body: _post(port, token, body))
                reference = seconds(lambda body=body, index=index: script.write(STUDY, body, index))
                pairs.append((len(index) / ours, len(index) / reference))
            after = _peak(port)
            script.connection.close()
    values = [statistics.median(column) for column in zip(*pairs, strict=True)]
    yield Figure("transaction", values[0], "1/s", values[1], "higher", limit=0.5)
    yield Figure("transaction-memory", after, "MB", before, "lower", limit=GROWTH)


def _prepare(folder: Path) -> tuple[str, list[bytes], dict[str, str]]:
    """A token that may write everything, the Bundles, and what their conditions lead to."""
    gateway = enrolled(folder)
    study = gateway.studies[STUDY]
    bodies = bundles(next(one for one in study.enrolment() if one["resourceType"] == "Consent"), BUNDLES)
    shared = list(named_elsewhere(bodies))
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
    return token, bodies, targets


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


def _index_rows(folder: Path, after: int) -> list[IndexRows]:
    """The rows of each resource with a key above `after`, in their order."""
    with sqlite3.connect(folder / "gateway.db") as connection:
        keys = [key for (key,) in connection.execute("SELECT pk FROM resource WHERE pk > ? ORDER BY pk", (after,))]
        made: dict[int, dict[str, list[tuple[Any, ...]]]] = {key: {} for key in keys}
        for table in TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            place = columns.index("pk")
            for row in connection.execute(f"SELECT * FROM {table} WHERE pk > ?", (after,)):
                made[row[place]].setdefault(table, []).append(row)
    return list(made.values())


def _peak(port: int) -> float:
    """The server's greatest resident memory so far, in MB."""
    found = subprocess.run(["pgrep", "-f", "--", f"--port {port}$"], capture_output=True, text=True, check=True)
    status = Path(f"/proc/{found.stdout.split()[0]}/status").read_text()
    told = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert told is not None
    return int(told[1]) / 1000
