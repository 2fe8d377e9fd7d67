"""What the gateway itself writes into exports names nobody to a role that is given de-identified data alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.exports import end, exported, finished, ids, kick_off, place
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, serving
from tests.e2e.test_bulk_deidentified import CLIENT, overlay


@pytest.fixture(scope="module", params=["safe-harbor", "research-pseudonymised"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    assets: Path = overlay(tmp_path_factory.mktemp("overlay"), request.param)
    with serving(tmp_path_factory.mktemp("forms"), asset_dirs=(assets,)) as served:
        person = served.participant("all").patient
        for day in range(1, 4):
            assert served.put(observation(f"t-{day}", person, day)).status_code == 201
        yield served


def test_headers_and_deletions_are_renamed_as_the_resources_are(http: Http) -> None:
    person = http.participant("all").patient
    query = "organizeOutputBy=Patient&_type=Patient,Observation"
    started = kick_off(http, f"/Patient/$export?{query}", CLIENT)
    manifest = finished(http, started, CLIENT).json()
    content = b"".join(http.ask("GET", place(http, one["url"]), CLIENT).content for one in manifest["output"])
    end(http, started, CLIENT)
    lines = [json.loads(line) for line in content.splitlines()]
    assert person.encode() not in content
    assert b"t-1" not in content
    header = ""
    observed = 0
    for line in lines:
        if line["resourceType"] == "Parameters":
            header = line["parameter"][0]["valueReference"]["reference"]
        elif line["resourceType"] == "Patient":
            assert header == f"Patient/{line['id']}"
        else:
            observed += 1
            assert line["subject"]["reference"] == header
    assert observed == 3

    before = set(ids(exported(http, "/$export?_type=Observation", CLIENT)["Observation"]))
    assert http.ask("DELETE", f"{BASE}/Observation/t-2", REGISTRAR).status_code in (200, 204)
    files = exported(http, f"/$export?_type=Observation&_since={manifest['transactionTime']}", CLIENT)
    (bundle,) = (json.loads(line) for line in files["deleted"].splitlines())
    (entry,) = bundle["entry"]
    kind, _, id = entry["request"]["url"].partition("/")
    assert kind == "Observation"
    after = set(ids(exported(http, "/$export?_type=Observation", CLIENT)["Observation"]))
    assert {id} == before - after
    assert b"t-2" not in files["deleted"]


def test_views_are_not_run_for_it(http: Http) -> None:
    answer = http.ask("GET", f"{BASE}/ViewDefinition/vital-signs/$viewdefinition-run", CLIENT)
    assert answer.status_code == 403
