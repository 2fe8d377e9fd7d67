"""What comes before what it belongs to waits and is stored in order by itself, or quarantined when time is over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.access import Write
from gateway.app import Gateway
from gateway.core.codec import dumps, loads
from gateway.core.types import Resource
from gateway.ingest import Ingest
from gateway.mapping import MappingRegistry
from gateway.study import Study
from gateway.study.parts import Parking
from tests.unit.ingest.conftest import STUDY, Sender, heart_rate, laboratory
from tests.unit.ingest.test_ingest import rules

DAYS = 3


class Later:
    """A clock that a test moves."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(gateway: Gateway) -> Later:
    return Later(gateway.clock())


@pytest.fixture
def parking(study: Study) -> Study:
    """The study, with parking; it takes orders too."""
    profiles = {**study.profiles, "ServiceRequest": ()}
    return replace(study, parking=Parking(DAYS), profiles=profiles)


@pytest.fixture
def ingest(make_ingest: Callable[..., Ingest], parking: Study, clock: Later) -> Ingest:
    return make_ingest(clock, studies={STUDY: parking})


@pytest.fixture
def early(ingest: Ingest, parking: Study) -> Sender:
    return Sender(ingest, parking)


def enrol_wearer(gateway: Gateway, study: Study, user: str) -> None:
    """Gives a participant another vendor identity, as the study's staff would."""
    door = gateway.access.door(study.principal(study.clients["registrar"]))
    person = study.participants[0]
    resource: Resource = loads(door.read("Patient", person.patient).body)
    known = resource["identifier"][0]
    system = next(one["system"] for one in resource["identifier"] if "google" in one["system"])
    resource["identifier"].append({**known, "system": system, "value": user})
    door.commit([Write(resource)])


def test_a_measurement_waits_for_its_participant(
    gateway: Gateway, study: Study, ingest: Ingest, early: Sender, minute: str
) -> None:
    parked = early.send("google-health", heart_rate(minute), vendorUserId="gh-late-1")
    assert (parked.status, parked.counts.parked, parked.counts.quarantined) == ("parked", 2, 0)
    assert rules(parked) == ["mapping.subject-unknown", "ingest.parked"]
    assert list(ingest.resume(STUDY)) == []
    enrol_wearer(gateway, study, "gh-late-1")
    (released,) = ingest.resume(STUDY)
    assert (released.id, released.status, released.counts.parked) == (parked.id, "stored", 0)
    assert list(ingest.resume(STUDY)) == []
    assert gateway.store.receipt(STUDY, parked.id) == released


def test_who_never_comes_is_quarantined(ingest: Ingest, early: Sender, clock: Later, minute: str) -> None:
    parked = early.send("google-health", heart_rate(minute), vendorUserId="gh-never")
    clock.now += timedelta(days=DAYS, seconds=-1)
    assert list(ingest.resume(STUDY)) == []
    clock.now += timedelta(seconds=1)
    (given_up,) = ingest.resume(STUDY)
    assert (given_up.id, given_up.status) == (parked.id, "quarantined")
    assert rules(given_up) == ["mapping.subject-unknown"]
    assert list(ingest.resume(STUDY)) == []


def test_without_parking_nothing_waits(sender: Sender, gateway: Gateway, minute: str) -> None:
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId="gh-nobody")
    assert (receipt.status, rules(receipt)) == ("quarantined", ["mapping.subject-unknown"])


def test_a_fault_that_time_does_not_heal_is_quarantined_at_once(early: Sender) -> None:
    receipt = early.send("central-lab", laboratory(("301", "301-001"), prefix="W"))
    other = early.send("central-lab", laboratory(("101", "101-003"), prefix="W"))
    assert (other.status, rules(other)) == ("quarantined", ["consent.collection-not-permitted"])
    assert receipt.status in ("stored", "quarantined")


def test_the_others_of_a_payload_do_not_wait(early: Sender) -> None:
    receipt = early.send("central-lab", laboratory(("101", "101-001"), ("101", "888-888"), prefix="O"))
    assert receipt.status == "parked"
    assert receipt.counts.created > 0
    assert receipt.counts.parked == 1


