"""Planted values: what participants' payloads hold is in no log line, message, receipt or audit row."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.app import Gateway, build
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.e2e.server import Server, free_port, serving

STUDY = "hf-dct-01"
PLANTED = ("Zzcanary", "canary@example.org", "19110117", "1911-01-17", "gh-777-canary", "777-canary")

HL7 = (
    "MSH|^~\\&|LAB|S42|GW||20260301064500+0000||ORU^R01|182|T|2.5.1\r"
    "PID|1||777-canary^^^1^MR||Zzcanary^Person||19110117|F\r"
    "OBR|1|1|1|24317-0^Hemogram^LN|||20260301\r"
    "OBX|1|NM|789-8^ERY^LN||Zzcanary|tera.l-1||N|||F\r"
)

DELIVERIES = (
    ("google-health", "application/json", b'{"dataPoints": [{"heartRate": "Zzcanary"}]}'),
    ("google-health", "application/json", b'{"name": "Zzcanary", "name": "canary@example.org"}'),
    ("google-health", "application/json", b'{"dataPoints": [{"heartRate": {"beatsPerMinute": "Zzcanary"'),
    (
        "google-health",
        "application/json",
        b'{"dataPoints": [{"heartRate": {"sampleTime": {"physicalTime": "1911-01-17T99:00:00Z"}, '
        b'"beatsPerMinute": "72"}, "dataSource": {"device": {"displayName": "Zzcanary"}}}]}',
    ),
    ("google-health", "text/plain", b"Zzcanary"),
    (
        "withings",
        "application/json",
        b'{"status": 0, "body": {"measuregrps": [{"comment": "Zzcanary", "date": -1}]}}',
    ),
    ("withings", "application/json", b'{"Zzcanary": NaN}'),
    ("central-lab", "text/csv", b"SUBJID,SITEID,LBTESTCD,ACCSNNUM\n777-canary,101,Zzcanary,1\nZzcanary\n"),
    ("central-lab", "text/csv", b"SUBJID\nZzcanary,1911-01-17\n"),
    ("lab-hl7", "application/hl7-v2", HL7.encode()),
    ("lab-hl7", "application/hl7-v2", HL7.replace("PID|", "ZPI|").encode()),
    ("imaging", "application/dicom+json", b'[{"00100020": {"vr": "LO", "Value": ["Zzcanary"]}}]'),
    ("epro-redcap", "application/json", b'[{"record_id": "777-canary", "diary_comment": "Zzcanary"}]'),
    ("epro-odm", "application/xml", b"<ODM><ClinicalData><SubjectData SubjectKey='777-canary'/>Zzcanary"),
    ("epro-odm", "application/xml", b"<!DOCTYPE a [<!ENTITY b 'Zzcanary'>]><ODM>&b;</ODM>"),
    ("nowhere", "application/json", b'{"Zzcanary": 1}'),
)

REQUESTS = (
    ("GET", "Observation/777-canary", None),
    ("GET", "Observation?subject=Patient/777-canary", None),
    ("GET", "Patient?identifier=urn:google:health:user|gh-777-canary", None),
    ("GET", "Observation?date=1911-01-17x", None),
    ("GET", "Observation?code=Zzcanary&_count=Zzcanary", None),
    ("GET", "Patient/777-canary/_history/Zzcanary", None),
    ("PUT", "Consent/777-canary", b'{"resourceType": "Consent", "id": "777-canary", "status": "Zzcanary"}'),
    ("PUT", "Patient/x", b'{"resourceType": "Patient", "id": "x", "birthDate": "19110117", "name": "Zzcanary"}'),
    ("PUT", "Patient/x", b'{"resourceType": "Zzcanary"'),
)


@dataclass(frozen=True, slots=True)
class Served:
    server: Server
    gateway: Gateway

    def headers(self, client: str) -> dict[str, str]:
        found = self.gateway.studies[STUDY].clients[client]
        return {"Authorization": f"Bearer {self.gateway.issuer.issue(found, STUDY, 600)}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("canary")
    port = free_port()
    gateway = build(Settings(data_dir=folder / "data", port=port))
    study = gateway.studies[STUDY]
    enrol(gateway.access.door(study.principal(study.clients["registrar"])), study, gateway.engines.definitions)
    with serving(["serve"], folder, port, GATEWAY_DATA_DIR=str(folder / "data"), GATEWAY_LOG_LEVEL="debug") as server:
        yield Served(server, gateway)
    gateway.close()


def planted_in(text: str) -> list[str]:
    return [value for value in PLANTED if value.lower() in text.lower()]


def test_no_planted_value_leaves_by_a_side_door(served: Served) -> None:
    answers = []
    for source, media_type, body in DELIVERIES:
        client = source if source != "nowhere" else "withings"
        headers = {**served.headers(client), "Content-Type": media_type, "X-Vendor-User": "gh-777-canary"}
        url = f"{served.server.url}/studies/{STUDY}/ingest/{source}"
        answer = httpx.post(url, content=body, headers=headers)
        assert answer.status_code < 500, (source, answer.text)
        answers.append(answer)
        if answer.status_code < 300:
            receipt = answer.json()
            assert receipt["status"] == "quarantined", (source, body)
            answers.append(httpx.get(answer.headers["Location"], headers=served.headers(client)))
    for method, path, body in REQUESTS:
        url = f"{served.server.url}/studies/{STUDY}/fhir/{path}"
        headers = {**served.headers("registrar"), "Content-Type": "application/fhir+json"}
        answer = httpx.request(method, url, content=body, headers=headers)
        assert answer.status_code < 500, (path, answer.text)
        answers.append(answer)
    for answer in answers:
        outcome = answer.text if "outcome" in answer.text or "OperationOutcome" in answer.text else ""
        assert planted_in(outcome) == [], answer.text
    log = served.server.log.read_text("utf-8")
    assert log.count('"request') >= len(DELIVERIES)
    assert planted_in(log) == []


def test_no_planted_value_is_in_the_audit_trail(served: Served) -> None:
    rows = list(served.gateway.store.rows(STUDY))
    assert rows
    assert planted_in(" ".join(row.event.decode() for row in rows)) == []


def test_no_planted_value_is_in_the_command_lines_output(served: Served, tmp_path: Path) -> None:
    data = served.gateway.settings.data_dir
    for source in ("google-health", "lab-hl7", "central-lab"):
        paths = []
        for number, (of, _, body) in enumerate(DELIVERIES):
            if of == source:
                paths.append(tmp_path / f"payload-{number}")
                paths[-1].write_bytes(body)
        command = [sys.executable, "-m", "gateway", "ingest", source, *map(str, paths), "--study", STUDY]
        result = subprocess.run(
            [*command, "--vendor-user", "gh-777-canary"],
            env={"GATEWAY_DATA_DIR": str(data), "PATH": ""},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 1, result.stderr
        assert planted_in(result.stdout + result.stderr) == []
