"""Two gateways that differ in hidden records alone, and everything that a reader may ask of both.

The clock stands still, so that every byte of an answer can be compared; aside are the request's id, the date, and the
cursor in a next link, which is a signed position. Hidden are: a participant who let another organisation alone
read, and one who withdrew.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.core import dumps
from gateway.core.types import Resource
from gateway.export import export
from gateway.study import withdraw
from tests.e2e import exports
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, serving
from tests.e2e.two_worlds_views import Asked, view_runs

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
READERS = ("ehr-app", "research")
SECRET_IDENTIFIER = "urn:test|only-hidden"

_ASIDE = re.compile(rb"_cursor=[^\"&]+")
_MADE = re.compile(rb"\b[0-9a-f]{32}\b")
PLAIN = {"Accept-Encoding": "identity"}
"""Compressed, an answer's length depends on what is random in it."""
_HEADERS_ASIDE = ("x-request-id", "date")
_NEXT = re.compile(rb'"relation":"next","url":"([^"]+)"')
_TYPES = (
    "Observation", "DiagnosticReport", "Specimen", "Device", "QuestionnaireResponse",
    "Patient", "Consent", "ResearchSubject", "Provenance",
)  # fmt: skip


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
    if hidden:
        members = [{"entity": {"reference": f"Patient/{one}"}} for one in (seen, other)]
        _put(http, {"resourceType": "Group", "id": "h-group", "type": "person", "actual": True, "member": members})
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
        yield from asked_by(reader, seen, [other, withdrawn])
    yield from (Asked("", "GET", BASE + path) for path in ("/metadata", "/.well-known/smart-configuration"))
    yield Asked("data-manager", "GET", f"{BASE}/metadata")
    yield from _writes(seen, [other, withdrawn])


def asked_by(reader: str, seen: str, hidden: list[str]) -> Iterator[Asked]:
    """Everything that a reader asks, but for writes: about a visible participant and hidden ones."""
    people = [seen, *hidden]
    yield from _reads(reader, hidden)
    for questions in (_searches, _reach, _histories, _records, view_runs, _audit):
        yield from questions(reader, people)
    yield from _exports(reader)
    yield from _registry(reader)


def _registry(reader: str) -> Iterator[Asked]:
    """The registry of clients, which tells a reader nothing."""
    place = f"/admin/clients/{STUDY}"
    for method, path in (("GET", ""), ("GET", "/research"), ("POST", ""), ("POST", "/research/suspend")):
        posted = method == "POST"
        headers = (("Content-Type", "application/json"),) if posted else ()
        yield Asked(reader, method, place + path, headers, b"{}" if posted else None)


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


def _reach(reader: str, patients: list[str]) -> Iterator[Asked]:
    """Searches that go from one resource to another, and that order or count what they find."""
    identifier = f"identifier={SECRET_IDENTIFIER}"
    observations = [
        "_include=*", "_include=Observation:subject&_include:iterate=Patient:*", "_revinclude=Provenance:target",
        "_sort=date", "_sort=-date,_id", "_sort=value-quantity", "subject:Patient.birthdate=gt1900",
        f"subject:Patient.{identifier}", f"device.{identifier}", "value-quantity=gt1", "status:not=final",
        f"subject:Patient._has:Device:patient:{identifier}", "_has:Provenance:target:_id:not=x",
        "identifier:missing=false", "_text=fever", "patient=x&_revinclude=Observation:derived-from",
        "_summary=true", "_elements=subject",
        "_lastUpdated=gt2020&_sort=_lastUpdated", "code:text=body", "_list=none",
    ]  # fmt: skip
    for query in observations:
        yield Asked(reader, "GET", f"{BASE}/Observation?{query}&_total=accurate&_count=2", follow=True)
    for query in (
        f"_has:Device:patient:{identifier}",
        "_has:Observation:subject:status=amended",
        "_revinclude=Observation:subject",
        "_revinclude=Device:patient&_revinclude:iterate=Observation:device",
        "_revinclude=ResearchSubject:individual&_sort=birthdate",
    ):
        yield Asked(reader, "GET", f"{BASE}/Patient?{query}&_total=accurate", follow=True)
    for query in ("", "_type=Observation,Device", f"_id={','.join(hidden_ids())}", "_lastUpdated=gt2020"):
        yield Asked(reader, "GET", f"{BASE}?{query}&_total=accurate&_count=4".replace("?&", "?"), follow=True)
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    yield Asked(reader, "GET", f"{BASE}/?_count=3", follow=True)
    yield Asked(reader, "POST", f"{BASE}/_search", form, f"_id={','.join(hidden_ids())}".encode())
    for patient in patients:
        yield Asked(reader, "POST", f"{BASE}/Patient/{patient}/Observation/_search", form, b"_total=accurate")
        for kind in ("Observation", "DiagnosticReport", "Consent", "*"):
            yield Asked(reader, "GET", f"{BASE}/Patient/{patient}/{kind}?_total=accurate", follow=True)


