"""Made-up trials of any size, written once into a database and kept: what searches are measured on.

`python -m benchmarks prepare --size N` makes one ahead of time. Participants grow with the Observations (one for
100), so that what one participant has stays the same; codes, dates and values are spread by a fixed seed.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import event

from gateway.core import dumps
from gateway.core.clock import system_clock
from gateway.core.event import AuditRow, Event
from gateway.core.resources import Change, Grant, Key, Placement, Unit
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.store.sql import SqlStore
from gateway.store.sql.index.state import SCHEME
from gateway.store.sql.migrate import SCHEMA_VERSION

STUDY = "benchmark"
PER_PATIENT = 100
START = datetime(2024, 1, 1, tzinfo=UTC)
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CODES = (("8867-4", "/min", 60, 40), ("59408-5", "%", 40, 5), ("29463-7", "kg", 60, 20), ("8310-5", "Cel", 36, 15),
         ("55423-8", "/d", 1000, 12), ("33762-6", "pg/mL", 100, 2), ("2339-0", "mg/dL", 70, 6))  # fmt: skip
"""LOINC code, unit, lowest value, and how many in a hundred Observations have it."""
FAMILIES = ("Adler", "Berg", "Costa", "Dubois")
BATCH = 500


def parameters() -> Parameters:
    """What the product indexes by default."""
    return Parameters(r4(), without=("_content",))


def open_store(url: str) -> SqlStore:
    """A migrated store whose every Consent permits everything to everybody."""
    store = SqlStore.open(url, parameters=parameters(), compile_grants=_grants, chain=_chain, clock=system_clock)
    store.migrate()
    return store


def _grants(_study: str, subject: str, consents: Sequence[Any]) -> list[Grant]:
    return [Grant(subject, "*", "*", "*", "*") for _ in consents[:1]]


def _chain(_previous: bytes, event: Event) -> AuditRow:
    return AuditRow(event.study, 0, 0, dumps({}), b"")


def patient_id(number: int) -> str:
    """The id of a participant."""
    return f"p{number:06}"


def resources(size: int) -> Iterator[tuple[dict[str, Any], str]]:
    """The resources of a trial with `size` Observations, each with the participant it is about."""
    random_ = random.Random(7)
    for patient in range(max(2, size // PER_PATIENT)):
        who = patient_id(patient)
        yield from ((one, who) for one in _person(patient, who, random_))
        yield from ((one, who) for one in _visits(patient, who))
        for number in range(PER_PATIENT):
            yield _observation(patient, number, who, random_), who


def _subject(who: str) -> dict[str, str]:
    return {"reference": f"Patient/{who}"}


def _person(patient: int, who: str, random_: random.Random) -> Iterator[dict[str, Any]]:
    family = f"{FAMILIES[patient % len(FAMILIES)]}{patient // len(FAMILIES)}"
    yield {
        "resourceType": "Patient", "id": who, "gender": ("male", "female")[patient % 2],
        "identifier": [{"system": "urn:subject", "value": who}], "name": [{"family": family, "given": ["Ann"]}],
        "birthDate": f"{random_.randrange(1935, 2000)}-0{random_.randrange(1, 10)}-15",
    }  # fmt: skip
    yield {"resourceType": "Consent", "id": f"c-{who}", "status": "active", "patient": _subject(who)}
    yield {"resourceType": "Device", "id": f"d-{who}", "patient": _subject(who), "manufacturer": "Maker"}
    yield {"resourceType": "ResearchSubject", "id": f"rs-{who}",
           "status": ("on-study", "off-study")[patient % 3 == 0],
           "study": {"reference": f"ResearchStudy/{STUDY}"},
           "individual": _subject(who)}  # fmt: skip


def _visits(patient: int, who: str) -> Iterator[dict[str, Any]]:
    for visit in range(6):
        day = (START + timedelta(days=90 * visit + patient % 30)).date().isoformat()
        yield {"resourceType": "Encounter", "id": f"e-{who}-{visit}", "status": "finished", "subject": _subject(who),
               "class": {"code": "AMB"},
               "period": {"start": f"{day}T08:00:00Z", "end": f"{day}T09:00:00Z"}}  # fmt: skip
        yield {"resourceType": "QuestionnaireResponse", "id": f"q-{who}-{visit}", "status": "completed",
               "questionnaire": "http://example.org/Questionnaire/kccq", "subject": _subject(who),
               "authored": f"{day}T09:00:00Z"}  # fmt: skip
        results = [{"reference": f"Observation/o-{who}-{visit * 10 + number}"} for number in range(3)]
        yield {"resourceType": "DiagnosticReport", "id": f"r-{who}-{visit}", "status": "final",
               "code": {"text": "Lab"}, "subject": _subject(who), "result": results,
               "effectiveDateTime": f"{day}T10:00:00Z"}  # fmt: skip


def _observation(patient: int, number: int, who: str, random_: random.Random) -> dict[str, Any]:
    code, unit, lowest, _ = random_.choices(CODES, [one[-1] for one in CODES])[0]
    at = START + timedelta(seconds=random_.randrange(0, 700 * 86_400))
    made: dict[str, Any] = {
        "resourceType": "Observation", "id": f"o-{who}-{number}", "status": "final",
        "identifier": [{"system": "urn:observation", "value": f"{patient}-{number}"}],
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "vital-signs" if code != "33762-6" else "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": code}]}, "subject": _subject(who),
        "effectiveDateTime": at.isoformat().replace("+00:00", "Z"),
        "valueQuantity": {"value": lowest + random_.randrange(100), "unit": unit, "system": UCUM, "code": unit},
    }  # fmt: skip
    if number % 2:
        made["device"] = {"reference": f"Device/d-{who}"}
    if number % 10 == 0:
        made["meta"] = {"tag": [{"code": "rwd"}]}
    return made


def fill(store: SqlStore, size: int) -> None:
    """Writes the trial in units of 500 resources."""
    waiting = resources(size)
    while batch := list(islice(waiting, BATCH)):
        store.commit(Unit(STUDY, tuple(_change(one, who) for one, who in batch)))


def _change(resource: dict[str, Any], who: str) -> Change:
    return Change(Key(STUDY, resource["resourceType"], resource["id"]), resource, Placement((who,), ("",)))


def _hurry(driver: Any, _record: object) -> None:
    """A file that is thrown away when the machine fails needs no flush, and few checkpoints."""
    for pragma in ("synchronous=OFF", "wal_autocheckpoint=50000", "cache_size=-400000"):
        driver.execute(f"PRAGMA {pragma}").fetchall()


def sqlite_file(size: int, folder: Path) -> Path:
    """The database file of a trial, made when there is none of today's schema and search parameters."""
    path = folder / f"trial-{size}-{SCHEMA_VERSION}-{SCHEME}-{parameters().digest[:8]}.db"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        for old in folder.glob(f"trial-{size}-*"):
            old.unlink()
        store = open_store(f"sqlite:///{unfinished}")
        event.listen(store.database.engine, "connect", _hurry)
        store.database.engine.dispose()
        fill(store, size)
        store.close()
        unfinished.rename(path)
    return path
