"""A study that wants a reason for every change of participants' data, on every way to change them over HTTP."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.assets import asset_root
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, on_record, rule, serving, settled

RULE = "rest.change-reason-missing"
WHY = "Transcription error"
FHIR = "application/fhir+json"
PATCH = "application/json-patch+json"
SYSTEM = "urn:test:reasons"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    overlay = tmp_path_factory.mktemp("overlay")
    study = overlay / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, study)
    with (study / "study.yaml").open("a") as file:
        file.write("\ninteractions: {change_reason: everyone}\n")
    with serving(tmp_path_factory.mktemp("reasons"), asset_dirs=(overlay,)) as served:
        yield served


def body(http: Http, day: int) -> dict[str, Any]:
    found = observation("o1", http.participant("all").patient, day)
    return json.loads(json.dumps(found, default=float)) | {"identifier": [{"system": SYSTEM, "value": "o1"}]}


def bundle(http: Http, kind: str, day: int) -> dict[str, Any]:
    entry = {"request": {"method": "PUT", "url": "Observation/o1"}, "resource": body(http, day)}
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


def send(http: Http, method: str, path: str, tree: Any = None, kind: str = FHIR, **headers: str) -> Any:
    given = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if tree is None else json.dumps(tree).encode()
    return http.ask(method, BASE + path, "site-app", content=content, headers=given)


def edit(http: Http, name: str, **headers: str) -> Any:
    """One way to change the Observation."""
    changes = [{"op": "replace", "path": "/status", "value": "amended"}]
    ways: dict[str, tuple[Any, ...]] = {
        "update": ("PUT", "/Observation/o1", body(http, 2)),
        "conditional update": ("PUT", f"/Observation?identifier={SYSTEM}|o1", body(http, 3)),
        "patch": ("PATCH", "/Observation/o1", changes, PATCH),
        "conditional patch": ("PATCH", f"/Observation?identifier={SYSTEM}|o1", changes, PATCH),
        "transaction": ("POST", "", bundle(http, "transaction", 4)),
        "delete": ("DELETE", "/Observation/o1"),
        "conditional delete": ("DELETE", f"/Observation?identifier={SYSTEM}|o1"),
    }
    return send(http, *ways[name], **headers)


WAYS = ("update", "conditional update", "patch", "conditional patch", "transaction", "delete", "conditional delete")


@pytest.fixture
def stored(http: Http) -> Http:
    """The Observation as it is first; made again where a test deleted it."""
    assert send(http, "PUT", "/Observation/o1", body(http, 1), X_Change_Reason="begin").status_code in (200, 201)
    return http


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_change_needs_a_reason_and_tells_it(stored: Http, way: str) -> None:
    before = settled(stored)
    refused = edit(stored, way)
    assert (refused.status_code, rule(refused)) == (400, RULE)
    assert edit(stored, way, X_Change_Reason=WHY).is_success
    told = [(event["outcome"], event["reason"], event["why"]) for event in on_record(stored, before)]
    assert ("failure", RULE, "") in told
    assert ("success", "", WHY) in told


def test_entries_of_a_batch_are_asked_one_by_one(stored: Http) -> None:
    made = bundle(stored, "batch", 5)
    made["entry"].append({"request": {"method": "GET", "url": "Observation/o1"}})
    statuses = [entry["response"]["status"][:3] for entry in send(stored, "POST", "", made).json()["entry"]]
    assert statuses == ["400", "200"]
    answer = send(stored, "POST", "", made, X_Change_Reason=WHY).json()
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["200", "200"]


def test_what_is_new_needs_none(http: Http) -> None:
    fresh = body(http, 6) | {"id": "fresh"}
    assert send(http, "PUT", "/Observation/fresh", fresh).status_code == 201
    assert send(http, "POST", "/Observation", fresh).status_code == 201
