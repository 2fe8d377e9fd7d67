"""`gateway client` as operators use it: two people bring a client into production, and one of them stops it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import client
from gateway.core.errors import Conflict, Forbidden

STUDY = ("--study", "hf-dct-01")
KEY = {"kty": "EC", "crv": "P-384", "kid": "k", "x": "AA", "y": "AA"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [KEY]}))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(client.app, [*arguments, *STUDY])


def step(action: str, by: str, *more: str) -> Result:
    return run(action, "lake", "--by", by, "--reason", "as planned", *more)


def request(folder: Path) -> Result:
    client_is = ("--organisation", "cardio-research", "--role", "researcher", "--purpose", "HRESCH")
    return step("request", "ana", *client_is, "--jwks", str(folder / "keys.json"))


def test_two_people_bring_a_client_in_and_one_stops_it(folder: Path) -> None:
    assert json.loads(request(folder).stdout) == {"client": "lake", "study": "hf-dct-01", "state": "requested"}
    assert isinstance(step("review", "ana").exception, Forbidden)
    assert isinstance(step("promote", "ben").exception, Conflict)
    for action, more in (("review", ()), ("agree", ("--agreement", "DUA-17")), ("sandbox", ()), ("promote", ())):
        done = step(action, "ben", *more)
        assert done.exit_code == 0, done.output
        is_in = action in ("sandbox", "promote")
        assert (run("token", "lake").exit_code == 0) is is_in
    told = json.loads(run("show", "lake").stdout)
    assert (told["state"], told["registered"], told["jwks"]) == ("production", "request", [KEY])
    assert [(one["action"], one["actor"]) for one in told["steps"]] == [
        ("request", "ana"),
        *((action, "ben") for action in ("review", "agree", "sandbox", "promote")),
    ]
    assert step("suspend", "ana").exit_code == 0
    assert run("token", "lake").exit_code == 2
    states = {one["id"]: one["state"] for one in map(json.loads, run("list", "--json").stdout.splitlines())}
    assert (states["lake"], states["ehr-app"]) == ("suspended", "production")


@pytest.mark.parametrize("text", ["[]", "{}", '{"keys": []}', '{"keys": [1]}', "not json"])
def test_a_file_of_keys_that_is_none(folder: Path, text: str) -> None:
    (folder / "keys.json").write_text(text)
    assert request(folder).exit_code == 2


@pytest.mark.parametrize("command", [info.name for info in client.app.registered_commands])
def test_every_command_tells_how_it_is_used(command: str) -> None:
    told = CliRunner().invoke(client.app, [command, "--help"])
    assert told.exit_code == 0
    assert f"gateway client {command} " in " ".join(told.stdout.partition("Example:")[2].split())
