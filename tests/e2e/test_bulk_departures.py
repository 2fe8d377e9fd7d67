"""Exports since an instant: a client that applies them holds what it may have, and learns of nothing else."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.access import Delete
from gateway.core.codec import loads
from gateway.core.errors import NotFound
from gateway.core.export_job import ExportJob
from gateway.core.instants import format_instant
from gateway.core.principal import Principal
from gateway.core.types import Resource
from gateway.export.bulk import Bulk
from gateway.export.bulk.request import ExportRequest
from gateway.settings import Settings
from gateway.study import withdraw
from tests.e2e.http_gateway import observation
from tests.e2e.test_bulk_races import REQUEST, Served

ROUNDS = 25


class Ticking:
    """A clock that goes on by a millisecond whenever it is looked at, so that nothing happens at one instant."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(Settings(data_dir=tmp_path), Ticking())
    yield made
    made.gateway.close()


def now(served: Served) -> str:
    return format_instant(served.gateway.clock())


def consent_of(served: Served, person: str) -> Resource:
    """Also of who let nobody disclose it."""
    rows = served.gateway.store.stream("Consent", served.study.id, None)
    found: Iterator[Resource] = (loads(row.body) for row in rows)
    return next(one for one in found if one["patient"]["reference"] == f"Patient/{person}")


def exported(served: Served, request: ExportRequest, who: Principal | None = None) -> tuple[set[str], set[str], str]:
    """What an export brings, what it says to remove, as references; and its instant."""
    worker, reader = served.worker(3), who or served.researcher
    job = worker.bulk.start(reader, request)
    assert worker.work()
    job = worker.bulk.job(reader, job.id)
    brought, removed = told(worker.bulk, job, reader)
    worker.bulk.cancel(reader, job.id)
    return brought, removed, format_instant(job.created)


def told(bulk: Bulk, job: ExportJob, reader: Principal) -> tuple[set[str], set[str]]:
    brought, removed = set(), set()
    for one in bulk.outputs(job):
        for line in b"".join(bulk.open(reader, job, one.name)).splitlines():
            tree = json.loads(line)
            brought.add(f"{tree['resourceType']}/{tree['id']}")
    for one in bulk.outputs(job, deleted=True):
        for line in b"".join(bulk.open(reader, job, one.name)).splitlines():
            bundle = json.loads(line)
            assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
            for entry in bundle["entry"]:
                assert entry["request"]["method"] == "DELETE"
                assert set(entry) == {"request"}
                removed.add(entry["request"]["url"])
    return brought, removed


def test_whoever_applies_exports_holds_what_a_whole_one_gives(served: Served) -> None:
    """Resources come, change and go; participants withdraw and come back; after each round the copy is right."""
    chance = random.Random(20261122)
    people = served.patients[:3]
    given = {person: served.consent_of(person) for person in people}
    permits = dict.fromkeys(people, True)
    kept: dict[str, str] = {}
    shown: set[str] = set()
    whole, removed, at = exported(served, REQUEST)
    assert removed == set()
    for number in range(ROUNDS):
        for step in range(chance.randint(1, 4)):
            person = chance.choice(people)
            action = chance.choice(["new", "new", "amend", "delete", "turn"])
            identity = f"r-{number}-{step}"
            if action == "turn":
                permits[person] = not permits[person]
                gone = withdraw(given[person], "no-further-use", "2026-01-01T00:00:00Z")
                served.give(given[person] if permits[person] else gone)
            elif action == "new" and permits[person]:
                served.door.commit([observation(identity, person)])
                shown.add(f"Observation/{identity}")
                kept[identity] = person
            elif kept and action in ("amend", "delete"):
                identity, owner = chance.choice(sorted(kept.items()))
                if action == "delete":
                    served.door.commit([Delete("Observation", identity)])
                    del kept[identity]
                elif permits[owner]:
                    served.door.commit([observation(identity, owner) | {"status": "amended"}])
        brought, removed, later = exported(served, replace(REQUEST, since=at))
        assert not brought & removed
        expected, _, _ = exported(served, REQUEST)
        assert (whole - removed) | brought == expected
        assert removed <= shown
        whole, at = expected, later


def test_what_was_never_shown_is_not_told(served: Served) -> None:
    people = served.study.participants
    other = next(one.patient for one in people if one.consent == "norte-research-only" and not one.withdrawn)
    seen = served.patients[0]
    served.door.commit([observation("hidden", other), observation("seen", seen), observation("stays", seen)])
    at = now(served)
    served.door.commit([observation("brief", seen)])
    served.door.commit([Delete("Observation", one) for one in ("hidden", "seen", "brief")])
    since = replace(REQUEST, since=at)
    assert exported(served, since)[:2] == (set(), {"Observation/seen", "Observation/brief"})
    assert exported(served, since, served.other)[1] == {"Observation/seen", "Observation/brief", "Observation/hidden"}
    served.door.commit([withdraw(consent_of(served, other), "no-further-use", "2026-01-01T00:00:00Z")])
    assert exported(served, since)[1] == {"Observation/seen", "Observation/brief"}


