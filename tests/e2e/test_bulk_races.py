"""Exports under way: a participant withdraws, a process is killed, the disk is full, a client goes away."""

import json
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.access import Write
from gateway.app import Gateway, build, bulk_worker
from gateway.core.clock import Clock, system_clock
from gateway.core.errors import NotFound, TooManyRequests, Unavailable
from gateway.core.export_job import ExportJob
from gateway.core.resources import Key
from gateway.core.types import Resource
from gateway.export.bulk import Bulk, Worker, state_of
from gateway.export.bulk.request import ExportRequest
from gateway.ingest import enrol
from gateway.settings import Settings
from gateway.study import withdraw
from tests import warm
from tests.e2e.http_gateway import REGISTRAR, STUDY, observation

ROUNDS = {"sqlite": 200, "postgresql": 50}
REQUEST = ExportRequest("http://gateway.test/$export", ("Observation",), ("system/*.rs",), "")


class Served:
    """A gateway without HTTP, its worker making small files."""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.gateway: Gateway = build(settings, clock)
        self.study = self.gateway.studies[STUDY]
        self.researcher = self.study.principal(self.study.clients["research"])
        self.other = self.study.principal(self.study.clients["norte-research"])
        self.door = self.gateway.access.door(self.study.principal(self.study.clients[REGISTRAR]))
        enrol(self.door, self.study)
        self.patients = [one.patient for one in self.study.participants if one.consent == "all" and not one.withdrawn]

    def worker(self, rows: int = 20) -> Worker:
        return replace(bulk_worker(self.gateway, lambda: None), part_rows=rows)

    def fill(self, count: int) -> None:
        made = [observation(f"o-{n:05}", self.patients[n % 3], 1 + n % 28) for n in range(count)]
        for start in range(0, count, 500):
            self.door.commit(made[start : start + 500])

    def consent_of(self, patient: str) -> Resource:
        for row in self.door.stream("Consent"):
            tree: Resource = json.loads(row.body)
            if tree["patient"]["reference"] == f"Patient/{patient}":
                return tree
        raise AssertionError(patient)

    def give(self, consent: Resource) -> None:
        """Writes a Consent over the version that is there."""
        there = self.gateway.store.read(Key(self.study.id, "Consent", consent["id"]), None)
        self.door.commit([Write(consent, if_match=there.version if there else 0)])

    def content(self, bulk: Bulk, job: ExportJob) -> bytes:
        found = bulk.job(self.researcher, job.id)
        return b"".join(b"".join(bulk.open(self.researcher, found, one.name)) for one in bulk.outputs(found))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(Settings(data_dir=tmp_path))
    yield made
    made.gateway.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The same on each of the databases."""
    settings = Settings(data_dir=tmp_path)
    if request.param == "postgresql":
        url = SecretStr(request.getfixturevalue("new_postgres_url"))
        settings = settings.model_copy(update={"database_url": url})
    made = Served(settings)
    yield made
    made.gateway.close()


def test_no_download_that_begins_after_a_withdrawal_holds_the_participant(stored: Served) -> None:
    """Each round one participant withdraws or comes back, somewhere in an export that runs beside."""
    stored.fill(60)
    worker = stored.worker()
    bulk, chance = worker.bulk, random.Random(20261122)
    leaver = stored.patients[0]
    given = stored.consent_of(leaver)
    taken = withdraw(given, "no-further-use", "2026-01-01T00:00:00Z")
    held, rounds = 0, ROUNDS[stored.gateway.store.database.engine.name]
    for _ in range(rounds):
        stored.give(given)
        job = bulk.start(stored.researcher, REQUEST)
        gone = threading.Event()
        pause = chance.uniform(0, 0.03)

        def leave(gone: threading.Event = gone, pause: float = pause) -> None:
            threading.Event().wait(pause)
            stored.gateway.access.door(stored.door.principal).commit([taken])
            gone.set()

        thread = threading.Thread(target=leave)
        thread.start()
        assert worker.work()
        begun_after = gone.is_set()
        try:
            content = stored.content(bulk, job)
        except Unavailable:
            content = b""  # Consents changed in the middle: no whole file came
        held += leaver.encode() in content
        assert not (begun_after and leaver.encode() in content)
        thread.join()
        assert leaver.encode() not in stored.content(bulk, job)
        bulk.cancel(stored.researcher, job.id)
    assert held < rounds


def test_a_download_ends_when_a_consent_changes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.export.bulk.exports.CHUNK", 1_000)
    served.fill(60)
    worker = served.worker(1_000)
    bulk = worker.bulk
    job = bulk.start(served.researcher, REQUEST)
    assert worker.work()
    job = bulk.job(served.researcher, job.id)
    (output,) = bulk.outputs(job)
    data = bulk.open(served.researcher, job, output.name)
    assert next(data)
    served.door.commit([withdraw(served.consent_of(served.patients[0]), "no-further-use", "2026-01-01T00:00:00Z")])
    with pytest.raises(Unavailable):
        next(data)
    content = served.content(bulk, job)
    assert served.patients[0].encode() not in content
    assert content.count(b"\n") == 40


def test_a_client_that_goes_away_in_mid_file_leaves_it_to_the_next(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.export.bulk.exports.CHUNK", 1_000)
    served.fill(60)
    worker = served.worker(1_000)
    job = worker.bulk.start(served.researcher, REQUEST)
    assert worker.work()
    job = worker.bulk.job(served.researcher, job.id)
    (output,) = worker.bulk.outputs(job)
    data = worker.bulk.open(served.researcher, job, output.name)
    part = next(data)
    data.close()  # type: ignore[attr-defined]  # as the server does when the connection is gone
    whole = served.content(worker.bulk, job)
    assert len(part) < len(whole)
    assert whole.startswith(part)
    assert whole.count(b"\n") == 60


def test_what_became_visible_leaves_with_the_next_export(served: Served) -> None:
    served.fill(6)
    worker = served.worker()
    given = served.consent_of(served.patients[0])
    served.door.commit([withdraw(given, "no-further-use", "2026-01-01T00:00:00Z")])
    at = datetime.now(UTC).isoformat()
    since = replace(REQUEST, since=at)
    job = worker.bulk.start(served.researcher, since)
    assert worker.work()
    assert served.content(worker.bulk, job) == b""
    served.give(given)
    job = worker.bulk.start(served.researcher, since)
    assert worker.work()
    assert served.content(worker.bulk, job).count(b"\n") == 2


def test_one_export_of_a_client_runs_at_a_time(served: Served) -> None:
    bulk = served.worker().bulk
    outcomes: list[bool] = []

    def start() -> None:
        try:
            bulk.start(served.researcher, REQUEST)
            outcomes.append(True)
        except TooManyRequests:
            outcomes.append(False)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]
    bulk.start(served.other, REQUEST)


def test_two_workers_do_an_export_once(served: Served) -> None:
    served.fill(200)
    first, second = served.worker(), served.worker()
    job = first.bulk.start(served.researcher, REQUEST)
    done: list[bool] = []
    threads = [threading.Thread(target=lambda one=one: done.append(one.work())) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
    assert served.content(first.bulk, job).count(b"\n") == 200


def test_an_export_that_is_ended_while_it_runs_leaves_nothing(stored: Served) -> None:
    stored.fill(2_500)
    worker = stored.worker(100)
    job = worker.bulk.start(stored.researcher, REQUEST)
    seen: list[bool] = []

    def over() -> bool:
        if not seen:
            seen.append(True)
            worker.bulk.cancel(stored.researcher, job.id)
        return False

    assert worker.work(over)
    assert not worker.bulk.folder_of(job).path.exists()
    with pytest.raises(NotFound):
        worker.bulk.job(stored.researcher, job.id)


def test_a_withdrawal_while_it_is_written_takes_the_participant_out(stored: Served) -> None:
    stored.fill(300)
    worker, gone, looks = stored.worker(), stored.patients[1], iter(range(1_000))

    def is_over() -> bool:
        if next(looks) == 5:
            stored.door.commit([withdraw(stored.consent_of(gone), "no-further-use", "2026-06-01T00:00:00Z")])
        return False

    job = worker.bulk.start(stored.researcher, REQUEST)
    assert worker.work(is_over)
    content = stored.content(worker.bulk, job)
    assert next(looks) > 5
    assert gone.encode() not in content
    assert content.count(b"\n") == 200


def test_a_process_that_stops_gives_its_export_back(stored: Served) -> None:
    stored.fill(300)
    worker, count = stored.worker(), 0

    def over() -> bool:
        nonlocal count
        count += 1
        return count == 5

    job = worker.bulk.start(stored.researcher, REQUEST)
    assert worker.work(over)
    assert worker.bulk.job(stored.researcher, job.id).status == "running"
    assert stored.worker().work()
    assert stored.content(worker.bulk, job).count(b"\n") == 300


def test_a_full_disk_is_told_and_leaves_nothing(served: Served) -> None:
    served.fill(50)
    worker = served.worker()
    job = worker.bulk.start(served.researcher, REQUEST)
    blocked = worker.bulk.folder_of(job).path.parent
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_bytes(b"")  # a file where a folder must be
    assert worker.work()
    found = worker.bulk.job(served.researcher, job.id)
    assert (found.status, state_of(found.state).reason) == ("failed", "export.disk")
    blocked.unlink()


def test_an_expired_export_is_gone(served: Served) -> None:
    served.fill(5)
    worker = served.worker()
    job = worker.bulk.start(served.researcher, REQUEST)
    assert worker.work()
    found = worker.bulk.job(served.researcher, job.id)
    late = replace(worker.bulk, clock=lambda: found.expires)
    with pytest.raises(NotFound):
        late.job(served.researcher, job.id)
    worker.bulk.tend(found.expires)
    assert not worker.bulk.folder_of(job).path.exists()


def test_fewer_scopes_since_then_mean_fewer_files(served: Served) -> None:
    worker = served.worker()
    request = replace(REQUEST, types=("Observation", "Patient"))
    job = worker.bulk.start(served.researcher, request)
    assert worker.work()
    found = worker.bulk.job(served.researcher, job.id)
    assert (found.status, state_of(found.state).reason) == ("failed", "auth.scope")


def test_a_killed_export_comes_out_the_same(stored: Served) -> None:
    stored.fill(1_500)
    worker = stored.worker(100)
    job = worker.bulk.start(stored.researcher, REQUEST)
    assert worker.work()
    expected = sha256(stored.content(worker.bulk, job)).hexdigest()
    job = worker.bulk.start(stored.researcher, REQUEST)
    chance = random.Random(7)
    for hours in range(2):
        run_and_kill(stored.settings, chance.randint(2, 6), hours)
    found = worker.bulk.job(stored.researcher, job.id)
    assert found.status == "running"
    assert len(state_of(found.state).parts) > 2
    later = replace(worker.bulk, clock=lambda: datetime.fromtimestamp(datetime.now(UTC).timestamp() + 5 * 3600, UTC))
    assert replace(worker, bulk=later).work()
    found = worker.bulk.job(stored.researcher, job.id)
    assert found.status == "done"
    assert sha256(stored.content(worker.bulk, job)).hexdigest() == expected
    stems = {part.stem for part in state_of(found.state).parts}
    names = {path.name.partition(".")[0] for path in worker.bulk.folder_of(job).path.iterdir()}
    assert names == stems


def run_and_kill(settings: Settings, parts: int, hours: int) -> None:
    """Another process takes the export up, and is killed after some files."""
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(settings.data_dir)}
    if settings.database_url:
        environment["GATEWAY_DATABASE_URL"] = settings.database_url.get_secret_value()
    process = warm.start("tests.e2e.exporter", str(parts), str(hours), environment=environment)
    assert process.stdout
    assert process.stdout.readline() == "now\n"
    process.kill()
    process.wait()
    process.stdout.close()


def test_files_of_who_lost_the_right_are_removed(served: Served) -> None:
    served.fill(5)
    worker = served.worker()
    job = worker.bulk.start(served.researcher, REQUEST)
    assert worker.work()
    folder = worker.bulk.folder_of(job).path
    left = folder / "unfinished-x"
    left.write_bytes(served.patients[0].encode())
    os.utime(left, (0, 0))
    worker.bulk.tend(datetime.now(UTC))
    assert len(list(folder.iterdir())) == 1
    served.door.commit([withdraw(served.consent_of(served.patients[0]), "no-further-use", "2026-01-01T00:00:00Z")])
    gone = replace(worker.bulk, client_of=lambda _study, _client: None)
    gone.tend(datetime.now(UTC))
    assert not folder.exists()
