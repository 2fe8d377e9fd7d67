"""Commands as a user runs them: what they print, and how they end."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests import warm

OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "valueQuantity": {"value": 72, "unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"},
}


def run(folder: Path, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {"GATEWAY_DATA_DIR": str(folder / "var")} | options
    return warm.run("gateway", *arguments, cwd=folder, environment=environment)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(OBSERVATION))
    return path


def test_validate_writes_an_outcome_a_file_and_ends_with_1_when_one_is_refused(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(OBSERVATION | {"status": "nonsense"}))
    (tmp_path / "worse.json").write_text("{")
    done = run(tmp_path, "validate", "--json", str(tmp_path))
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    worst = [{issue["severity"] for issue in outcome["issue"]} & {"error", "fatal"} for outcome in outcomes]
    assert [bool(found) for found in worst] == [True, False, True]
    assert done.returncode == 1
    assert run(tmp_path, "validate", str(good)).returncode == 0


def test_validate_against_a_profile(tmp_path: Path, good: Path) -> None:
    profile = "http://hl7.org/fhir/StructureDefinition/heartrate"
    assert run(tmp_path, "validate", str(good), "--profile", profile).returncode == 1


def test_validate_of_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    assert run(tmp_path, "validate", "nothing.json").returncode == 2


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Observation.value.value", "[72]"),
        ("status = 'final'", "[true]"),
        ("note", "[]"),
        ("code.coding.code", '["718-7"]'),
    ],
)
def test_fhirpath_prints_an_array(tmp_path: Path, good: Path, expression: str, expected: str) -> None:
    done = run(tmp_path, "fhirpath", expression, str(good))
    assert (done.returncode, done.stdout.strip()) == (0, expected)


def test_fhirpath_refuses_a_faulty_expression(tmp_path: Path, good: Path) -> None:
    done = run(tmp_path, "fhirpath", "status.colour", str(good), "--base", "Observation")
    assert done.returncode == 1
    assert "fhirpath." in done.stderr


def test_keys_rotate_by_adding(tmp_path: Path) -> None:
    first, second = (json.loads(run(tmp_path, "key", "new").stdout)["kid"] for _ in range(2))
    keys = json.loads(run(tmp_path, "key", "list", "--json").stdout)["keys"]
    assert [key["kid"] for key in keys] == [first, second]
    assert all("d" not in key for key in keys)


def test_a_token_for_a_client_and_none_for_a_stranger(tmp_path: Path) -> None:
    done = run(tmp_path, "client", "token", "ehr-app", "--study", "hf-dct-01")
    assert (done.returncode, done.stdout.count(".")) == (0, 2)
    assert run(tmp_path, "client", "token", "stranger", "--study", "hf-dct-01").returncode == 2
    assert run(tmp_path, "client", "token", "ehr-app", "--study", "unknown").returncode == 2


def test_a_new_database_is_whole(tmp_path: Path) -> None:
    assert run(tmp_path, "db", "migrate").returncode == 0
    assert (tmp_path / "var" / "gateway.db").stat().st_mode & 0o077 == 0
    assert run(tmp_path, "db", "check").returncode == 0
    assert run(tmp_path, "audit", "verify").returncode == 0


def test_unsafe_settings_stop_every_command_by_name(tmp_path: Path) -> None:
    done = run(tmp_path, "db", "migrate", GATEWAY_ENVIRONMENT="production")
    assert done.returncode == 2
    assert "GATEWAY_SECRET" in done.stderr
    unknown = run(tmp_path, "db", "migrate", GATEWAY_COLOUR="red")
    assert (unknown.returncode, "GATEWAY_COLOUR" in unknown.stderr) == (2, True)


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "serve", "--port", port)
    assert done.returncode == 2
    assert f"127.0.0.1 port {port}: Address already in use" in done.stderr
    assert "serving" not in done.stderr
