"""A disk that fills up while something is answered: no byte of anybody leaves whose event is not on it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.app import Gateway, build, bulk_worker
from gateway.core import dumps
from gateway.core.codec import loads
from gateway.core.errors import Unavailable
from gateway.core.types import Resource
from gateway.export.bulk.request import ExportRequest
from gateway.export.bulk.running import LEASE_SECONDS
from gateway.export.ndjson import export
from gateway.ingest import enrol
from gateway.settings import Settings
from gateway.store.batches import BATCH
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, serving

ROOMY: Final = 1_000_000
ENOUGH: Final = 8
"""More events than any answer takes."""

EXPORT: Final = ExportRequest("http://gateway.test/$export", ("Observation",), ("system/*.rs",), "")
FHIR: Final = {"Content-Type": "application/fhir+json"}

ENTRIES: Final = [{"request": {"method": "GET", "url": f"Observation/seen-{n}"}} for n in (0, 1)]
BATCHED: Final = dumps({"resourceType": "Bundle", "type": "batch", "entry": ENTRIES})
REQUESTS: Final[dict[str, Callable[[Http, str], Any]]] = {
    "read": lambda http, _: http.get("/Observation/seen-0"),
    "search": lambda http, _: http.get("/Observation?_count=5"),
    "search with what it refers to": lambda http, _: http.get("/Observation?_include=Observation:subject"),
    "history": lambda http, _: http.get("/Observation/_history"),
    "everything": lambda http, patient: http.get(f"/Patient/{patient}/$everything"),
    "the newest": lambda http, patient: http.get(f"/Observation/$lastn?patient={patient}"),
    "a batch": lambda http, _: http.ask("POST", BASE, "ehr-app", content=BATCHED, headers=FHIR),
}


class Disk:
    """The database of a gateway, which has room for so many audit events more."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._engine = gateway.store.database.engine
        study = gateway.studies[STUDY]
        self.people = [one.patient for one in study.participants if one.consent == "all" and not one.withdrawn][:2]
        with self._engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE room (events INTEGER)")
            connection.exec_driver_sql(f"INSERT INTO room VALUES ({ROOMY})")
            connection.exec_driver_sql(
                """CREATE TRIGGER room BEFORE INSERT ON audit_event BEGIN
                   SELECT RAISE(ABORT, 'database or disk is full') FROM room WHERE events = 0;
                   UPDATE room SET events = events - 1; END"""
            )

    def room(self, events: int) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE room SET events = {events}")

    def count(self) -> int:
        """How many events are on it."""
        last = self._gateway.store.last(STUDY)
        return last.sequence if last else 0

    def told(self, after: int) -> set[str]:
        """The participants whose data events behind the first `after` say were served."""
        events = [loads(row.event) for row in self._gateway.store.rows(STUDY, after)]
        return {patient for one in events if one["outcome"] == "success" for patient in one["patients"]}

    def people_in(self, left: bytes) -> set[str]:
        return {patient for patient in self.people if patient.encode() in left}

    def observations(self, *counts: int) -> list[Resource]:
        return [
            observation(f"seen-{number}" if n == 0 else f"o-{number}-{n:04}", patient)
            for number, (patient, count) in enumerate(zip(self.people, counts, strict=True))
            for n in range(count)
        ]


def test_no_answer_tells_of_anybody_without_an_event(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        disk = Disk(http.gateway)
        for written in disk.observations(1, 1):
            assert http.put(written).status_code == 201
        for name, request in REQUESTS.items():
            for room in range(ENOUGH):
                before = disk.count()
                disk.room(room)
                answer = request(http, disk.people[0])
                disk.room(ROOMY)
                left, is_whole = disk.people_in(answer.content), is_success(answer)
                assert left <= disk.told(before), (name, room)
                assert not (room == 0 and (left or is_whole)), name
                if is_whole:
                    break
            assert is_whole, name
            assert disk.people[0] in left, name


def is_success(answer: Any) -> bool:
    return answer.status_code == 200 and b'"503' not in answer.content


class Exporting:
    """A gateway without HTTP whose first participant has more data than leave at once; time goes on when told."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)
        self.gateway = build(Settings(data_dir=folder), lambda: self.now)
        study = self.gateway.studies[STUDY]
        self.researcher = study.principal(study.clients["research"])
        self.door = self.gateway.access.door(study.principal(study.clients[REGISTRAR]))
        enrol(self.door, study)
        self.disk = Disk(self.gateway)
        self.door.commit(self.disk.observations(BATCH, 1))


@pytest.fixture
def exporting(tmp_path: Path) -> Iterator[Exporting]:
    made = Exporting(tmp_path / "data")
    yield made
    made.gateway.close()


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_an_export_ends_where_the_disk_is_full_and_goes_on_when_it_is_not(exporting: Exporting) -> None:
    disk, worker = exporting.disk, replace(bulk_worker(exporting.gateway, lambda: None), part_rows=100)
    before = disk.count()
    job = worker.bulk.start(exporting.researcher, EXPORT)
    folder = worker.bulk.folder_of(job).path
    people: list[set[str]] = []
    for room in range(3):
        disk.room(room)
        with pytest.raises(Unavailable):
            worker.work()
        disk.room(ROOMY)
        written = disk.people_in(everything_in(folder))
        assert written <= disk.told(before)
        people.append(written)
        assert worker.bulk.job(exporting.researcher, job.id).status == "running"
        exporting.now += timedelta(seconds=LEASE_SECONDS + 1)
    assert people == [set(), set(), {disk.people[0]}]
    assert worker.work()
    done = worker.bulk.job(exporting.researcher, job.id)
    outputs = worker.bulk.outputs(done)
    assert sum(one.count for one in outputs) == BATCH + 1
    disk.room(0)
    with pytest.raises(Unavailable):
        worker.bulk.open(exporting.researcher, done, outputs[0].name)


def test_a_file_that_the_disk_cannot_account_for_does_not_appear(exporting: Exporting, tmp_path: Path) -> None:
    disk, folder = exporting.disk, tmp_path / "exported"
    folder.mkdir()
    door = exporting.gateway.access.door(exporting.researcher)
    for room in range(4):
        disk.room(room)
        with pytest.raises(Unavailable):
            export(door, folder, ("Observation",), exporting.now)
        assert everything_in(folder) == b"", room
        disk.room(ROOMY)
    assert export(door, folder, ("Observation",), exporting.now).outputs[0].count == BATCH + 1
    assert disk.people_in(everything_in(folder)) == set(disk.people)
