"""Consents over HTTP: what is there is changed over the version that was seen, by every way to write."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.core.types import Resource
from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, rule, serving

AT = "2026-05-01T00:00:00Z"
OPEN = [{"op": "replace", "path": "/status", "value": "active"}]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("consents")) as found:
        yield found


def send(http: Http, method: str, path: str, body: Any, kind: str, seen: str = "") -> Any:
    headers = {"Content-Type": kind} | ({"If-Match": f'W/"{seen}"'} if seen else {})
    return http.ask(method, BASE + path, REGISTRAR, content=json.dumps(body).encode(), headers=headers)


def put(http: Http, consent: Resource, seen: str = "") -> Any:
    return send(http, "PUT", f"/Consent/{consent['id']}", consent, "application/fhir+json", seen)


def conditionally(http: Http, consent: Resource, seen: str = "") -> Any:
    return send(http, "PUT", f"/Consent?_id={consent['id']}", consent, "application/fhir+json", seen)


def patch(http: Http, consent: Resource, seen: str = "") -> Any:
    return send(http, "PATCH", f"/Consent/{consent['id']}", OPEN, "application/json-patch+json", seen)


def in_a_bundle(http: Http, consent: Resource, seen: str = "") -> Any:
    request = {"method": "PUT", "url": f"Consent/{consent['id']}"} | ({"ifMatch": f'W/"{seen}"'} if seen else {})
    entries = [{"resource": consent, "request": request}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return send(http, "POST", "", bundle, "application/fhir+json")


@pytest.mark.parametrize(
    ("write", "unseen"),
    [
        (put, "consent.version-needed"),
        (in_a_bundle, "consent.version-needed"),
        (patch, "auth.not-found"),  # nobody reads what is withdrawn, and no condition finds it
        (conditionally, "rest.id-taken"),
    ],
)
def test_a_withdrawn_consent_does_not_come_back_unseen(http: Http, write: Callable[..., Any], unseen: str) -> None:
    person = http.participant("all")
    given: Resource = http.get(f"/Consent?patient={person.patient}", REGISTRAR).json()["entry"][0]["resource"]
    assert put(http, given).status_code == 200  # it says what it said
    assert http.get(f"/Patient/{person.patient}").status_code == 200
    gone = put(http, withdraw(given, "no-further-use", AT))
    assert gone.status_code == 200
    old = given["meta"]["versionId"]
    for seen, rules in (("", {unseen}), (old, {unseen, "store.version-conflict"})):
        answer = write(http, given, seen)
        assert answer.status_code in (404, 409, 412)
        assert rule(answer) in rules
        assert http.get(f"/Patient/{person.patient}").status_code == 404
    assert put(http, given, gone.headers["etag"][3:-1]).status_code == 200
    assert http.get(f"/Patient/{person.patient}").status_code == 200


@pytest.mark.parametrize(("write", "day"), [(put, 2), (conditionally, 3), (in_a_bundle, 4)])
def test_nor_does_one_that_was_changed(http: Http, write: Callable[..., Any], day: int) -> None:
    patient = http.participant("all").patient
    given: Resource = http.get(f"/Consent?patient={patient}", REGISTRAR).json()["entry"][0]["resource"]
    changed = given | {"dateTime": f"2026-01-0{day}T00:00:00Z"}
    assert put(http, changed, given["meta"]["versionId"]).status_code == 200
    answer = write(http, given)
    assert (answer.status_code, rule(answer)) == (412, "consent.version-needed")
