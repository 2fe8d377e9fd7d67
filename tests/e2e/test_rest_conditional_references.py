"""Conditional references of a transaction: they are resolved last, over what the transaction leaves."""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from tests.e2e.bundle_entries import SYSTEM, entry, send, statuses, without_id
from tests.e2e.http_gateway import Http, observation, rule, serving_on


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving_on(request, tmp_path_factory.mktemp("references"), bundle_limit=50) as served:
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def _leads(where: str) -> Resource:
    return {"derivedFrom": [{"reference": f"Observation?identifier={SYSTEM}|{where}"}]}


def test_conditional_references_find_what_the_transaction_leaves(http: Http, patient: str) -> None:
    """R4 resolves them last: what is written can be found, what is deleted or written anew otherwise cannot."""
    plain = observation("x", patient)
    http.put(observation("cr-old", patient) | {"identifier": [{"system": SYSTEM, "value": "cr-moved"}]})
    http.put(observation("cr-gone", patient) | {"identifier": [{"system": SYSTEM, "value": "cr-gone"}]})
    made = entry("POST", "Observation", without_id(plain, "cr-new"), "urn:uuid:cr")
    moved = observation("cr-old", patient) | {"identifier": [{"system": SYSTEM, "value": "cr-elsewhere"}]}

    def refers(where: str) -> Resource:
        return entry("POST", "Observation", without_id(plain | _leads(where)))

    answer = send(http, "transaction", refers("cr-new"), made, Prefer="return=representation")
    assert statuses(answer) == ["201", "201"]
    first, second = (one["resource"] for one in answer.json()["entry"])
    assert first["derivedFrom"] == [{"reference": f"Observation/{second['id']}"}]
    cases = (
        ("several, one of them written here", "rest.several-match", made, "cr-new"),
        ("written anew with another identifier", "rest.reference-unresolved",
         entry("PUT", "Observation/cr-old", moved), "cr-moved"),
        ("deleted here", "rest.reference-unresolved", entry("DELETE", "Observation/cr-gone"), "cr-gone"),
    )  # fmt: skip
    for reason, expected, other, where in cases:
        refused = send(http, "transaction", refers(where), other)
        assert (refused.status_code, rule(refused)) == (412, expected), reason
    found = send(
        http, "transaction", entry("PUT", "Observation/cr-old", moved), refers("cr-elsewhere"),
        Prefer="return=representation",
    )  # fmt: skip
    assert found.json()["entry"][1]["resource"]["derivedFrom"] == [{"reference": "Observation/cr-old"}]


def test_a_patch_may_bring_a_conditional_reference(http: Http, patient: str) -> None:
    http.put(observation("cp-base", patient) | {"identifier": [{"system": SYSTEM, "value": "cp"}]})
    http.put(observation("cp", patient))
    patch = dumps([{"op": "add", "path": "/derivedFrom", "value": _leads("cp")["derivedFrom"]}])
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": b64encode(patch).decode(),
    }
    answer = send(http, "transaction", entry("PATCH", "Observation/cp", binary))
    assert statuses(answer) == ["200"]
    assert http.get("/Observation/cp").json()["derivedFrom"] == [{"reference": "Observation/cp-base"}]
