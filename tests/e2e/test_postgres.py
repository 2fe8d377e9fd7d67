"""The main job over HTTP on PostgreSQL: a payload in, reads and pages that consent gates, a withdrawal."""

from pathlib import Path

from pydantic import SecretStr

from gateway.core.assets import asset_root
from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, STUDY, serving

PAYLOAD = asset_root("mappings") / "google-health/heart-rate/examples/a-few-samples/payload.json"


def test_the_main_job_on_postgresql(tmp_path: Path, new_postgres_url: str) -> None:
    with serving(tmp_path, database_url=SecretStr(new_postgres_url)) as http:
        person = http.participant("all")
        headers = {"Content-Type": "application/json", "X-Vendor-User": person.identities["urn:google:health:user"]}
        receipts = [
            http.ask("POST", f"/studies/{STUDY}/ingest/google-health", "google-health",
                     content=PAYLOAD.read_bytes(), headers=headers).json()
            for _ in range(2)
        ]  # fmt: skip
        assert [receipt["status"] for receipt in receipts] == ["stored", "known"]
        bundle = http.get("/Observation?code=8867-4&_total=accurate").json()
        assert bundle["total"] == len(bundle["entry"]) > 0
        identity = bundle["entry"][0]["resource"]["id"]
        read = http.get(f"/Observation/{identity}")
        assert (read.status_code, read.headers["etag"]) == (200, 'W/"1"')
        assert http.get(f"/Observation/{identity}/_history/1").content == read.content
        [entry] = http.get(f"/Consent?patient={person.patient}", client="registrar").json()["entry"]
        withdrawn = withdraw(entry["resource"], "no-further-use", "2026-06-01T00:00:00Z")
        assert http.put(withdrawn).status_code == 200
        assert http.get(f"/Observation/{identity}").status_code == 404
        assert http.get(f"/Observation/{identity}/_history/1").status_code == 404
        assert http.get("/Observation?code=8867-4&_total=accurate").json()["total"] == 0
        assert http.ask("GET", f"{BASE}/Observation/{identity}").status_code == 401
