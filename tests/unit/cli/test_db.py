"""`gateway db` as an operator runs it: exit codes, JSON, and that a refusal changes nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.db import app

RUNNER = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    done = RUNNER.invoke(app, arguments, catch_exceptions=False)
    return done.exit_code, done.stdout


def test_back_up_and_restore(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(home / "backup")
    code, out = run("backup", file, "--json")
    assert code == 0
    assert json.loads(out)["rows"]["resource"] == 0
    assert run("backup", file)[0] == 1
    assert run("backup", str(home / "no" / "folder"))[0] == 2
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(home / "other"))
    assert run("restore", file)[0] == 0
    (home / "cut").write_bytes(b"PK")
    assert run("restore", str(home / "cut"))[0] == 1
    assert run("restore", str(home / "nothing"))[0] == 2


def test_check_and_reindex(home: Path) -> None:
    code, out = run("check", "--json")
    assert (code, json.loads(out)["resourceType"]) == (0, "OperationOutcome")
    code, out = run("reindex", "--json")
    assert (code, set(json.loads(out)["indexed"].values())) == (0, {0})
    assert run("reindex", "--study", "nothing")[0] == 2
    code, out = run("migrate", "--no-index")
    assert (code, out.splitlines()) == (0, ["the schema is up to date"])
