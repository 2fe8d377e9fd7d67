"""The demo study in a real store, its participants enrolled, and doors of its clients."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.access import Access, Door, ScopeLimits, Write
from gateway.audit import AuditTrail, chain
from gateway.consent import grant_compiler
from gateway.core.codec import loads
from gateway.core.event import Event
from gateway.core.principal import Principal
from gateway.core.resources import Key
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.store.sql import SqlStore
from gateway.study import Participant, Study
from gateway.study.parts import Role
from tests import postgres

KEY = b"the key of these tests"
FOLDER = Path(__file__).parents[3] / "profiles" / "studies" / "hf-dct-01"


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class World:
    """One installation; time stands still at `now` until a test moves it."""

    def __init__(self, url: str, study: Study, parameters: Parameters) -> None:
        self.now = NOON
        self.study = study
        other = replace(study, id="other-02")
        self.studies = {study.id: study, other.id: other}
        self.parameters = parameters
        self.store = SqlStore.open(
            url,
            parameters=parameters,
            compile_grants=grant_compiler(self.studies),
            chain=chain(KEY),
            clock=lambda: self.now,
        )
        self.store.migrate()
        self.begin()
        for person in (self.person("101-001"), self.person("201-001")):
            self.door("registrar").commit(self.enrolment_of(person))
        self.door("registrar").commit(
            [entry for entry in study.enrolment() if entry["resourceType"] in ("Organization", "ResearchStudy")]
        )

    def begin(self) -> None:
        """Opens the installation at the first instant."""
        self.now = NOON
        self.trail = AuditTrail(self.store, KEY)
        self.access = Access(self.store, self.trail, self.studies, lambda: self.now, ScopeLimits(self.parameters))

    def close(self) -> None:
        """Writes what waits and closes the files."""
        self.trail.close()
        self.store.close()

    def person(self, id: str) -> Participant:
        return next(person for person in self.study.participants if person.id == id)

    def enrolment_of(self, person: Participant, template: str = "all") -> list[dict[str, Any]]:
        """Patient, Consent and ResearchSubject, the Consent by `template`."""
        changed = replace(
            self.study, participants=(replace(person, consent=template, withdrawn=None),), definitions=()
        )
        return [
            entry
            for entry in changed.enrolment()
            if entry["resourceType"] in ("Patient", "Consent", "ResearchSubject")
        ]

    def consent_of(self, person: Participant, template: str = "all") -> dict[str, Any]:
        return self.enrolment_of(person, template)[1]

    def give(self, consent: dict[str, Any]) -> None:
        """Commits a Consent over the version that is there."""
        there = self.store.read(Key(self.study.id, "Consent", consent["id"]), None)
        self.door("registrar").commit([Write(consent, if_match=there.version if there else 0)])

    def door(self, client: str, study: str | None = None) -> Door:
        principal = self.study.principal(self.study.clients[client])
        return self.access.door(replace(principal, study=study or self.study.id), request="r1")

    def acting(self, role: Role, **changes: Any) -> tuple[Access, Principal]:
        """An installation whose study has this role too, and a client of the clinic with it."""
        study = replace(self.study, roles={**self.study.roles, role.name: role})
        access = Access(self.store, self.trail, {study.id: study}, lambda: self.now, ScopeLimits(self.parameters))
        principal = self.study.principal(self.study.clients["ehr-app"])
        return access, replace(principal, role=role.name, scopes=changes.pop("scopes", role.scopes), **changes)

    def events(self, after: int = 0) -> list[Event]:
        """The audit events, oldest first, once all that waits is written."""
        self.trail.record(self.marker())
        rows = [loads(row.event) for row in self.store.rows(self.study.id, after)]
        return [Event(**{**row, "targets": tuple(row["targets"])}) for row in rows if row["operation"] != "marker"]

    def marker(self) -> Event:
        return Event(self.now, self.study.id, "E", "marker", "success", "", "", "", "")


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return Parameters(r4())


@pytest.fixture(scope="session")
def study() -> Study:
    return Study.load(FOLDER)


@contextmanager
def opened(url: str, study: Study, parameters: Parameters) -> Iterator[World]:
    """A world on the database at `url`, closed afterwards."""
    found = World(url, study, parameters)
    try:
        yield found
    finally:
        found.close()


class Kept:
    """A closed world as it was: `restore` makes its database again what it was, and here is what its store remembers
    of it. To make one takes longer than most tests."""

    def __init__(self, world: World, restore: Callable[[], None]) -> None:
        self.world = world
        self._restore = restore
        self._memory = [(one, name, copy(value)) for one, name, value in _memory(world.store)]

    def restored(self) -> World:
        """The world as it was, opened."""
        self._restore()
        for one, name, value in self._memory:
            setattr(one, name, copy(value))
        self.world.begin()
        return self.world


def kept_file(file: Path) -> Callable[[], None]:
    """A function that makes the SQLite file again what it is now."""
    kept = file.with_name("kept.db")
    shutil.copyfile(file, kept)

    def restore() -> None:
        for rest in file.parent.glob(f"{file.name}-*"):
            rest.unlink()
        shutil.copyfile(kept, file)

    return restore


def _memory(store: SqlStore) -> Iterator[tuple[object, str, Any]]:
    """Whatever changes in the parts of a store."""
    pending: list[object] = [store]
    for one in pending:
        for name, value in getattr(one, "__dict__", {}).items():
            if isinstance(value, set | dict | list):
                yield one, name, value
            elif type(value).__module__.startswith("gateway.store") and value not in pending:
                pending.append(value)


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory: pytest.TempPathFactory, study: Study, parameters: Parameters) -> Iterator[Kept]:
    """A world in which nothing has happened since its participants were enrolled."""
    file = tmp_path_factory.mktemp("world") / "gateway.db"
    with opened(f"sqlite:///{file}", study, parameters) as found:
        found.close()
        yield Kept(found, kept_file(file))


@pytest.fixture(scope="session")
def enrolled_on_postgres(
    postgres_server: str, postgres_of_worlds: str, study: Study, parameters: Parameters
) -> Iterator[Kept]:
    """The same on PostgreSQL."""
    with opened(postgres_of_worlds, study, parameters) as found:
        found.close()
        with postgres.kept(postgres_server, postgres_of_worlds) as restore:
            yield Kept(found, restore)


@pytest.fixture(scope="session")
def postgres_of_worlds(postgres_server: str) -> Iterator[str]:
    """The URL of the database that is each test's in turn."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture
def world(enrolled: Kept) -> Iterator[World]:
    found = enrolled.restored()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def new_world(new_sqlite_url: str, study: Study, parameters: Parameters) -> Iterator[World]:
    """A world whose file is in the folder of this test."""
    with opened(new_sqlite_url, study, parameters) as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def either_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world on each of the two databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    found = request.getfixturevalue("enrolled_on_postgres").restored()
    try:
        yield found
    finally:
        found.close()
