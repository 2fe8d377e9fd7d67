"""Safe Harbor by commands: a role that is given de-identified data alone finds nothing planted in any output."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.main import build
from gateway.core.assets import asset_root
from tests.unit.export.canaries import STORED, everything_in, seen_in

STUDY = "hf-dct-01"
ROLE = "statistician: {"
TYPES = ",".join(STORED)
VIEW = {
    "resource": "Patient",
    "name": "everything",
    "status": "active",
    "select": [
        {
            "column": [
                {"name": "patient", "path": "getResourceKey()"},
                {"name": "name", "path": "name.family.first()"},
                {"name": "text", "path": "name.text.first()"},
                {"name": "number", "path": "identifier.value.first()"},
            ]
        }
    ],
}

GIVEN = {
    **{f"export {form}": ["export", "--out", "OUT", "--type", TYPES, "--form", form]
       for form in ("ndjson", "collection", "searchset", "participants", "csv", "parquet", "duckdb")},
    **{f"view run {ending}": ["view", "run", "VIEW", "--out", f"OUT/rows.{ending}"]
       for ending in ("ndjson", "csv", "parquet", "duckdb")},
}  # fmt: skip
"""What such a role is given, de-identified."""

REFUSED = {
    "report": ["report", "--out", "OUT/report.html"],
    "aggregate": ["aggregate", "VIEW", "--by", "name,number", "--min-cell", "2"],
    "cdisc sdtm": ["cdisc", "sdtm", "--out", "OUT"],
    "cdisc odm": ["cdisc", "odm", "--out", "OUT/odm.xml"],
    "map explain": ["map", "explain", "Observation/MRN-CANARY-1.1"],
}
"""What it is not given at all."""

NO_OUTPUT = {"consent explain", "map coverage", "map diff"}
"""Commands that show decisions, or what mappings make of what comes in."""


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return tmp_path_factory.mktemp("assets")


@pytest.fixture
def run(planted, assets, tmp_path, monkeypatch):
    """Runs a command as a statistician, of the study as it is or with a policy; exit code, and all that came out."""
    gateway, _ = planted
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(gateway.settings.data_dir))
    view = tmp_path / "everything.json"
    view.write_text(json.dumps(VIEW), "utf-8")
    out = tmp_path / "out"

    def ran(arguments, policy=""):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        if policy:
            monkeypatch.setenv("GATEWAY_ASSET_DIRS", str(overlaid(assets / policy, policy)))
        given = [one.replace("OUT", str(out)).replace("VIEW", str(view)) for one in arguments]
        told = CliRunner().invoke(build(), [*given, "--study", STUDY, "--client", "statistics"])
        files = [path for path in out.rglob("*") if path.is_file()]
        return told.exit_code, [told.output.encode(), repr(told.exception).encode(), *map(everything_in, files)]

    return ran


def overlaid(folder, policy):
    """Assets with the study, in which statisticians are given de-identified data."""
    study = folder / "profiles" / "studies" / STUDY
    if not study.exists():
        shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, study)
        text = (study / "study.yaml").read_text("utf-8")
        assert ROLE in text
        (study / "study.yaml").write_text(text.replace(ROLE, f"{ROLE}deidentify: {policy}, "), "utf-8")
    return folder


@pytest.mark.parametrize("name", GIVEN)
def test_nothing_planted_is_in_what_is_given(run, name):
    code, plain = run(GIVEN[name])
    assert code == 0, plain
    assert name in ("export csv", "export parquet", "export duckdb") or seen_in(b"\n".join(plain))
    code, private = run(GIVEN[name], "safe-harbor")
    assert code == 0, private
    assert len(private) > 2
    assert [seen_in(one) for one in private] == [set()] * len(private)


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_planted_is_in_what_is_refused(run, name):
    code, told = run(REFUSED[name], "safe-harbor")
    assert code in (1, 2)
    assert b"export.deidentified-only" in b"".join(told), told
    assert [seen_in(one) for one in told] == [set()] * len(told)


def test_every_command_that_reads_as_a_client_is_tried():
    known = dict(commands(typer.main.get_command(build())))
    found = {name for name, command in known.items() if {"study", "client"} <= {one.name for one in command.params}}
    found = {name for name in found if name.partition(" ")[0] not in ("client", "key")}  # the registry
    tried = {" ".join(word for word in name.split() if word not in ENDINGS) for name in (*GIVEN, *REFUSED)}
    assert found == tried | NO_OUTPUT


ENDINGS = {"ndjson", "csv", "parquet", "duckdb", "collection", "searchset", "participants"}


def commands(group, before=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command
