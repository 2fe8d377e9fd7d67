"""Commands that read do so through the eyes of a client that may be used now, of the study file or registered."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import typer

import gateway.cli
from gateway.app import Gateway, build
from gateway.auth.registry import Action
from gateway.cli.readers import reader_of
from gateway.settings import Settings

STUDY = "hf-dct-01"
WAY: tuple[Action, ...] = ("review", "agree", "sandbox", "promote")


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Gateway]:
    with closing(build(Settings(data_dir=tmp_path))) as made:
        yield made


def step(built: Gateway, client: str, action: Action) -> None:
    built.clients.step(STUDY, client, action, "ben", "as planned", "DUA-1" if action == "agree" else "")


def refused(built: Gateway, study: str, client: str) -> bool:
    with pytest.raises(typer.Exit) as caught:
        reader_of(built, study, client)
    return caught.value.exit_code == 2


def test_who_may_be_used_reads(built: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    study = built.studies[STUDY]
    assert reader_of(built, STUDY, "research") == (study, study.clients["research"])
    lake = replace(study.clients["research"], id="lake", jwks_url="https://example.org/keys")
    built.clients.request(STUDY, lake, "ana", "a lake of data")
    assert refused(built, STUDY, "lake")
    for action in WAY:
        step(built, "lake", action)
    assert reader_of(built, STUDY, "lake")[1] == lake
    for client in ("lake", "research"):
        step(built, client, "suspend")
        assert refused(built, STUDY, client)
    assert refused(built, "nowhere", "research")
    assert refused(built, STUDY, "nobody")
    told = capsys.readouterr().err.splitlines()
    assert told[-2:] == ["gateway: no such study", told[-1]]
    assert "ehr-app" in told[-1]
    assert "research," not in told[-1].replace("norte-research,", "")


def test_no_command_takes_a_client_past_the_registry() -> None:
    folder = Path(gateway.cli.__path__[0])
    taking = {
        one.relative_to(folder).as_posix() for one in folder.rglob("*.py") if ".clients[" in one.read_text("utf-8")
    }
    assert taking <= {"demo.py", "_demo/explain.py"}  # which sets up its own installation
