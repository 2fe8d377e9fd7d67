"""A record of a wrong form: kept out alone, told on the receipt, and stored by a replay after a fix."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.core.codec import dumps
from gateway.ingest import Ingest, Replay
from gateway.mapping import MappingRegistry
from gateway.study import Study
from tests.unit.ingest.conftest import STUDY, Sender
from tests.unit.ingest.test_ingest import rules, told

MAPPING = """
mapping: test.steps
version: 1.0.0
status: active
fhir: 4.0.1
describe: steps of days
source: {format: json, schema: payload.schema.json, match: =days.exists(), records: =days}
subject: {per: payload, resolve: {system: "urn:google:health:user", value: =%envelope.vendorUserId}}
emit:
  - id: day
    key: [=%subject.id, =day]
    resource: {resourceType: Observation, status: final, code: {text: steps}, effectiveDateTime: =day,
      category: [{coding: [
        {system: "http://terminology.hl7.org/CodeSystem/observation-category", code: activity}]}],
      subject: {reference: =%subject.reference}, valueInteger: =steps.toInteger()}
"""
USER = "gh-101-001"

Make = Callable[..., Sender]


@pytest.fixture
def steps(tmp_path: Path, gateway: Gateway, study: Study) -> Make:
    """A sender whose mapping takes steps of the kinds given."""

    def make(*kinds: str, policy: str = study.validation.policy) -> Sender:
        folder = tmp_path / "test" / "steps"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mapping.yaml").write_text(MAPPING)
        day = {"type": "object", "required": ["day"], "properties": {"steps": {"type": kinds}}}
        schema = {"type": "object", "properties": {"days": {"type": "array", "items": day}}}
        (folder / "payload.schema.json").write_text(json.dumps(schema))
        registry = MappingRegistry.load((tmp_path,), gateway.engines.definitions)
        sources = {"google-health": replace(study.sources["google-health"], mappings=("test.steps",))}
        changed: Any = replace(study, sources=sources, validation=replace(study.validation, policy=policy))
        engines = gateway.engines
        ingest = Ingest(
            gateway.store, gateway.access.door, registry, engines.validator, {STUDY: changed}, gateway.clock
        )
        return Sender(ingest, changed)

    return make


def days(month: int, *counts: Any) -> bytes:
    return dumps({"days": [{"day": f"2019-{month:02}-{at + 1:02}", "steps": of} for at, of in enumerate(counts)]})


def test_the_others_are_stored_and_a_replay_after_a_fix_stores_it_too(steps: Make) -> None:
    sender = steps("integer")
    receipt = sender.send("google-health", days(1, 100, "4711", 300), vendorUserId=USER)
    assert (receipt.status, rules(receipt)) == ("partial", ["mapping.record-invalid"])
    counts = receipt.counts
    assert (counts.records, counts.mapped, counts.created, counts.quarantined) == (3, 2, 2, 1)
    assert [found.source for found in receipt.issues if found.blocks] == ["/days/1/steps"]
    assert "4711" not in told(receipt)

    same = steps("integer").ingest.replay(Replay(STUDY, rule="mapping.record-invalid"))
    mine = next(one for one in same if one.id == receipt.id)
    assert (mine.status, mine.counts) == ("partial", counts)

    fixed = steps("integer", "string").ingest.replay(Replay(STUDY, receipt=receipt.id))[0]
    assert (fixed.status, rules(fixed)) == ("stored", [])
    assert (fixed.counts.created, fixed.counts.updated, fixed.counts.quarantined) == (3, 0, 0)


def test_a_study_that_takes_payloads_whole_takes_none_of_it(steps: Make) -> None:
    receipt = steps("integer", policy="reject").send("google-health", days(3, 1, "x"), vendorUserId=USER)
    assert receipt.status == "quarantined"
    assert sorted(rules(receipt)) == ["ingest.payload-rejected", "mapping.record-invalid"]
