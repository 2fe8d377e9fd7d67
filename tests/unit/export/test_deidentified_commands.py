"""`gateway export` and `gateway view run` with a policy: the one asked for, or the one that the role is bound to."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import build
from gateway.core.assets import asset_root

STUDY = "hf-dct-01"
ROLE = "researcher: {"
BOUND = "research-pseudonymised"


def run(*arguments):
    return CliRunner().invoke(build(), [*arguments, "--study", STUDY, "--client", "research"])


@pytest.fixture
def people(filled, study, monkeypatch):
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(filled.settings.data_dir))
    return {person.patient for person in study.participants}


@pytest.fixture
def bound(people, tmp_path, monkeypatch):
    """The same data, of a study whose researchers are given them de-identified alone."""
    folder = tmp_path / "overlay" / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, folder)
    text = (folder / "study.yaml").read_text("utf-8")
    assert ROLE in text
    (folder / "study.yaml").write_text(text.replace(ROLE, f"{ROLE}deidentify: {BOUND}, "), "utf-8")
    monkeypatch.setenv("GATEWAY_ASSET_DIRS", str(tmp_path / "overlay"))
    return people


def told_in(folder):
    return "".join(path.read_text("utf-8") for path in folder.iterdir())


def test_a_policy_asked_for_is_applied(people, tmp_path):
    assert run("export", "--out", str(tmp_path / "plain")).exit_code == 0
    assert any(person in told_in(tmp_path / "plain") for person in people)
    asked = run("export", "--out", str(tmp_path / "private"), "--deidentify", "safe-harbor", "--json")
    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.stdout)["deidentification"] == "safe-harbor"
    table = run(
        "view", "run", "vital_signs", "--out", str(tmp_path / "private" / "v.csv"), "--deidentify", "safe-harbor"
    )
    assert table.exit_code == 0, table.output
    assert not any(person in told_in(tmp_path / "private") for person in people)


def test_the_policy_of_a_role_is_applied_unasked(bound, tmp_path):
    asked = run("export", "--out", str(tmp_path / "private"), "--json")
    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.stdout)["deidentification"] == BOUND
    assert run("view", "run", "vital_signs", "--out", str(tmp_path / "private" / "v.csv")).exit_code == 0
    assert not any(person in told_in(tmp_path / "private") for person in bound)


def test_the_policy_of_a_role_cannot_be_changed_or_gone_around(bound, tmp_path):
    assert run("export", "--out", str(tmp_path / "other"), "--deidentify", "safe-harbor").exit_code == 2
    assert not (tmp_path / "other").exists()
    view = tmp_path / "v.json"
    view.write_text(
        json.dumps({"resource": "Observation", "name": "v", "select": [{"column": [{"name": "i", "path": "id"}]}]})
    )
    around = run("aggregate", str(view), "--by", "i")
    assert around.exit_code == 1
    assert "export.deidentified-only" in around.output or "de-identified data alone" in around.output
