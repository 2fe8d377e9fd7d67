"""A payload that two mappings read: one unit a participant, a Provenance each, and a part that is refused alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.core.codec import dumps, loads
from gateway.core.event import Event
from gateway.ingest import Ingest, Replay
from gateway.ingest.inspection import Inspection
from gateway.mapping import MappingRegistry
from gateway.study import Study
from tests.unit.ingest.conftest import STUDY, Sender
from tests.unit.ingest.test_ingest import rules

MAPPING = """
mapping: test.{name}
version: 1.0.0
status: active
fhir: 4.0.1
describe: {name} of days
source: {{format: json, schema: payload.schema.json, match: =has('{name}'), members: [{name}], records: ={name}}}
subject: {{per: record, resolve: {{system: "urn:google:health:user", value: =user}}}}
emit:
  - id: day
    key: [=%subject.id, =day]
    guard: [{{assert: =of < 1000, else: quarantine, code: too-many}}]
    resource: {{resourceType: Observation, status: final, code: {{text: {name}}}, effectiveDateTime: =day,
      category: [{{coding: [
        {{system: "http://terminology.hl7.org/CodeSystem/observation-category", code: activity}}]}}],
      subject: {{reference: =%subject.reference}}, valueInteger: =of.toInteger()}}
"""
NAMES = ("steps", "floors")
ONE, OTHER = "gh-101-001", "gh-101-002"


@pytest.fixture
def registry(tmp_path: Path, gateway: Gateway) -> MappingRegistry:
    """A mapping of steps and one of floors."""
    for name in NAMES:
        folder = tmp_path / "test" / name
        folder.mkdir(parents=True)
        folder.joinpath("mapping.yaml").write_text(MAPPING.format(name=name))
        day = {"type": "object", "properties": {"of": {"type": "integer"}}}
        other = {beside: {"maxItems": 0} for beside in NAMES}
        schema = {"type": "object", "properties": {**other, name: {"type": "array", "items": day}}}
        folder.joinpath("payload.schema.json").write_text(json.dumps(schema))
    return MappingRegistry.load((tmp_path,), gateway.engines.definitions)


@pytest.fixture
def days(registry: MappingRegistry, gateway: Gateway, study: Study) -> Sender:
    """A sender whose source has both."""
    mappings = tuple(f"test.{name}" for name in NAMES)
    sources = {"google-health": replace(study.sources["google-health"], mappings=mappings)}
    changed: Any = replace(study, sources=sources)
    engines = gateway.engines
    ingest = Ingest(gateway.store, gateway.access.door, registry, engines.validator, {STUDY: changed}, gateway.clock)
    return Sender(ingest, changed)


def day(on: str, of: Any, user: str = ONE) -> dict[str, Any]:
    return {"user": user, "day": on, "of": of}


def provenances(gateway: Gateway, study: Study, receipt: str) -> list[dict[str, Any]]:
    door = gateway.access.door(study.principal(study.clients["data-manager"]))
    found = [loads(row.body) for row in door.stream("Provenance")]
    return [one for one in found if one["entity"][0]["what"]["identifier"]["value"] == receipt]


def test_both_are_stored_with_a_provenance_each(gateway: Gateway, study: Study, days: Sender) -> None:
    body = dumps({"steps": [day("2017-01-01", 9), day("2017-01-01", 7, OTHER)], "floors": [day("2017-01-01", 2)]})
    receipt = days.send("google-health", body)
    assert (receipt.status, rules(receipt)) == ("stored", [])
    assert receipt.mapping == "test.steps|1.0.0,test.floors|1.0.0"
    assert (receipt.counts.records, receipt.counts.created) == (3, 3)
    told = provenances(gateway, study, receipt.id)
    assert sorted((one["policy"][0].rpartition(":")[2], len(one["target"])) for one in told) == [
        ("test.floors|1.0.0", 1), ("test.steps|1.0.0", 1), ("test.steps|1.0.0", 1),
    ]  # fmt: skip
    assert days.send("google-health", body).status == "known"
    for name in ("test.steps", "test.floors|1.0.0"):
        again = next(one for one in days.ingest.replay(Replay(STUDY, mapping=name)) if one.id == receipt.id)
        assert (again.status, again.counts.created) == ("stored", 3)
    assert all(one.id != receipt.id for one in days.ingest.replay(Replay(STUDY, mapping="test.step")))


CASES: dict[str, tuple[list[Any], Any, str, list[str], int, int]] = {
    "a part of a wrong form": ([], "none", "partial", ["mapping.payload-invalid"], 1, 1),
    "a record of a wrong form": ([], [day("2017-02-02", "x"), day("2017-02-03", 1)], "partial",
                                 ["mapping.record-invalid"], 2, 1),
    "a participant's record that is refused": ([day("2017-02-04", 5, OTHER)], [day("2017-02-05", 1000, OTHER)],
                                               "partial", ["mapping.guard"], 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_keeps_out_its_part_or_its_participant(days: Sender, name: str) -> None:
    steps, floors, status, found, created, quarantined = CASES[name]
    on = f"2017-03-{list(CASES).index(name) + 1:02}"
    receipt = days.send("google-health", dumps({"steps": [day(on, 9), *steps], "floors": floors}))
    assert (receipt.status, rules(receipt)) == (status, found)
    assert (receipt.counts.created, receipt.counts.quarantined) == (created, quarantined)
    assert [one.source.split("/")[1] for one in receipt.issues] == ["floors"]


def test_each_is_looked_at_alone_and_all_are_explained(
    gateway: Gateway, days: Sender, registry: MappingRegistry
) -> None:
    body = dumps({"steps": [day("2017-04-01", 9)], "floors": [day("2017-04-01", 2)]})
    receipt = days.send("google-health", body)
    looked: list[Event] = []
    inspection = Inspection(
        days.study,
        days.study.principal(gateway.clients.registered(STUDY, "data-manager")),
        gateway.store,
        gateway.access.door,
        registry,
        gateway.engines.parameters,
        looked.append,
        gateway.clock,
    )
    for name in NAMES:
        found = [
            one for one in inspection.payloads(registry.get(f"test.{name}"), "coverage") if one.receipt == receipt
        ]
        assert [list(one.decoded.tree) for one in found if one.decoded] == [[name]]
        assert [unit.records for one in found for unit in one.reading.units] == [1]
    whole = inspection.trace(receipt)
    assert (whole.mapping, len(whole.units[0].resources), len(whole.makers)) == (receipt.mapping, 2, 2)
    assert {step.sources[0].split("/")[1] for step in whole.trace if step.sources} == set(NAMES)