def test_a_withdrawal_after_the_export_is_told_as_well(served: Served) -> None:
    person, other = served.patients[:2]
    served.door.commit([observation("a", person), observation("b", other)])
    at = now(served)
    served.door.commit([observation(one, who) | {"status": "amended"} for one, who in (("a", person), ("b", other))])
    worker = served.worker()
    job = worker.bulk.start(served.researcher, replace(REQUEST, since=at))
    assert worker.work()
    job = worker.bulk.job(served.researcher, job.id)
    assert told(worker.bulk, job, served.researcher) == ({"Observation/a", "Observation/b"}, set())
    assert worker.bulk.outputs(job, deleted=True) == []
    given = served.consent_of(person)
    served.door.commit([withdraw(given, "no-further-use", "2026-01-01T00:00:00Z")])
    assert told(worker.bulk, job, served.researcher) == ({"Observation/b"}, {"Observation/a"})
    served.give(given)
    brought, removed = told(worker.bulk, job, served.researcher)
    assert removed == set()
    assert brought == {"Observation/b"}  # what was taken out of a file comes with the next export, not into this one
    assert "Observation/a" in exported(served, replace(REQUEST, since=format_instant(job.created)))[0]


def test_only_what_was_asked_for_is_told(served: Served) -> None:
    first, second = served.patients[:2]
    served.door.commit([observation("a", first, 1), observation("b", second, 1), observation("c", first, 9)])
    at = now(served)
    served.door.commit([Delete("Observation", one) for one in "abc"])
    since = replace(REQUEST, since=at)
    assert exported(served, since)[1] == {"Observation/a", "Observation/b", "Observation/c"}
    assert exported(served, replace(since, patients=(first,)))[1] == {"Observation/a", "Observation/c"}
    assert exported(served, replace(since, filters=("Observation?date=lt2026-03-05",)))[1] == {
        "Observation/a",
        "Observation/b",
    }
    assert exported(served, replace(since, types=("ResearchStudy",)))[1] == set()
    assert exported(served, replace(since, until=at))[1] == set()


def test_permissions_that_ended_by_time_are_told(served: Served) -> None:
    """Without any write: the period of a Consent is over."""
    person, clock = served.patients[0], served.gateway.clock
    assert isinstance(clock, Ticking)
    ends = clock.now + timedelta(hours=1)
    consent = served.consent_of(person)
    period = {"start": "2026-01-01T00:00:00Z", "end": format_instant(ends)}
    served.give({**consent, "provision": {**consent["provision"], "period": period}})
    served.door.commit([observation("a", person)])
    at = now(served)
    assert exported(served, REQUEST)[0] == {"Observation/a"}
    clock.now = ends + timedelta(hours=1)
    assert exported(served, replace(REQUEST, since=at))[:2] == (set(), {"Observation/a"})


def test_what_is_removed_is_as_private_as_the_rest(served: Served) -> None:
    served.door.commit([observation("a", served.patients[0])])
    at = now(served)
    served.door.commit([Delete("Observation", "a")])
    worker = served.worker()
    job = worker.bulk.start(served.researcher, replace(REQUEST, since=at))
    assert worker.work()
    job = worker.bulk.job(served.researcher, job.id)
    (file,) = worker.bulk.outputs(job, deleted=True)
    with pytest.raises(NotFound):
        worker.bulk.job(served.other, job.id)
    gone = replace(worker.bulk, client_of=lambda _study, _client: None)
    served.door.commit([withdraw(served.consent_of(served.patients[1]), "no-further-use", "2026-01-01T00:00:00Z")])
    gone.tend(served.gateway.clock())
    assert not worker.bulk.folder_of(job).path.exists()
    assert file.type == "Bundle"


def test_files_are_served_before_the_end_to_who_asked_for_that(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.export.bulk.exports.FILES_AT_ONCE", 2)
    served.fill(100)
    for request, pages in ((replace(REQUEST, partial=True), 2), (REQUEST, 0)):
        worker, told_of = served.worker(20), iter(range(100))
        job = worker.bulk.start(served.researcher, request)
        assert worker.work(lambda told_of=told_of: next(told_of) == 3)  # type: ignore[misc]
        job = worker.bulk.job(served.researcher, job.id)
        assert job.status == "running"
        names = [one.name for one in worker.bulk.outputs(job, page=1)]
        assert len(names) == 2
        if pages:
            assert worker.bulk.pages(job) == pages
            assert b"".join(worker.bulk.open(served.researcher, job, names[0])).count(b"\n") == 20
        else:
            with pytest.raises(NotFound):
                worker.bulk.open(served.researcher, job, names[0])
        assert worker.work()
        job = worker.bulk.job(served.researcher, job.id)
        assert len(told(worker.bulk, job, served.researcher)[0]) == 100
        assert worker.bulk.pages(job) == 3
        worker.bulk.cancel(served.researcher, job.id)


@pytest.mark.parametrize("stop", range(6))
def test_blocks_go_on_behind_the_last_whole_file(served: Served, stop: int) -> None:
    served.fill(30)
    request = replace(REQUEST, types=("Observation", "Patient"), scopes=("system/*.rs",), organized="Patient")
    manager = served.study.principal(served.study.clients["data-manager"])
    worker, told_of = served.worker(12), iter(range(100))
    job = worker.bulk.start(manager, request)
    assert worker.work(lambda: next(told_of) == stop)
    assert worker.work() or stop > 2
    job = worker.bulk.job(manager, job.id)
    assert job.status == "done"
    lines = b"".join(
        b"".join(worker.bulk.open(manager, job, one.name)) for one in worker.bulk.outputs(job)
    ).splitlines()
    headers = [
        json.loads(line)["parameter"][0]["valueReference"]["reference"] for line in lines if b'"header"' in line
    ]
    patients = [f"Patient/{tree['id']}" for line in lines if (tree := json.loads(line))["resourceType"] == "Patient"]
    assert headers == patients
    assert len(set(headers)) == len(headers) > 3
    assert sum(b'"resourceType":"Observation"' in line for line in lines) == 30
