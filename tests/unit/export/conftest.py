"""The gateway of the ingest tests with a few heart rates in it, and one whose resources hold canaries."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from gateway.access import Door
from gateway.app import Gateway, build
from gateway.core.assets import asset_roots
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.export.queries import Shelf, study_tables
from gateway.ingest import enrol
from gateway.settings import Settings
from gateway.study import Study
from tests.unit.export.canaries import STORED, Planting
from tests.unit.ingest.conftest import Sender, gateway, heart_rate, study

__all__ = ["filled", "gateway", "study"]

STUDY = "hf-dct-01"
MINUTE = "2026-02-01T10:00"


@pytest.fixture(scope="session")
def filled(gateway: Gateway, study: Study) -> Gateway:
    """Ten samples of each participant who lets them in."""
    sender = Sender(gateway.ingest, study)
    for person in study.participants:
        user = person.identities["urn:google:health:user"]
        sender.send("google-health", heart_rate(MINUTE, count=10), vendorUserId=user)
    return gateway


@pytest.fixture(scope="module")
def shelf(study: Study) -> Shelf:
    """The tables of the demo study that SQL may stand on."""
    return study_tables(study.id, asset_roots("profiles"))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Door]]:
    """A gateway in which a participant's resources hold canaries, by a door that may read them all."""
    folder = tmp_path_factory.mktemp("canaries")
    made = build(Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder / 'gateway.db'}")))
    study = made.studies[STUDY]
    enrol(made.access.door(study.principal(study.clients["registrar"])), study, made.engines.definitions)
    person = next(one for one in study.participants if not one.withdrawn and one.consent == "all")
    changes = []
    for number, kind in enumerate(STORED):
        for copy in range(12):  # as many as are taken together by their shape
            tree = Planting(number + copy).resource(kind, depth=1) | {"id": f"MRN-CANARY-1.{copy}"}
            key = Key(STUDY, kind, tree["id"])
            changes.append(Change(key, tree, Placement((person.patient,), study_level=True)))
    made.store.commit(Unit(STUDY, tuple(changes)))
    principal = replace(study.principal(study.clients["research"]), scopes=("system/*.rs",))
    yield made, made.access.door(principal)
    made.close()
