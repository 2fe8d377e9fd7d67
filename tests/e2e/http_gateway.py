"""A real gateway over a fresh SQLite database with the demo study, asked over HTTP with real tokens."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from gateway.app import Gateway, build, serve
from gateway.core import dumps
from gateway.core.clock import Clock, system_clock
from gateway.core.event import Event
from gateway.core.types import Resource
from gateway.ingest import enrol
from gateway.settings import Settings
from gateway.study import Participant
from tests import postgres

STUDY = "hf-dct-01"
BASE = f"/studies/{STUDY}/fhir"
REGISTRAR = "registrar"


@dataclass(frozen=True)
class Http:
    """The HTTP side of one gateway; `ask` sends a request as one of the study's clients, or without a token."""

    gateway: Gateway
    app: FastAPI
    portal: BlockingPortal
    client: httpx.AsyncClient

    def token(self, client: str) -> str:
        return self.gateway.issuer.issue(self.gateway.studies[STUDY].clients[client], STUDY, 600)

    def ask(self, method: str, path: str, client: str = "", **options: Any) -> Any:
        headers = dict(options.pop("headers", {}))
        if client:
            headers["Authorization"] = f"Bearer {self.token(client)}"
        return self.portal.call(partial(self.client.request, method, path, headers=headers, **options))

    def get(self, path: str, client: str = "ehr-app", **options: Any) -> Any:
        return self.ask("GET", BASE + path, client, **options)

    def put(self, resource: Resource, client: str = REGISTRAR, **headers: str) -> Any:
        path = f"{BASE}/{resource['resourceType']}/{resource['id']}"
        given = {"Content-Type": "application/fhir+json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.ask("PUT", path, client, content=dumps(resource), headers=given)

    def participant(self, template: str) -> Participant:
        """The first participant who signed this Consent template and did not withdraw."""
        people = self.gateway.studies[STUDY].participants
        return next(person for person in people if person.consent == template and not person.withdrawn)


@contextmanager
def serving(folder: Path, clock: Clock = system_clock, **settings: Any) -> Iterator[Http]:
    """A gateway with the enrolment of the demo study and nothing else."""
    gateway = build(Settings(**{"data_dir": folder, "rate_status": "", **settings}), clock)
    study = gateway.studies[STUDY]
    principal = study.principal(study.clients[REGISTRAR])
    enrol(gateway.access.door(principal), study)
    app = serve(gateway)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.test")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(client),
    ):
        yield Http(gateway, app, portal, client)
    gateway.close()


@contextmanager
def serving_on(
    request: pytest.FixtureRequest, folder: Path, clock: Clock = system_clock, **settings: Any
) -> Iterator[Http]:
    """The same over the database that the fixture's parameter names: `sqlite`, or `postgres` with one of its own."""
    with ExitStack() as stack:
        if request.param == "postgres":
            settings["database_url"] = stack.enter_context(
                postgres.database(request.getfixturevalue("postgres_server"))
            )
        yield stack.enter_context(serving(folder, clock, **settings))


def settled(http: Http) -> int:
    """The number of the last audit event, once all that were told before are durable."""
    http.gateway.trail.record(Event(http.gateway.clock(), STUDY, "E", "marker", "success", "", "", "", ""))
    last = http.gateway.store.last(STUDY)
    assert last
    return last.sequence


def on_record(http: Http, before: int) -> list[dict[str, Any]]:
    """The audit events after that number."""
    settled(http)
    events = (json.loads(row.event) for row in http.gateway.store.rows(STUDY, before))
    return [event for event in events if event["operation"] != "marker"]


def observation(identity: str, patient: str, day: int = 1, value: str = "36.60") -> Resource:
    """A body temperature of the domain wearable."""
    from decimal import Decimal

    vital = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "category": [{"coding": [vital]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2026-03-{day:02}T08:00:00Z",
        "valueQuantity": {
            "value": Decimal(value),
            "unit": "Cel",
            "system": "http://unitsofmeasure.org",
            "code": "Cel",
        },
    }


def rule(answer: Any) -> str:
    """The rule id of the first issue of an OperationOutcome."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == "application/fhir+json"
    found: str = outcome["issue"][0]["details"]["coding"][0]["code"]
    return found
