"""The bare route that reading is measured against: FastAPI, `async def`, one row of the same SQLite table.

No token, consent or audit. `python -m benchmarks.reference.read_route --database FILE --port N`.
"""

import argparse
import sqlite3

import uvicorn
from fastapi import FastAPI, Response

STATEMENT = """
SELECT v.body FROM resource AS r JOIN version AS v ON v.study = r.study AND v.pk = r.pk AND v.version = r.version
WHERE r.study = ? AND r.type = ? AND r.id = ?
"""


def application(database: str) -> FastAPI:
    """An application with the one route."""
    connection = sqlite3.connect(database, check_same_thread=False)
    app = FastAPI()

    @app.get("/studies/{study}/fhir/{kind}/{key}")
    async def read(study: str, kind: str, key: str) -> Response:
        row = connection.execute(STATEMENT, (study, kind, key)).fetchone()
        return Response(row[0], media_type="application/fhir+json") if row else Response(status_code=404)

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(application(arguments.database), port=arguments.port, log_level="warning", access_log=False)
