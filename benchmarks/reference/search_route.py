"""The bare route that searching is measured against: Starlette, `async def`, one page of Observations by participant,
code and date, from the bodies of the same SQLite table and an ordinary index of three columns.

No token, consent or audit, and no other search. `index` makes the index, beside the tables of the same file.
`python -m benchmarks.reference.search_route --database FILE --port N`.
"""

import argparse
import json
import sqlite3
from datetime import datetime
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

INDEX = """
CREATE TABLE bare_observation (
    patient TEXT, system TEXT, code TEXT, at REAL, pk INTEGER, id TEXT, PRIMARY KEY (patient, code, system, at, pk)
) WITHOUT ROWID
"""
CURRENT = """
SELECT r.pk, r.id, v.body FROM resource AS r JOIN version AS v ON v.study = r.study AND v.pk = r.pk
AND v.version = r.version WHERE r.study = ? AND r.type = 'Observation' AND NOT r.deleted
"""
STATEMENT = """
SELECT o.at, o.pk, o.id, v.body FROM bare_observation AS o
JOIN resource AS r ON r.study = ? AND r.type = 'Observation' AND r.pk = o.pk
JOIN version AS v ON v.study = r.study AND v.pk = r.pk AND v.version = r.version
WHERE o.patient = ? AND o.code = ? AND o.system = ? AND o.at >= ? ORDER BY o.at DESC, o.pk DESC LIMIT ?
"""


def index(database: str, study: str) -> None:
    """Makes the index of the study's Observations."""
    with sqlite3.connect(database) as connection:
        connection.execute(INDEX)
        for pk, key, body in connection.execute(CURRENT, (study,)).fetchall():
            found = json.loads(body)
            patient = found["subject"]["reference"].removeprefix("Patient/")
            at = _seconds(found["effectiveDateTime"])
            rows = [(patient, one["system"], one["code"], at, pk, key) for one in found["code"]["coding"]]
            connection.executemany("INSERT INTO bare_observation VALUES (?, ?, ?, ?, ?, ?)", rows)


def application(database: str) -> Starlette:
    """An application with the one route."""
    connection = sqlite3.connect(database, check_same_thread=False)

    async def search(request: Request) -> Response:
        study, asked = request.path_params["study"], request.query_params
        system, _, code = asked["code"].partition("|")
        since, count = _seconds(asked["date"].removeprefix("ge")), int(asked["_count"])
        rows = connection.execute(STATEMENT, (study, asked["patient"], code, system, since, count + 1)).fetchall()
        base = f"{request.base_url}studies/{study}/fhir"
        return Response(_bundle(base, str(request.url), rows, count), media_type="application/fhir+json")

    return Starlette(routes=[Route("/studies/{study}/fhir/Observation", search)])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _bundle(base: str, address: str, rows: list[tuple[float, int, str, bytes]], count: int) -> bytes:
    links = [{"relation": "self", "url": address}]
    if len(rows) > count:
        at, pk, *_ = rows[count - 1]
        links.append({"relation": "next", "url": f"{address}&_cursor={quote(f'{at}-{pk}')}"})
    entries = b",".join(
        b'{"fullUrl":"%b/Observation/%b","resource":%b,"search":{"mode":"match"}}'
        % (base.encode(), key.encode(), body)
        for _, _, key, body in rows[:count]
    )
    head = (
        b'{"resourceType":"Bundle","type":"searchset","link":%b' % json.dumps(links, separators=(",", ":")).encode()
    )
    return head + b',"entry":[' + entries + b"]}" if entries else head + b"}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(application(arguments.database), port=arguments.port, log_level="warning", access_log=False)
