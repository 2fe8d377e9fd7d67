"""The commands `study`, `ingest`, `replay` and `export`: exit codes, tables for people, JSON for machines."""

import json
import shutil
from pathlib import Path

import fsspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from gateway.cli.main import build
from gateway.core.assets import asset_root
from tests.unit.ingest.conftest import STUDY, heart_rate
from tests.unit.mapping.files import HEAD, POINT

DEMO = Path(str(asset_root("profiles"))) / "studies" / STUDY
MINUTE = "2026-03-03T03:03"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _settings(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(data))
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(build(), [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def loaded(data: Path) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_DATA_DIR", str(data))
        return run("study", "load", STUDY)


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / "payload.json"
    path.write_bytes(heart_rate(MINUTE))
    return path


def test_study_load_twice(loaded: Result) -> None:
    assert loaded.exit_code == 0, loaded.output
    assert "42 resources written" in loaded.output
    assert "0 resources written" in run("study", "load", DEMO).output
    assert run("study", "load", "other").exit_code == 2


def test_study_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("study", "check", DEMO).exit_code == 0
    assert run("study", "check", tmp_path / "none").exit_code == 2
    broken = tmp_path / STUDY
    shutil.copytree(DEMO, broken)
    path = broken / "study.yaml"
    text = path.read_text("utf-8")
    for find, replace in (
        ("wearable.withings.measures", "wearable.withings.weights, test.points"),
        ("study:hf-dct-01:hf-heart-rate", "study:hf-dct-01:hf-pulse"),
        ("category.coding.where(code = 'survey')", "kategory.coding.where(code = 'survey')"),
        ("hf-symptom-diary|1.0.0", "hf-symptom-diary|9.0.0"),
    ):
        assert find in text
        text = text.replace(find, replace)
    path.write_text(text, "utf-8")
    own = tmp_path / "overlay/mappings/acme/points"
    own.mkdir(parents=True)
    own.joinpath("mapping.yaml").write_text(HEAD + POINT, "utf-8")
    monkeypatch.setenv("GATEWAY_ASSET_DIRS", str(tmp_path / "overlay"))
    result = run("study", "check", broken, "--json")
    assert result.exit_code == 1
    rules = [found["details"]["coding"][0]["code"] for found in json.loads(result.stdout)["issue"]]
    assert sorted(rules) == [
        "study.expression",
        "study.unknown-mapping",
        "study.unknown-profile",
        "study.unknown-questionnaire",
    ]


@pytest.mark.usefixtures("loaded")
def test_ingest_replay_export(payload: Path, tmp_path: Path) -> None:
    stored = run("ingest", "google-health", payload, "--study", STUDY, "--vendor-user", "gh-101-001", "--json")
    assert stored.exit_code == 0, stored.output
    receipt = json.loads(stored.stdout)
    assert (receipt["status"], receipt["counts"]["created"]) == ("stored", 3)

    payload.with_name("envelope.json").write_text('{"vendorUserId": "gh-999-999"}', "utf-8")
    refused = run("ingest", "google-health", payload, "--study", STUDY)
    assert refused.exit_code == 1
    assert "mapping.subject-unknown" in refused.stderr
    assert "gh-999-999" not in refused.output + refused.stderr

    again = run("replay", "--study", STUDY, "--rule", "mapping.subject-unknown", "--json")
    assert again.exit_code == 1
    assert json.loads(again.stdout)["status"] == "quarantined"
    assert "nothing to replay" in run("replay", "--study", STUDY, "--rule", "consent.no-subject").output
    assert run("replay", "--study", STUDY).exit_code == 2

    out = tmp_path / "out"
    exported = run("export", "--study", STUDY, "--client", "research", "--out", out, "--json")
    assert exported.exit_code == 0, exported.output
    counts = {entry["type"]: entry["count"] for entry in json.loads(exported.stdout)["output"]}
    assert counts == {"Device": 1, "Observation": 2, "Questionnaire": 1, "ResearchStudy": 1}
    one = run("export", "--study", STUDY, "--client", "research", "--out", tmp_path / "one", "--type", "Device")
    assert "Device.ndjson  1" in one.output
    far = run("export", "--study", STUDY, "--client", "research", "--out", "memory://far/x", "--form", "searchset")
    assert "memory://far/x/Device.bundle.json  1" in far.output
    with fsspec.open("memory://far/x/manifest.json") as file:
        assert {one["type"] for one in json.load(file)["output"]} == {"Bundle"}
    assert run("export", "--study", STUDY, "--client", "research", "--out", "never", "--form", "x").exit_code == 2


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", "google-health", "none.json", "--study", STUDY),
        ("ingest", "other", DEMO / "study.yaml", "--study", STUDY),
        ("ingest", "google-health", DEMO / "study.yaml", "--study", "other"),
        ("replay", "--study", "other", "--source", "withings"),
        ("replay", "--study", STUDY, "--receipt", "none"),
        ("export", "--study", "other", "--client", "research", "--out", "never"),
        ("export", "--study", STUDY, "--client", "other", "--out", "never"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).exit_code == 2
    assert not (tmp_path / "never").exists()