def _histories(reader: str, patients: list[str]) -> Iterator[Asked]:
    for kind in _TYPES:
        yield Asked(reader, "GET", f"{BASE}/{kind}/_history?_count=3", follow=True)
        yield Asked(reader, "GET", f"{BASE}/{kind}/_history?_since=2026-01-01&_summary=true")
        yield Asked(reader, "GET", f"{BASE}/{kind}/_history?_at=2026-06-01")
    yield Asked(reader, "GET", f"{BASE}/_history?_count=40", follow=True)
    for patient in patients:
        yield Asked(reader, "GET", f"{BASE}/Patient/{patient}/_history?_since=2026-01-01")


def _records(reader: str, patients: list[str]) -> Iterator[Asked]:
    """Operations over many resources, and over one."""
    for patient in patients:
        yield Asked(reader, "GET", f"{BASE}/Patient/{patient}/$everything?_count=3", follow=True)
        yield Asked(reader, "GET", f"{BASE}/Patient/{patient}/$meta")
        yield Asked(reader, "GET", f"{BASE}/Observation/$lastn?patient={patient}&max=3")
        stats = f"subject=Patient/{patient}&code=8310-5&statistic=count&statistic=average&include=true"
        yield Asked(reader, "GET", f"{BASE}/Observation/$stats?{stats}")
        asked = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueString": patient}]}
        sent = (("Content-Type", "application/fhir+json"),)
        yield Asked(reader, "POST", f"{BASE}/Observation/$lastn", sent, dumps(asked))
    yield Asked(reader, "GET", f"{BASE}/$versions")
    yield Asked(reader, "POST", f"{BASE}/$versions")
    yield Asked(reader, "GET", f"{BASE}/ResearchStudy/{STUDY}/$everything?_count=20", follow=True)
    for name in hidden_ids():
        yield Asked(reader, "GET", f"{BASE}/Observation/{name}/$meta")
        for question in ("client=research", "client=ehr-app&action=disclose", "client=nobody", ""):
            yield Asked(reader, "GET", f"{BASE}/Observation/{name}/$explain-access?{question}")
        yield Asked(reader, "GET", f"{BASE}/Encounter/{name}/$everything")
        yield Asked(reader, "GET", f"{BASE}/Group/{name}/$everything")


def _exports(reader: str) -> Iterator[Asked]:
    """Exports that are refused, and such as nobody started; what others hold is in `compare`."""
    for path in ("$export?_type=Nonsense", "Patient/$export?_type=Location", "Group/h-group/$export"):
        for method in ("GET", "POST"):
            yield Asked(reader, method, f"{BASE}/{path}")
    for method in ("GET", "DELETE"):
        yield Asked(reader, method, f"{BASE}/$export-status/{'0' * 32}")
        yield Asked(reader, method, f"{BASE}/$async-status/{'0' * 32}")
    yield Asked(reader, "GET", f"{BASE}/$export-file/{'0' * 32}/Observation.ndjson")


