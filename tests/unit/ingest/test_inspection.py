"""Landed payloads are looked at on record or not at all; what is told is what the client may see."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.app import Gateway, build
from gateway.cli._map.looking import inspection
from gateway.cli.main import build as commands
from gateway.core.assets import asset_root
from gateway.core.codec import dumps, loads
from gateway.core.errors import Forbidden, NotFound, Unavailable
from gateway.core.event import Event
from gateway.core.issues import issue
from gateway.core.receipt import Receipt
from gateway.ingest import Replay, enrol
from gateway.ingest.inspection import Inspection
from gateway.ingest.rerun import rerun
from gateway.settings import Settings
from tests.unit.ingest.conftest import STUDY, heart_rate

MINUTE = "2026-02-03T04:05"
SOURCE = "google-health"
READER = "data-manager"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("inspected"))


@pytest.fixture(scope="module")
def opened(place: Path) -> Iterator[Gateway]:
    built = build(Settings(data_dir=place))
    study = built.studies[STUDY]
    enrol(built.access.door(study.principal(study.clients["registrar"])), study, built.engines.definitions)
    yield built
    built.close()


@pytest.fixture(scope="module")
def receipt(opened: Gateway) -> Receipt:
    principal = opened.studies[STUDY].principal_of(SOURCE)
    envelope = {"vendorUserId": "gh-101-001"}
    arrived = opened.ingest.payload(STUDY, SOURCE, heart_rate(MINUTE, 71), "application/json", envelope)
    found = opened.ingest.process(opened.ingest.receive(arrived, principal))
    assert found.status == "stored", found.issues
    return found


@pytest.fixture
def observation(opened: Gateway, receipt: Receipt) -> str:
    door = opened.access.door(opened.studies[STUDY].principal(opened.studies[STUDY].clients[READER]))
    return next(row.key.reference for row in door.stream("Observation"))


def events(opened: Gateway, operation: str) -> list[dict[str, Any]]:
    found = (json.loads(row.event) for row in opened.store.rows(STUDY))
    return [event for event in found if event["operation"] == operation]


def changed(folder: Path, edit: Callable[[str], str]) -> Path:
    copy = folder / "work" / "heart-rate"
    shutil.copytree(Path(str(asset_root("mappings"))) / "google-health" / "heart-rate", copy)
    file = copy / "mapping.yaml"
    text = file.read_text("utf-8")
    assert edit(text) != text
    file.write_text(edit(text), "utf-8")
    return copy


def of(opened: Gateway, folder: Path) -> Any:
    from gateway.mapping.language.load import Surroundings
    from gateway.mapping.registry import read_mapping

    around = Surroundings(opened.engines.definitions, opened.engines.terminology, (asset_root("terminology"),))
    mapping, issues = read_mapping(folder, "work/heart-rate", around)
    assert mapping is not None, issues
    return mapping


def test_a_stored_value_leads_back_to_its_payload_on_record(
    opened: Gateway, receipt: Receipt, observation: str
) -> None:
    eyes = inspection(opened, STUDY, READER)
    assert eyes.receipt_of(observation).id == receipt.id
    reading = eyes.trace(receipt, observation)
    steps = [step for step in reading.trace if step.path == f"{observation}.valueQuantity.value"]
    assert steps[0].sources[0].endswith("/heartRate/beatsPerMinute")
    told = events(opened, "explain")[-1]
    assert (told["client"], told["action"], told["targets"][0]) == (READER, "R", observation)
    assert told["targets"][1].endswith(receipt.id)
    assert opened.trail.verify(STUDY) == []


class _Unread:
    """A landing whose payloads nobody may have touched."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        assert name != "payload", "the payload was read"
        return getattr(self._inner, name)


def _broken(_event: Event) -> None:
    raise Unavailable(issue("audit.unavailable"))


def test_what_cannot_be_recorded_is_not_read(opened: Gateway, receipt: Receipt) -> None:
    eyes = replace(inspection(opened, STUDY, READER), record=_broken, landing=_Unread(opened.store))
    mapping = opened.registry.get("wearable.google-health.heart-rate")
    for look in (
        lambda: eyes.trace(receipt),
        lambda: list(eyes.payloads(mapping, "coverage")),
        lambda: list(eyes.pairs(mapping, mapping, "compare")),
    ):
        with pytest.raises(Unavailable):
            look()


