"""What the contract tests of the store share: a store that notes its statements, small resources, test grants."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import Executable
from sqlalchemy.event import listen

from gateway.core import Resource, dumps
from gateway.core.event import AuditRow, Event
from gateway.core.instants import micros
from gateway.core.resources import Change, Grant, Key, Placement, Unit, Visibility
from gateway.definitions import r4
from gateway.search import Parameters, Query
from gateway.store import Found, Page
from gateway.store.sql import SqlStore
from gateway.store.sql.database import Database, Prepared

PARAMETERS = Parameters(r4())
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@dataclass
class Hand:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Noted:
    """Every statement that was compiled."""

    statements: list[Executable] = field(default_factory=list)


class NotingDatabase(Database):
    """A database that notes every statement it prepares."""

    noted: Noted

    def prepare(self, statement: Executable, *, spelled: bool = False) -> Prepared:
        self.noted.statements.append(statement)
        return super().prepare(statement, spelled=spelled)


def open_store(url: str, clock: Hand | None = None, noted: Noted | None = None) -> SqlStore:
    """A migrated store; its Consents carry their grants in the element `grants`."""
    database = NotingDatabase.open(url)
    assert isinstance(database, NotingDatabase)
    database.noted = kept = noted or Noted()
    listen(
        database.engine, "before_execute", lambda _connection, statement, *_rest: kept.statements.append(statement)
    )
    store = SqlStore(database, PARAMETERS, grants_of_consents, chain, clock or Hand())
    store.migrate()
    return store


def grants_of_consents(_study: str, subject: str, consents: Sequence[Resource]) -> list[Grant]:
    """All grants of the active Consents, unless one of them is a dissent."""
    if any(consent["status"] == "active" and consent.get("dissent") for consent in consents):
        return []
    active = [consent for consent in consents if consent["status"] == "active"]
    return [Grant(subject=subject, **grant) for consent in active for grant in consent.get("grants", [])]


def chain(previous: bytes, event: Event, sequence: int) -> AuditRow:
    """A plain hash chain."""
    text = dumps({**structs.asdict(event), "at": event.at.isoformat()})
    return AuditRow(event.study, sequence, micros(event.at), text, hashlib.sha256(previous + text).digest())


def consent(id: str, patient: str, *grants: dict[str, Any], status: str = "active", **more: Any) -> Resource:
    """A Consent that gives `grants`; without any it gives everything."""
    everything = {"grantee": "*", "domain": "*", "action": "*", "purpose": "*"}
    given = [everything | grant for grant in grants] or [everything]
    reference = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Consent", "id": id, "status": status, "patient": reference, "grants": given, **more}


def observation(id: str, patient: str = "p1", **more: Any) -> Resource:
    """A small heart rate."""
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-06-01T08:00:00Z",
        **more,
    }


def change(study: str, resource: Resource, *, if_match: int | None = None, **placement: Any) -> Change:
    """A write, placed with the patient it names and the domain `heart` unless told otherwise."""
    named = resource.get("subject") or resource.get("patient")
    subjects = (named["reference"].split("/")[-1],) if named else ()
    placed = structs.replace(Placement(subjects, ("heart",)), **placement)
    return Change(Key(study, resource["resourceType"], resource["id"]), resource, placed, if_match)


def unit(study: str, *resources: Resource, **more: Any) -> Unit:
    """A unit of plain writes."""
    return Unit(study, tuple(change(study, resource) for resource in resources), **more)


def reader(study: str, organisation: str = "org", **more: Any) -> Visibility:
    """A researcher's eyes."""
    return structs.replace(Visibility(study, organisation, "access", "HRESCH", micros(NOW)), **more)


def searched(store: SqlStore, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
    """A page of a search; the brief ways to the same page, and to how many match, must find the same, where they find
    anything."""
    found = store.search(query, study, visibility, page)
    brief = store.search_briefly(replace(query, total=""), study, visibility, page)
    if brief is not None:
        shown = [(brief.type, *row) for row in zip(brief.ids, brief.versions, brief.bodies, strict=True)]
        assert shown == [(row.key.type, row.key.id, row.version, row.body) for row in found.rows]
        assert brief.next == found.next
        assert len(brief.included) == len(found.included)
        assert set(brief.included) == set(found.included)
        assert not found.is_cut
    counted = replace(query, total="accurate", includes=(), count=0)
    count = store.search_briefly(counted, study, visibility, Page(0))
    if count is not None:
        assert count.total == store.search(counted, study, visibility, Page(0)).total
        assert not count.ids
    return found


def event(study: str, operation: str = "read", at: datetime = NOW) -> Event:
    """An audit event."""
    return Event(at, study, "R", operation, "success", "client", "org", "researcher", "HRESCH")
