"""A page of 20 of one participant's samples of one code since an instant, newest first, over HTTP with 16 clients.

Token, consent and audit are on. Two references from the same run and the same SQLite tables: the hand-written route
that answers the same searches with the same page (`search-page`, which has the limit), and the bare route that reads
one resource (`search-page-of-read`).
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.demo_study import STUDY
from benchmarks.figure import ROUNDS, Figure
from benchmarks.load import get, requests_per_second
from benchmarks.read import prepared
from benchmarks.reference.search_route import index
from benchmarks.server import serving

NAME = "search-page"
SEARCH = "patient={p}&code=http://loinc.org|8867-4&date=ge2026-03-02T00:{minute:02}:00Z&_sort=-date&_count=20"
LIMIT = 0.35


def run() -> Iterator[Figure]:
    """The median requests per second of the servers, loaded in turn."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "gateway.db"
        token, paths = prepared(Path(folder))
        index(str(database), STUDY)
        environment = {"GATEWAY_DATA_DIR": folder, "GATEWAY_LOG_LEVEL": "warning"}
        page = ["-m", "benchmarks.reference.search_route", "--database", str(database)]
        read = ["-m", "benchmarks.reference.read_route", "--database", str(database)]
        asked = _searches(database)
        with (
            serving(["-m", "gateway", "serve"], environment) as ours,
            serving(page, {}) as bare_page,
            serving(read, {}) as bare_read,
        ):
            _require_same(ours, bare_page, asked, token)
            loads = (
                (ours, [get(path, token) for path in asked]),
                (bare_page, [get(path) for path in asked]),
                (bare_read, [get(path) for path in paths]),
            )
            rounds = [
                [requests_per_second(port, requests, duration=1.5) for port, requests in loads]
                for _ in range(ROUNDS + 1)
            ][1:]
    yield Figure("search-page", *_median(rounds, 1), "higher", limit=LIMIT)
    yield Figure("search-page-of-read", *_median(rounds, 2), "higher")


def _median(rounds: list[list[float]], reference: int) -> tuple[float, str, float]:
    """Value, unit and reference of the round whose ratio is the median: a machine that others load drifts."""
    ordered = sorted(rounds, key=lambda row: row[0] / row[reference])
    found = ordered[len(ordered) // 2]
    return found[0], "1/s", found[reference]


def _searches(database: Path) -> list[str]:
    """The paths of the searches, each since another minute."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT subject FROM resource WHERE study = ? AND type = 'Observation' LIMIT 1", (STUDY,)
        )
        (patient,) = rows.fetchone()
    return [f"/studies/{STUDY}/fhir/Observation?{SEARCH.format(p=patient, minute=minute)}" for minute in range(60)]


def _require_same(ours: int, other: int, paths: list[str], token: str) -> None:
    """Raises RuntimeError unless both answer the same 20 resources, and with as many links."""
    for path in paths[:: len(paths) - 1]:
        answers = [_answer(port, path, token) for port in (ours, other)]
        pages = [[entry["resource"] for entry in answer["entry"]] for answer in answers]
        if pages[0] != pages[1] or len(pages[0]) != 20 or len(answers[0]["link"]) != len(answers[1]["link"]):
            raise RuntimeError("the product and its reference answer differently")


def _answer(port: int, path: str, token: str) -> dict:  # type: ignore[type-arg]
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request) as response:
        found: dict = json.load(response)  # type: ignore[type-arg]
        return found
