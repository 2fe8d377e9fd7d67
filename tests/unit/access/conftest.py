"""The demo study in a real store on SQLite, its participants enrolled, and doors of its clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.access import Access, Door, ScopeLimits
from gateway.audit import AuditTrail, chain
from gateway.consent import grant_compiler
from gateway.core.codec import loads
from gateway.core.event import Event
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.store.sql import SqlStore
from gateway.study import Participant, Study

KEY = b"the key of these tests"
FOLDER = Path(__file__).parents[3] / "profiles" / "studies" / "hf-dct-01"


class World:
    """One installation; time stands still at `now` until a test moves it."""

    def __init__(self, url: str, study: Study, parameters: Parameters) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self.study = study
        other = replace(study, id="other-02")
        studies = {study.id: study, other.id: other}
        self.store = SqlStore.open(
            url,
            parameters=parameters,
            compile_grants=grant_compiler(studies),
            chain=chain(KEY),
            clock=lambda: self.now,
        )
        self.store.migrate()
        self.trail = AuditTrail(self.store, KEY)
        self.access = Access(self.store, self.trail, studies, lambda: self.now, ScopeLimits(parameters))
        for person in (self.person("101-001"), self.person("201-001")):
            self.door("registrar").commit(self.enrolment_of(person))
        self.door("registrar").commit(
            [entry for entry in study.enrolment() if entry["resourceType"] in ("Organization", "ResearchStudy")]
        )

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

    def door(self, client: str, study: str | None = None) -> Door:
        principal = self.study.principal(self.study.clients[client])
        return self.access.door(replace(principal, study=study or self.study.id), request="r1")

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
        found.trail.close()
        found.store.close()


@pytest.fixture
def world(new_sqlite_url: str, study: Study, parameters: Parameters) -> Iterator[World]:
    with opened(new_sqlite_url, study, parameters) as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def either_world(request: pytest.FixtureRequest, study: Study, parameters: Parameters) -> Iterator[World]:
    """A world on each of the two databases."""
    with opened(request.getfixturevalue(f"new_{request.param}_url"), study, parameters) as found:
        yield found