def _audit(reader: str, patients: list[str]) -> Iterator[Asked]:
    """The trail, as those ask who are no auditors: what auditors see of it differs, as it must."""
    for patient in patients:
        yield Asked(reader, "GET", f"{BASE}/AuditEvent?patient=Patient/{patient}")
        yield Asked(reader, "GET", f"{BASE}/Patient/{patient}/$disclosures")
        asked = (("Content-Type", "application/fhir+json"),)
        yield Asked(reader, "POST", f"{BASE}/Patient/{patient}/$break-glass?reason=x", asked, b"{}")
        yield Asked(reader, "POST", f"{BASE}/Patient/{patient}/$break-glass-end?id={'0' * 32}", asked, b"{}")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        yield Asked(reader, method, f"{BASE}/AuditEvent/{'0' * 32}")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield Asked(reader, method, f"{BASE}/AuditEvent")
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    yield Asked(reader, "POST", f"{BASE}/AuditEvent/_search", form, b"action=R")


def _bulk(http: Http, reader: str) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What each kind of export gives, by its name."""
    yield "$export", exports.exported(http, "/$export", reader)
    found = exports.exported(http, "/$export?_since=2026-01-01T00:00:00Z", reader)
    # Until they withdrew it was theirs to take: what they have to remove is told, and of nobody else's.
    removed = re.findall(rb'"url":"([^"]+)"', found.pop("deleted", b""))
    found |= {"removed": b" ".join(url for url in removed if b"h-withdrawn" not in url)}
    yield "$export in time", found
    yield "$export since the withdrawal", exports.exported(http, "/$export?_since=2026-06-01T12:01:00Z", reader)
    yield "Patient/$export", exports.exported(http, "/Patient/$export?_typeFilter=Observation?date=gt2020", reader)
    named = [{"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in _people(http)]
    body = dumps({"resourceType": "Parameters", "parameter": named})
    sent = {"Content-Type": "application/fhir+json"}
    yield "patients", exports.exported(http, "/Patient/$export", reader, method="POST", content=body, headers=sent)


def _writes(seen: str, hidden: list[str]) -> Iterator[Asked]:
    """What a client that may write learns from writing.

    Left out is one question: whether an id that the client itself thinks up is taken (docs/limits.md).
    """
    json, patch = ("Content-Type", "application/fhir+json"), ("Content-Type", "application/json-patch+json")
    condition = f"identifier={SECRET_IDENTIFIER}"
    change = b'[{"op":"test","path":"/status","value":"amended"}]'
    meta = b'{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}'
    for name in hidden_ids():
        path = f"{BASE}/Observation/{name}"
        body = dumps(observation(name, seen))
        yield Asked("site-app", "PUT", path, (json, ("If-Match", 'W/"2"')), body)
        yield Asked("site-app", "PATCH", path, (patch,), change)
        yield Asked("site-app", "PATCH", path, (patch, ("If-Match", 'W/"2"')), change)
        yield Asked("site-app", "DELETE", path, (("If-Match", 'W/"2"'),))
        yield Asked("site-app", "DELETE", path)
        yield Asked("site-app", "POST", f"{path}/$meta-add", (json,), meta)
        yield Asked("site-app", "POST", f"{path}/$meta-delete", (json,), meta)
    for asked in (condition, f"{condition}&subject=Patient/{hidden[0]}", "_id=h-other-1"):
        path = f"{BASE}/Observation?{asked}"
        yield Asked("site-app", "DELETE", path)
        yield Asked("site-app", "DELETE", path, (("If-Match", 'W/"2"'),))
        yield Asked("site-app", "PATCH", path, (patch,), change)
        yield Asked("site-app", "PUT", path, (json, ("If-Match", 'W/"2"')), dumps(_new(seen)))
    for method, path, headers in (
        ("POST", "Observation", (("If-None-Exist", condition),)),
        ("PUT", "Observation?identifier=urn:test|second", ()),
    ):
        yield Asked("site-app", method, f"{BASE}/{path}", (json, *headers), dumps(_new(seen)))
    for body in _bundles(seen, condition):
        yield Asked("site-app", "POST", BASE, (json,), body)
        yield Asked("site-app", "POST", f"{BASE}/", (json,), body)
    yield Asked("site-app", "GET", f"{BASE}/Observation?_total=accurate&_sort=date", follow=True)
    yield Asked("site-app", "GET", f"{BASE}/Observation/_history?_count=50")


def _new(patient: str) -> Resource:
    found = observation("x", patient)
    del found["id"]
    return found


def _bundles(seen: str, condition: str) -> Iterator[bytes]:
    for kind in ("batch", "transaction"):
        for method, url in (
            ("GET", "Observation/h-other-1"),
            ("GET", f"Observation?{condition}"),
            ("DELETE", "Observation/h-other-1"),
            ("DELETE", f"Observation?{condition}&status=amended"),
        ):
            entry: Resource = {"request": {"method": method, "url": url}}
            yield dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]})
        refers = _new(seen) | {"derivedFrom": [{"reference": "Observation?status=amended"}]}
        entry = {"resource": refers, "request": {"method": "POST", "url": "Observation"}}
        yield dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
        made = {"method": "POST", "url": "Observation", "ifNoneExist": f"{condition}&status=amended"}
        entry = {"resource": _new(seen), "request": made}
        yield dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]})


def answers(http: Http, asked: Asked) -> list[tuple[Any, ...]]:
    """Status, headers and body of every page of the answer, what is aside left out."""
    found: list[tuple[Any, ...]] = []
    path = asked.path
    people = frozenset(person.patient.encode() for person in http.gateway.studies[STUDY].participants)
    while path and len(found) < 50:
        sent = PLAIN | dict(asked.headers)
        answer = http.ask(asked.method, path, asked.reader, headers=sent, content=asked.body)
        headers = sorted((name, text) for name, text in answer.headers.items() if name not in _HEADERS_ASIDE)
        content = _ASIDE.sub(b"_cursor", answer.content)
        if asked.reader == "site-app":
            headers = [(name, _without_made(text.encode(), people).decode()) for name, text in headers]
            content = _without_made(content, people)
        found.append((answer.status_code, headers, content))
        onward = _NEXT.search(answer.content) if asked.follow else None
        path = onward[1].decode().removeprefix(http.gateway.settings.public_url) if onward else ""
    return found


def _without_made(content: bytes, people: frozenset[bytes]) -> bytes:
    """The content without the ids that the gateway made, which are random; those of participants stay."""
    return _MADE.sub(lambda found: found[0] if found[0] in people else b"new", content)


def exported(http: Http, reader: str) -> dict[str, bytes]:
    """Every file of an export by its name."""
    study = http.gateway.studies[STUDY]
    kinds = _TYPES if reader == "ehr-app" else _TYPES[:5]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "out"
        export(http.gateway.access.door(study.principal(study.clients[reader])), folder, kinds, NOW)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def compare(first: Http, second: Http) -> Iterator[tuple[str, bool]]:
    """Each comparison by its name, and whether both worlds answer the same; writes come last."""
    for reader in READERS:
        yield f"{reader}: export", exported(first, reader) == exported(second, reader)
        for (name, left), (_, right) in zip(_bulk(first, reader), _bulk(second, reader), strict=True):
            yield f"{reader}: {name}", left == right
    for asked in requests(first):
        yield asked.name, answers(first, asked) == answers(second, asked)


def is_different(first: Http, second: Http) -> bool:
    """Whether a reader who may see some of it tells the worlds apart: else the comparison would prove nothing."""
    asked = Asked("norte-research", "GET", f"{BASE}/Observation?_total=accurate", follow=True)
    return answers(first, asked) != answers(second, asked)