def test_where_payloads_are_taken_whole_all_wait(
    make_ingest: Callable[..., Ingest], parking: Study, clock: Later
) -> None:
    whole = replace(parking, validation=replace(parking.validation, policy="reject"))
    ingest = make_ingest(clock, studies={STUDY: whole})
    sender = Sender(ingest, whole)
    receipt = sender.send("central-lab", laboratory(("101", "101-001"), ("101", "777-777"), prefix="A"))
    assert (receipt.status, receipt.counts.created, receipt.counts.quarantined) == ("parked", 0, 0)
    assert set(rules(receipt)) == {"ingest.others-wait", "mapping.subject-unknown", "ingest.parked"}
    broken = sender.send(
        "central-lab", laboratory(("101", "101-001"), ("101", "777-777"), ("201", "101-002"), prefix="B")
    )
    assert (broken.status, broken.counts.parked) == ("quarantined", 0)
    assert rules(broken).count("ingest.payload-rejected") == 2
    clock.now += timedelta(days=DAYS)
    given_up = {found.id: found for found in ingest.resume(STUDY)}[receipt.id]
    assert given_up.status == "quarantined"
    assert "ingest.payload-rejected" in rules(given_up)


MAPPING = """
mapping: test.{name}
version: 1.0.0
status: draft
fhir: 4.0.1
describe: a {name} of a laboratory
documentation: https://example.org
license: Apache-2.0
source: {{format: json, schema: payload.schema.json, match: ={name}.exists()}}
subject: {{per: payload, resolve: {{system: "urn:trial-fhir-gateway:study:hf-dct-01:subject", value: =person}}}}
consent: {{scope: lab}}
emit:
  - id: {name}
    key: [=%subject.id, ={name}]
    resource: {resource}
provenance: {{activity: {{code: CREATE}}}}
"""
SCHEMA = """{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {
  "person": {"type": "string"}, "tube": {"type": "string"}, "result": {"type": "string"},
  "parent": {"type": "string"}}}"""
TUBE = """{resourceType: Specimen, identifier: [{system: "urn:tube", value: =tube}],
      subject: {reference: =%subject.reference},
      parent: [{when: =parent.exists(), type: Specimen, identifier: {system: "urn:tube", value: =parent}}]}"""
RESULT = """{resourceType: Observation, status: final, code: {text: result},
      effectiveDateTime: "2026-02-03T08:15:00Z", category: [{coding: [
        {system: "http://terminology.hl7.org/CodeSystem/observation-category", code: laboratory}]}],
      subject: {reference: =%subject.reference}, valueString: =result,
      specimen: {type: Specimen, identifier: {system: "urn:tube", value: =parent}}}"""


@pytest.fixture
def laboratory_of_tubes(tmp_path: Path, gateway: Gateway, parking: Study, clock: Later) -> Sender:
    """A source whose results name their tube, and whose tubes may name the tube that they were filled from."""
    for name, resource in (("tube", TUBE), ("result", RESULT)):
        folder = tmp_path / "test" / name
        folder.mkdir(parents=True)
        (folder / "mapping.yaml").write_text(MAPPING.format(name=name, resource=resource))
        (folder / "payload.schema.json").write_text(SCHEMA)
    registry = MappingRegistry.load((tmp_path,), gateway.engines.definitions)
    names = ("test.tube", "test.result")
    sources = {"central-lab": replace(parking.sources["central-lab"], mappings=names)}
    study = replace(parking, sources=sources)
    ingest = Ingest(gateway.store, gateway.access.door, registry, gateway.engines.validator, {STUDY: study}, clock)
    return Sender(ingest, study)


def test_a_result_waits_for_its_tube_and_the_tube_for_its_own(laboratory_of_tubes: Sender) -> None:
    ingest, send = laboratory_of_tubes.ingest, laboratory_of_tubes.send
    person = "101-001"
    result = send("central-lab", dumps({"person": person, "result": "high", "parent": "T2"}))
    assert (result.status, rules(result)) == ("parked", ["ingest.parent-missing", "ingest.parked"])
    tube = send("central-lab", dumps({"person": person, "tube": "T2", "parent": "T1"}))
    assert tube.status == "parked"
    assert list(ingest.resume(STUDY)) == []
    first = send("central-lab", dumps({"person": person, "tube": "T1"}))
    assert first.status == "stored", first.issues
    assert [(found.id, found.status) for found in ingest.resume(STUDY)] == [
        (tube.id, "stored"),
        (result.id, "stored"),
    ]


def test_another_process_learns_what_a_payload_waits_for_by_trying_once(
    laboratory_of_tubes: Sender, gateway: Gateway
) -> None:
    parked = laboratory_of_tubes.send("central-lab", dumps({"person": "101-001", "result": "low", "parent": "T9"}))
    line = laboratory_of_tubes.ingest._lines[STUDY]
    assert not line.ready(parked)
    line.awaited.clear()
    assert line.ready(parked)
    assert list(laboratory_of_tubes.ingest.resume(STUDY)) == []
    assert not line.ready(parked)
    kept = gateway.store.receipt(STUDY, parked.id)
    assert kept is not None
    assert (kept.status, kept.attempts) == ("parked", 2)