@pytest.mark.parametrize("client", ["research", SOURCE])
def test_who_may_not_read_everything_reads_no_payload(client: str, opened: Gateway, receipt: Receipt) -> None:
    eyes = replace(inspection(opened, STUDY, client), landing=_Unread(opened.store))
    with pytest.raises(Forbidden):
        eyes.trace(receipt)
    told = events(opened, "explain")[-1]
    assert (told["client"], told["outcome"], told["reason"], told["count"]) == (client, "denied", "auth.scope", 0)


def test_what_no_payload_wrote_has_no_receipt(opened: Gateway) -> None:
    eyes = inspection(opened, STUDY, READER)
    with pytest.raises(NotFound):
        eyes.receipt_of(f"ResearchStudy/{STUDY}")
    with pytest.raises(NotFound):
        eyes.receipt_of("Observation/none")


def test_a_rerun_tells_each_changed_element_once(opened: Gateway, receipt: Receipt, tmp_path: Path) -> None:
    eyes, old = inspection(opened, STUDY, READER), opened.registry.get("wearable.google-health.heart-rate")
    assert list(rerun(eyes, old, old)) == []
    new = of(opened, changed(tmp_path, lambda text: text.replace("unit: beats/minute", "unit: bpm")))
    found = list(rerun(eyes, old, new))
    assert {one.change.path.partition(".")[2] for one in found if one.change} == {"valueQuantity.unit"}
    assert {(one.change.old, one.change.new) for one in found if one.change} == {("beats/minute", "bpm")}
    assert len(found) == 2
    assert {one.receipt for one in found} == {receipt.id}


def test_a_rerun_tells_what_would_be_refused(opened: Gateway, receipt: Receipt, tmp_path: Path) -> None:
    eyes, old = inspection(opened, STUDY, READER), opened.registry.get("wearable.google-health.heart-rate")
    new = of(opened, changed(tmp_path, lambda text: text.replace("%bpm >= 20", "%bpm >= 200").replace(
        "else: drop-resource", "else: quarantine")))  # fmt: skip
    found = list(rerun(eyes, old, new))
    assert ("mapping.guard", receipt.id) in {(one.refused, one.receipt) for one in found}
    assert all(one.change is None or one.change.new is None for one in found)


def test_of_a_new_resource_its_name_is_told_only(opened: Gateway, receipt: Receipt, tmp_path: Path) -> None:
    eyes, old = inspection(opened, STUDY, READER), opened.registry.get("wearable.google-health.heart-rate")
    new = of(opened, changed(tmp_path, lambda text: text.replace("id: point", "id: dot")))
    found = [one.change for one in rerun(eyes, old, new) if one.change and one.change.old is None]
    assert len(found) == 2
    assert all(set(one.new) == {"resourceType", "id"} for one in found)


def test_what_the_client_does_not_see_is_counted_only(opened: Gateway, receipt: Receipt, tmp_path: Path) -> None:
    class Shut:
        """A door behind which nothing is."""

        def read(self, kind: str, identity: str, version: int | None) -> None:
            raise NotFound(issue("auth.not-found"))

    eyes, old = inspection(opened, STUDY, READER), opened.registry.get("wearable.google-health.heart-rate")
    new = of(opened, changed(tmp_path, lambda text: text.replace("unit: beats/minute", "unit: bpm")))

    def doors(principal: Any) -> Any:
        return Shut() if principal.client == READER else opened.access.door(principal)

    found = list(rerun(replace(eyes, doors=doors), old, new))
    assert found
    assert all(one.hidden and one.change is None for one in found)


