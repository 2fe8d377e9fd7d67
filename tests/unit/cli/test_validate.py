"""`gateway validate`: where resources come from, what is written, how it ends."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cli.main import build
from tests.unit.cli.test_commands import run as run_process
from tests.unit.definitions.test_package import write

GOOD = b'{"resourceType":"Patient","id":"a","active":true}'
BAD = b'{"resourceType":"Patient","id":"a","active":"yes"}'
PROFILE = {
    "resourceType": "StructureDefinition",
    "url": "urn:p",
    "type": "Patient",
    "kind": "resource",
    "derivation": "constraint",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "differential": {"element": [{"path": "Patient", "id": "Patient"}, {"path": "Patient.gender", "min": 1}]},
}


def gateway(*arguments: str, body: bytes = b"") -> tuple[int, list[str], str]:
    """Exit code, lines of stdout, stderr."""
    done = CliRunner().invoke(build(), ["validate", *arguments], input=body)
    return done.exit_code, done.stdout.splitlines(), done.stderr


def test_lines_of_ndjson_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "all.ndjson"
    file.write_bytes(GOOD + b"\n\n" + BAD + b"\n{")
    code, lines, _ = gateway(str(file))
    assert code == 1
    assert lines == [f"{file}:1: valid", f"{file}:3: refused", f"{file}:4: refused"]


def test_a_folder_is_searched_for_resources(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.json").write_bytes(GOOD)
    (tmp_path / "b.ndjson").write_bytes(GOOD)
    (tmp_path / "notes.txt").write_bytes(BAD)
    code, lines, _ = gateway(str(tmp_path))
    assert (code, len(lines)) == (0, 2)


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        (GOOD, ["valid"]),
        (b"\n" + BAD + b"\n", ["refused"]),
        (GOOD + b"\n" + BAD, ["valid", "refused"]),
        (b"", ["refused"]),
    ],
)
def test_stdin_is_one_resource_or_lines(body: bytes, answers: list[str]) -> None:
    code, lines, _ = gateway("-", body=body)
    assert [line.rpartition(" ")[2] for line in lines] == answers
    assert code == ("refused" in answers)


def test_outcomes_as_json_name_their_place() -> None:
    _, lines, _ = gateway("-", "--json", body=GOOD + b"\n" + BAD)
    good, bad = map(json.loads, lines)
    assert good["issue"][0]["severity"] == "information"
    assert bad["issue"][0]["expression"] == ["Patient.active"]
    assert bad["issue"][0]["extension"][0]["valueString"] == "stdin:2"


def test_guides_are_folders_and_packages(tmp_path: Path) -> None:
    folder = tmp_path / "guide"
    folder.mkdir()
    (folder / "p.json").write_text(json.dumps(PROFILE))
    package = write(tmp_path / "p.tgz", {"package/p.json": json.dumps(PROFILE | {"url": "urn:q"}).encode()})
    arguments = ("-", "--ig", str(folder), "--ig", str(package))
    assert gateway(*arguments, "--profile", "urn:p", body=GOOD)[0] == 1
    assert gateway(*arguments, "--profile", "urn:q", body=GOOD)[0] == 1
    assert gateway(*arguments, body=GOOD)[0] == 0
    assert gateway("-", "--profile", "urn:p", body=GOOD)[0] == 1


def test_wrong_use_ends_with_2(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"no package")
    assert gateway("-", "--ig", str(broken), body=GOOD)[0] == 2
    assert gateway("-", "--ig", str(tmp_path / "none.tgz"), body=GOOD)[0] == 2
    assert gateway()[0] == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=30).map(lambda noise: GOOD[:-1] + noise)))
def test_any_bytes_are_answered(body: bytes) -> None:
    code, lines, _ = gateway("-", "--json", body=body)
    assert code in (0, 1)
    assert lines
    assert all(json.loads(line)["resourceType"] == "OperationOutcome" for line in lines)


def test_one_file_takes_little_time_from_cold(tmp_path: Path) -> None:
    """By CPU time, since other tests run beside this; `benchmarks validate` measures the wall."""
    file = tmp_path / "a.json"
    file.write_bytes(GOOD)
    took = []
    for _ in range(3):
        before = os.times()
        assert run_process(tmp_path, "validate", str(file)).returncode == 0
        after = os.times()
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(took) < 2
