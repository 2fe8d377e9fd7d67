"""Provenance names what was really written, and nothing else."""

from dataclasses import replace

from gateway.core.models import to_model
from gateway.core.resources import Committed, Key, Stored
from gateway.ingest.provenance import provenance
from gateway.mapping.assets import Asset
from tests.unit.ingest.test_tally import AT, RECEIPT

USED = replace(RECEIPT, mapping="wearable.test|1.0.0", attempts=1)


def entry(id: str, version: int, outcome: str) -> Committed:
    return Committed(Stored(Key("s", "Observation", id), version, AT, False, b"{}"), outcome)  # type: ignore[arg-type]


def test_only_what_was_written_is_a_target() -> None:
    found = provenance(USED, 0, [entry("a", 1, "created"), entry("b", 3, "unchanged"), entry("c", 2, "updated")], AT)
    assert found is not None
    assert [target["reference"] for target in found["target"]] == [
        "Observation/a/_history/1",
        "Observation/c/_history/2",
    ]
    assert found["policy"] == ["urn:trial-fhir-gateway:mapping:wearable.test|1.0.0"]
    assert found["activity"]["coding"][0]["code"] == "UPDATE"
    assert [part["what"]["identifier"]["value"] for part in found["entity"]] == ["r", "ab"]
    to_model(found)


def test_the_files_that_made_it_are_named_by_their_hashes() -> None:
    used = (Asset("mapping.yaml", "cd"), Asset("terminology/conceptmaps/units.json", "ef"))
    found = provenance(USED, 0, [entry("a", 1, "created")], AT, used)
    assert found is not None
    told = [(part["what"]["identifier"]["value"], part["what"].get("display")) for part in found["entity"][2:]]
    assert told == [("cd", "mapping.yaml"), ("ef", "terminology/conceptmaps/units.json")]
    to_model(found)


def test_nothing_new_has_no_provenance() -> None:
    assert provenance(USED, 0, [entry("a", 1, "unchanged")], AT) is None
    assert provenance(USED, 0, [], AT) is None


def test_each_unit_and_run_has_its_own() -> None:
    written = [entry("a", 1, "created")]
    runs = [(USED, 0), (USED, 1), (replace(USED, attempts=2), 0), (replace(USED, id="q"), 0)]
    found = [provenance(receipt, unit, written, AT) for receipt, unit in runs]
    assert len({resource["id"] for resource in found if resource}) == len(runs)