def run(place: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(place))
    done = CliRunner().invoke(commands(), ["map", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_commands(
    opened: Gateway, receipt: Receipt, observation: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = ("--study", STUDY, "--client", READER)
    code, out, _ = run(place, monkeypatch, "explain", observation, *who, "--at", "valueQuantity.value")
    assert (code, f"receipt {receipt.id}" in out, "/heartRate/beatsPerMinute" in out) == (0, True, True)
    folder = str(changed(tmp_path, lambda text: text.replace("unit: beats/minute", "unit: bpm")))
    code, out, _ = run(place, monkeypatch, "diff", "google-health/heart-rate", folder, *who)
    assert (code, out.count("~ "), "beats/minute" in out, "bpm" in out) == (1, 2, False, False)
    assert out.splitlines()[-1].startswith("2 resources would change, 0 changes of what this client does not see")
    code, out, _ = run(place, monkeypatch, "diff", "google-health/heart-rate", folder, *who, "--values", "--json")
    assert [(loads(line.encode())["old"], loads(line.encode())["new"]) for line in out.splitlines()] == [
        ("beats/minute", "bpm")
    ] * 2
    code, out, _ = run(place, monkeypatch, "coverage", "google-health/heart-rate", *who, "--json")
    assert (code, loads(out.encode())["payloads"] >= 1) == (0, True)
    assert {event["client"] for event in events(opened, "coverage")} == {READER}


def test_wrong_use_of_the_commands(opened: Gateway, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "google-health/heart-rate"
    for arguments in (
        ("explain", "Observation/1", "--study", STUDY),
        ("explain", "Observation/1", "--study", "none", "--client", READER),
        ("explain", "Observation", "--study", STUDY, "--client", READER),
        ("explain", "Observation/none", "--study", STUDY, "--client", READER),
        ("diff", name, name),
        ("diff", name, "withings/measures", "--study", STUDY, "--client", READER),
        ("diff", name, name, "--study", STUDY, "--client", "research"),
        ("coverage", name, "--study", STUDY, "--client", "research"),
        ("drift", "--study", "none"),
    ):
        assert run(place, monkeypatch, *arguments)[0] == 2, arguments


def test_drift_is_queried_by_source(
    opened: Gateway, receipt: Receipt, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = loads(heart_rate("2026-02-03T05:05"))
    tree["dataPoints"][0]["heartRate"]["mood"] = "SECRET-VALUE"
    principal = opened.studies[STUDY].principal_of(SOURCE)
    arrived = opened.ingest.payload(STUDY, SOURCE, dumps(tree), "application/json", {"vendorUserId": "gh-101-001"})
    opened.ingest.process(opened.ingest.receive(arrived, principal))
    code, out, _ = run(place, monkeypatch, "drift", "--study", STUDY, "--json")
    (told,) = [loads(line.encode()) for line in out.splitlines() if b"mood" in line.encode()]
    assert (code, told["source"], told["receipts"]) == (0, SOURCE, 1)
    assert "SECRET-VALUE" not in out
    assert run(place, monkeypatch, "drift", "--study", STUDY, "--source", "withings")[1] == "0 changes of fields\n"


def test_a_replay_tells_of_no_drift_again(opened: Gateway, receipt: Receipt) -> None:
    (again,) = opened.ingest.replay(Replay(STUDY, receipt=receipt.id))
    assert [found.rule for found in again.issues if found.rule.startswith("ingest.")] == []


def test_an_inspection_has_no_way_around_the_door() -> None:
    assert "store" not in Inspection.__dataclass_fields__


def test_an_older_version_leads_back_to_its_own_payload(opened: Gateway) -> None:
    principal, envelope = opened.studies[STUDY].principal_of(SOURCE), {"vendorUserId": "gh-101-001"}
    eyes = inspection(opened, STUDY, READER)
    before = {row.key for row in opened.access.door(eyes.principal).stream("Observation")}
    receipts = []
    for rate in (71, 72):
        body = heart_rate("2026-02-05T04:05", rate)
        arrived = opened.ingest.payload(STUDY, SOURCE, body, "application/json", envelope)
        receipts.append(opened.ingest.process(opened.ingest.receive(arrived, principal)).id)
    new = {
        row.key.reference for row in opened.access.door(eyes.principal).stream("Observation") if row.key not in before
    }
    for observation in new:
        found = [eyes.receipt_of(f"{observation}{version}").id for version in ("/_history/1", "/_history/2", "")]
        assert found == [*receipts, receipts[1]]
        for wrong in ("99", "0", "x", "1" * 40):
            with pytest.raises(NotFound):
                eyes.receipt_of(f"{observation}/_history/{wrong}")
    assert new
