"""A page of 20 of one participant's samples of one code since an instant, newest first, over HTTP with 16 clients.

Token, consent and audit are on. Two references from the same run and the same SQLite tables: the hand-written route
that answers the same searches with the same page (`search-page`, which has the limit), and the bare route that reads
one resource (`search-page-of-read`). They ask 60 searches again and again; `search-page-unseen` asks none twice, so
that nothing is known of what a search's text says.
"""

import json
import random
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
SEARCH = "patient={p}&code=http://loinc.org|8867-4&date=ge2026-03-02T00:{since}Z&_sort=-date&_count=20"
UNSEEN = 16_000
"""New searches for a round; each of 16 clients begins at another place among them."""
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
            rounds, unseen = [], []
            for number in range(ROUNDS + 1):
                rounds.append([requests_per_second(port, requests, duration=1.5) for port, requests in loads])
                new = _new_searches(database, number)
                asking = ((ours, [get(path, token) for path in new]), (bare_page, [get(path) for path in new]))
                unseen.append([requests_per_second(port, requests, duration=1.5) for port, requests in asking])
    yield Figure("search-page", *_median(rounds[1:], 1), "higher", limit=LIMIT)
    yield Figure("search-page-of-read", *_median(rounds[1:], 2), "higher")
    yield Figure("search-page-unseen", *_median(unseen[1:], 1), "higher")


def _median(rounds: list[list[float]], reference: int) -> tuple[float, str, float]:
    """Value, unit and reference of the round whose ratio is the median: a machine that others load drifts."""
    ordered = sorted(rounds, key=lambda row: row[0] / row[reference])
    found = ordered[len(ordered) // 2]
    return found[0], "1/s", found[reference]


def _searches(database: Path) -> list[str]:
    """The paths of the searches, each since another minute."""
    return _paths(database, [f"{minute:02}:00" for minute in range(60)])


def _new_searches(database: Path, number: int) -> list[str]:
    """The paths of searches that no other round asks, each since another millisecond of its minutes."""
    chosen = random.Random(number).sample(range(400_000), UNSEEN)  # no secret
    moments = [number * 400_000 + one for one in chosen]
    return _paths(database, [f"{at // 60_000:02}:{at // 1_000 % 60:02}.{at % 1_000:03}" for at in moments])


def _paths(database: Path, instants: list[str]) -> list[str]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT subject FROM resource WHERE study = ? AND type = 'Observation' LIMIT 1", (STUDY,)
        )
        (patient,) = rows.fetchone()
    return [f"/studies/{STUDY}/fhir/Observation?{SEARCH.format(p=patient, since=since)}" for since in instants]


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
