"""The demo study in a database of its own, and the payloads that the benchmarks deliver."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.app import Gateway

STUDY = "hf-dct-01"
SOURCE = "google-health"
VENDOR_USER = "gh-101-001"
START = datetime(2026, 3, 2, tzinfo=UTC)


def enrolled(folder: Path, url: str = "") -> "Gateway":
    """A gateway with the demo study's participants and Consents, on the empty database at `url`, else on a new SQLite
    file in `folder`."""
    from pydantic import SecretStr

    from gateway.app import build
    from gateway.ingest import enrol
    from gateway.settings import Settings

    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(data_dir=folder, database_url=SecretStr(url or f"sqlite:///{folder / 'gateway.db'}"))
    gateway = build(settings)
    study = gateway.studies[STUDY]
    registrar = study.principal(study.clients["registrar"])
    enrol(gateway.access.door(registrar), study, gateway.engines.definitions)
    return gateway


def heart_rate_payload(number: int, size: int = 1000) -> bytes:
    """The `number`-th payload of `size` heart-rate samples, one every five seconds, all payloads in one row."""
    start = START + timedelta(seconds=5 * size * number)
    points = [
        {
            "heartRate": {
                "sampleTime": {
                    "physicalTime": (start + timedelta(seconds=5 * index)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "utcOffset": "-18000s",
                },
                "beatsPerMinute": str(60 + index % 40),
            },
            "dataSource": {"device": {"displayName": "Charge 6", "manufacturer": "Google"}},
        }
        for index in range(size)
    ]
    return json.dumps({"dataPoints": points}).encode()


def deliver(gateway: "Gateway", body: bytes) -> None:
    """Receives and processes one payload; raises RuntimeError unless all of it is stored."""
    study = gateway.studies[STUDY]
    client = study.client_of(SOURCE)
    assert client is not None
    payload = gateway.ingest.payload(STUDY, SOURCE, body, "application/json", {"vendorUserId": VENDOR_USER})
    receipt = gateway.ingest.process(gateway.ingest.receive(payload, study.principal(client)))
    if receipt.status != "stored":
        raise RuntimeError(f"the payload is {receipt.status}: {[found.rule for found in receipt.issues]}")
