"""Two gateways that differ in hidden records alone, and everything that a reader may ask of both.

The clock stands still, so that every byte of an answer can be compared; aside are the request's id, the date, and the
cursor in a next link, which is a signed position. Hidden are: a participant who let another organisation alone
read, and one who withdrew.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.core.types import Resource
from gateway.export import export
from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, serving

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
READERS = ("ehr-app", "research")
SECRET_IDENTIFIER = "urn:test|only-hidden"

_ASIDE = re.compile(rb"_cursor=[^\"&]+")
_HEADERS_ASIDE = ("x-request-id", "date")
_NEXT = re.compile(rb'"relation":"next","url":"([^"]+)"')
_TYPES = (
    "Observation",
    "DiagnosticReport",
    "Specimen",
    "Device",
    "QuestionnaireResponse",
    "Patient",
    "Consent",
    "ResearchSubject",
    "Provenance",
)


@dataclass(frozen=True)
class Asked:
    """One request, as `reader`; `follow` goes through the pages of the answer."""

    reader: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    follow: bool = False

    @property
    def name(self) -> str:
        told = " ".join(f"{key}={value}" for key, value in self.headers)
        return f"{self.reader}: {self.method} {self.path} {told}".strip()


@contextmanager
def worlds() -> Iterator[tuple[Http, Http]]:
    """The world with hidden records, and the one without."""
    with ExitStack() as stack:
        made = []
        for hidden in (True, False):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            http = stack.enter_context(serving(Path(folder), lambda: NOW, page_size=3))
            _fill(http, hidden)
            made.append(http)
        yield made[0], made[1]


def hidden_ids() -> tuple[str, ...]:
    """Ids that exist in the first world only, and one that exists in none."""
    return ("h-other-1", "h-withdrawn-1", "never")


def _people(http: Http) -> tuple[str, str, str]:
    """The Patient ids of who is visible, who let another organisation alone read, and who withdrew."""
    people = http.gateway.studies[STUDY].participants
    seen, other = http.participant("all"), http.participant("norte-research-only")
    withdrawn = next(person for person in people if person.consent == "all" and person.id != seen.id)
    return seen.patient, other.patient, withdrawn.patient


def _fill(http: Http, hidden: bool) -> None:
    """Visible records, and between them, in the first world alone, the hidden ones, each in two versions."""
    seen, other, withdrawn = _people(http)
    for number in range(1, 6):
        _put(http, observation(f"seen-{number}", seen, number))
        if hidden:
            for name, patient in (("other", other), ("withdrawn", withdrawn)):
                found = observation(f"h-{name}-{number}", patient, number)
                found["identifier"] = [{"system": "urn:test", "value": "only-hidden"}]
                _put(http, found)
                _put(http, found | {"status": "amended"})
            _put(http, _device(f"h-device-{number}", other))
    consent = http.get(f"/Consent?patient={withdrawn}", client=REGISTRAR).json()["entry"][0]["resource"]
    _put(http, withdraw(consent, "no-further-use", "2026-05-31T00:00:00Z"))


def _put(http: Http, resource: Resource) -> None:
    answer = http.put(resource)
    if answer.status_code not in (200, 201):
        raise AssertionError(answer.text)


def _device(identity: str, patient: str) -> Resource:
    return {
        "resourceType": "Device",
        "id": identity,
        "identifier": [{"system": "urn:test", "value": "only-hidden"}],
        "patient": {"reference": f"Patient/{patient}"},
    }


def requests(http: Http) -> Iterator[Asked]:
    """Everything that is asked of both worlds."""
    seen, other, withdrawn = _people(http)
    for reader in READERS:
        yield from _reads(reader, [other, withdrawn])
        yield from _searches(reader, [seen, other, withdrawn])
    for path in ("/metadata", "/.well-known/smart-configuration"):
        yield Asked("", "GET", BASE + path)
    yield Asked("data-manager", "GET", f"{BASE}/metadata")


def _reads(reader: str, patients: list[str]) -> Iterator[Asked]:
    conditions = (
        ("If-None-Match", 'W/"1"'),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Mon, 01 Jun 2026 12:00:00 GMT"),
    )
    for kind, names in (("Observation", hidden_ids()), ("Device", ("h-device-1",)), ("Patient", tuple(patients))):
        for name in names:
            path = f"{BASE}/{kind}/{name}"
            for method in ("GET", "HEAD", "DELETE", "PATCH"):
                yield Asked(reader, method, path)
            for condition in conditions:
                yield Asked(reader, "GET", path, (condition,))
            for version in ("1", "2", "3"):
                yield Asked(reader, "GET", f"{path}/_history/{version}")
            yield Asked(reader, "GET", f"{path}/_history")
            yield Asked(reader, "GET", f"{path}?_pretty=true")
            body = b'{"resourceType":"%b","id":"%b"}' % (kind.encode(), name.encode())
            sent = ("Content-Type", "application/fhir+json")
            yield Asked(reader, "PUT", path, (sent,), body)
            yield Asked(reader, "PUT", path, (sent, ("If-Match", 'W/"1"')), body)


def _searches(reader: str, patients: list[str]) -> Iterator[Asked]:
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    for kind in _TYPES:
        plain = f"{BASE}/{kind}"
        for query in (
            "",
            "_total=accurate",
            "_total=estimate",
            "_summary=count",
            "_count=0",
            "_count=1&_total=accurate",
        ):
            yield Asked(reader, "GET", f"{plain}?{query}" if query else plain, follow=True)
        yield Asked(reader, "GET", f"{plain}?_lastUpdated=ge2026-01-01&_total=accurate", follow=True)
        yield Asked(reader, "POST", f"{plain}/_search", form, b"_total=accurate&_count=2")
        if kind in ("Observation", "Device", "Patient", "Consent"):
            yield Asked(reader, "GET", f"{plain}?identifier={SECRET_IDENTIFIER}&_total=accurate")
    asked = [f"patient={patient}" for patient in patients] + [f"subject=Patient/{patient}" for patient in patients]
    asked += [
        f"_id={','.join(hidden_ids())}",
        "code=8310-5",
        "category=vital-signs",
        "date=ge2026-03-01",
        "date=2026-03-02",
    ]
    for query in asked:
        yield Asked(reader, "GET", f"{BASE}/Observation?{query}&_total=accurate&_count=2", follow=True)
        yield Asked(reader, "POST", f"{BASE}/Observation/_search", form, f"{query}&_total=accurate".encode())


def answers(http: Http, asked: Asked) -> list[tuple[Any, ...]]:
    """Status, headers and body of every page of the answer, what is aside left out."""
    found: list[tuple[Any, ...]] = []
    path = asked.path
    while path and len(found) < 50:
        answer = http.ask(asked.method, path, asked.reader, headers=dict(asked.headers), content=asked.body)
        headers = sorted((name, text) for name, text in answer.headers.items() if name not in _HEADERS_ASIDE)
        found.append((answer.status_code, headers, _ASIDE.sub(b"_cursor", answer.content)))
        onward = _NEXT.search(answer.content) if asked.follow else None
        path = onward[1].decode().removeprefix(http.gateway.settings.public_url) if onward else ""
    return found


def exported(http: Http, reader: str) -> dict[str, bytes]:
    """Every file of an export by its name."""
    study = http.gateway.studies[STUDY]
    kinds = _TYPES if reader == "ehr-app" else _TYPES[:5]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "out"
        export(http.gateway.access.door(study.principal(study.clients[reader])), folder, kinds, NOW)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def compare(first: Http, second: Http) -> Iterator[tuple[str, bool]]:
    """Each comparison by its name, and whether both worlds answer the same."""
    for asked in requests(first):
        yield asked.name, answers(first, asked) == answers(second, asked)
    for reader in READERS:
        yield f"{reader}: export", exported(first, reader) == exported(second, reader)


def is_different(first: Http, second: Http) -> bool:
    """Whether a reader who may see some of it tells the worlds apart: else the comparison would prove nothing."""
    asked = Asked("norte-research", "GET", f"{BASE}/Observation?_total=accurate", follow=True)
    return answers(first, asked) != answers(second, asked)
