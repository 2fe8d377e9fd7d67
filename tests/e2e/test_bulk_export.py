"""Bulk Data over HTTP: what leaves, to whom, and what becomes of it when a participant withdraws."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.types import Resource
from gateway.study import withdraw
from tests.e2e.exports import download, end, exported, finished, ids, kick_off, place
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, on_record, rule, serving, settled

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("bulk")) as served:
        for number, person in enumerate(people(served)):
            for day in (1, 2, 3):
                put(served, observation(f"t-{number}-{day}", person, day))
        put(served, observation("hidden", served.participant("norte-research-only").patient))
        put(served, group("two", people(served)[:2]))
        yield served


def people(http: Http) -> list[str]:
    """Three participants who signed everything."""
    found = [
        one.patient for one in http.gateway.studies[STUDY].participants if one.consent == "all" and not one.withdrawn
    ]
    return found[:3]


def put(http: Http, resource: Resource) -> None:
    assert http.put(resource).status_code in (200, 201)


def group(identity: str, patients: list[str]) -> Resource:
    members = [{"entity": {"reference": f"Patient/{one}"}} for one in patients]
    return {"resourceType": "Group", "id": identity, "type": "person", "actual": True, "member": members}


def body(**values: Any) -> bytes:
    given = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            kind = "valueReference" if name == "patient" else "valueString"
            given.append({"name": name, kind: {"reference": one} if name == "patient" else one})
    return json.dumps({"resourceType": "Parameters", "parameter": given}).encode()


def test_an_export_is_started_waited_for_fetched_and_ended(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation,ResearchStudy")
    assert started.status_code == 202
    answer = finished(http, started)
    assert answer.status_code == 200
    assert answer.headers["expires"].endswith("GMT")
    manifest = answer.json()
    assert manifest["requiresAccessToken"] is True
    assert manifest["request"].endswith("/$export?_type=Observation,ResearchStudy")
    assert [one["type"] for one in manifest["output"]] == ["Observation", "ResearchStudy"]
    assert (manifest["error"], manifest["deleted"]) == ([], [])
    files = download(http, manifest)
    assert sorted(ids(files["Observation"])) == sorted(f"t-{n}-{day}" for n in range(3) for day in (1, 2, 3))
    for line in files["Observation"].splitlines():
        tree = json.loads(line)
        assert http.get(f"/Observation/{tree['id']}", "research").content == line
    end(http, started)
    assert http.ask("GET", place(http, manifest["output"][0]["url"]), "research").status_code == 404
    assert not list((http.gateway.settings.exports / STUDY).iterdir())


def test_without_types_everything_within_the_scopes_leaves(http: Http) -> None:
    assert set(exported(http)) == {"Observation", "ResearchStudy"}
    assert {"Patient", "Consent", "Observation"} <= set(exported(http, client="data-manager"))


def test_a_type_beyond_the_scopes_is_refused(http: Http) -> None:
    answer = kick_off(http, "/$export?_type=Observation,Patient")
    assert (answer.status_code, rule(answer)) == (403, "auth.scope")
    source = kick_off(http, client="withings")
    assert source.status_code == 403


def test_a_token_of_less_than_was_asked_with_has_none_of_it(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation")
    [output] = finished(http, started).json()["output"]
    client, category = http.gateway.studies[STUDY].clients["research"], "system/Observation.rs?category="
    for scopes, status in (([category + "laboratory"], 403), (["system/Observation.rs", category + "x"], 200)):
        bearer = {"Authorization": f"Bearer {http.gateway.issuer.issue(client, STUDY, 60, scopes)}"}
        for url in (output["url"], started.headers["content-location"]):
            answer = http.ask("GET", place(http, url), headers=bearer)
            assert answer.status_code == status
            assert status == 200 or rule(answer) == "auth.scope"
    end(http, started)


@pytest.mark.parametrize("path", ["/Patient/$export", "/Group/two/$export"])
def test_patients_and_groups(http: Http, path: str) -> None:
    found = exported(http, path, "data-manager")
    patients = set(ids(found["Patient"]))
    expected = set(people(http)[:2])
    assert patients == expected if "Group" in path else patients > expected
    assert "Organization" not in found
    observed = {json.loads(line)["subject"]["reference"] for line in found["Observation"].splitlines()}
    assert observed == {f"Patient/{one}" for one in (people(http)[:2] if "Group" in path else people(http))}


def test_a_group_that_is_not_seen_is_not_there(http: Http) -> None:
    put(http, group("other", [http.participant("norte-research-only").patient]))
    hidden, absent = (kick_off(http, f"/Group/{name}/$export", "data-manager") for name in ("other", "none"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    assert kick_off(http, "/Group/two/$export").status_code == 403  # the researcher has no scope for groups


def test_patients_by_post(http: Http) -> None:
    first, second, _ = people(http)
    hidden = http.participant("norte-research-only").patient
    asked = body(patient=[f"Patient/{first}", f"Patient/{hidden}", "Patient/none"], _type="Observation,Patient")
    found = exported(http, "/Patient/$export", "data-manager", method="POST", content=asked, headers=JSON)
    assert ids(found["Patient"]) == [first]
    assert ids(found["Observation"]) == ["t-0-1", "t-0-2", "t-0-3"]
    both = body(patient=[f"Patient/{second}", "Patient/x"], _type="Patient")
    found = exported(http, "/Group/two/$export", "data-manager", method="POST", content=both, headers=JSON)
    assert ids(found["Patient"]) == [second]


def test_filters_are_alternatives_and_each_resource_leaves_once(http: Http) -> None:
    first, second, _ = people(http)
    code = "Observation?code=8310-5,x&date=ge2026-03-02"
    one = f"/$export?_type=Observation&_typeFilter={code.replace('&', '%26')}"
    assert sorted(ids(exported(http, one)["Observation"])) == [f"t-{n}-{day}" for n in range(3) for day in (2, 3)]
    two = f"/$export?_type=Observation&_typeFilter=Observation?patient={first},{second},Observation?date=2026-03-01"
    expected = [f"t-{n}-{day}" for n in range(2) for day in (1, 2, 3)] + ["t-2-1"]
    assert sorted(ids(exported(http, two)["Observation"])) == expected


def test_elements(http: Http) -> None:
    found = exported(http, "/$export?_type=Observation,ResearchStudy&_elements=Observation.subject,title")
    line = json.loads(found["Observation"].splitlines()[0])
    assert set(line) == {"resourceType", "id", "meta", "status", "code", "subject"}
    assert line["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "title" in json.loads(found["ResearchStudy"])


def test_a_window_of_time(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation")
    at = finished(http, started).json()["transactionTime"]
    end(http, started)
    put(http, observation("later", people(http)[0], 9))
    assert ids(exported(http, f"/$export?_type=Observation&_since={at}")["Observation"]) == ["later"]
    assert "later" not in ids(exported(http, f"/$export?_type=Observation&_until={at}")["Observation"])
    assert exported(http, f"/$export?_type=Observation&_since={at}&_until={at}") == {}
    assert http.ask("DELETE", f"{BASE}/Observation/later", REGISTRAR).status_code in (200, 204)
    (bundle,) = exported(http, f"/$export?_type=Observation&_since={at}")["deleted"].splitlines()
    assert json.loads(bundle)["entry"] == [{"request": {"method": "DELETE", "url": "Observation/later"}}]


@pytest.mark.parametrize(
    "form", ["application/fhir%2Bndjson", "application/ndjson", "ndjson", "application/fhir+ndjson"]
)
def test_the_three_names_of_the_format(http: Http, form: str) -> None:
    assert exported(http, f"/$export?_type=ResearchStudy&_outputFormat={form}")["ResearchStudy"]


WRONG = {
    "_type=Nonsense": "export.type",
    "_type=": "export.type",
    "_type=Observation&_typeFilter=Patient?name=x": "export.type-filter",
    "_typeFilter=Observation": "export.type-filter",
    "_typeFilter=Observation?_sort=date": "export.type-filter",
    "_typeFilter=Observation?_include=*": "export.type-filter",
    "_typeFilter=Observation?nonsense=1": "search.unknown-parameter",
    "_typeFilter=Observation?date=x": "search.value",
    "_since=yesterday": "export.parameter-value",
    "_since=0001-01-01T00:00:00%2B14:00": "export.parameter-value",
    "_since=9999-12-31T23:59:59-14:00": "export.parameter-value",
    "_since=2026": "export.parameter-value",
    "_since=2026-02-30T00:00:00Z": "export.parameter-value",
    "_since=2026-01-01T00:00:00Z&_since=2026-01-01T00:00:00Z": "export.parameter-value",
    "_until=%00": "export.parameter-value",
    "_elements=%27": "export.parameter-value",
    "_outputFormat=text/csv": "export.parameter-value",
    "patient=Patient/x": "export.patient-by-post",
    "nonsense=1": "export.parameter",
    "_type=%ff": "rest.form",
    "&".join("_type=Observation" for _ in range(300)): "rest.form",
}


@pytest.mark.parametrize("query", WRONG, ids=lambda text: text[:40])
def test_what_is_wrong_is_refused(http: Http, query: str) -> None:
    answer = kick_off(http, f"/$export?{query}")
    assert (answer.status_code, rule(answer)) == (400, WRONG[query])


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"resourceType":"Patient"}', b'{"resourceType":"Parameters","parameter":[1]}',
     b'{"resourceType":"Parameters","parameter":[{"name":"_type"}]}',
     b'{"resourceType":"Parameters","parameter":[{"name":"_type","valueInteger":1}]}',
     b'{"resourceType":"Parameters","parameter":{}}',
     body(patient="Practitioner/x"), body(patient=[f"Patient/{n}" for n in range(1100)])],
)  # fmt: skip
def test_a_wrong_body_is_refused(http: Http, content: bytes) -> None:
    answer = kick_off(http, "/Patient/$export", "data-manager", "POST", content=content, headers=JSON)
    assert answer.status_code == 400
    assert rule(answer)


def test_a_lenient_export_tells_what_it_left_aside(http: Http) -> None:
    path = "/$export?_type=Observation,Nonsense&includeAssociatedData=x&secret-name=1&_typeFilter=Patient?name=x"
    started = kick_off(http, path, headers={"Prefer": 'respond-async; wait=10, handling="lenient"'})
    manifest = finished(http, started).json()
    assert [one["type"] for one in manifest["output"]] == ["Observation"]
    told = http.ask("GET", place(http, manifest["error"][0]["url"]), "research")
    outcome = json.loads(told.content)
    assert outcome["resourceType"] == "OperationOutcome"
    assert {one["severity"] for one in outcome["issue"]} == {"warning"}
    assert "includeAssociatedData" in told.text
    assert "secret-name" not in told.text
    end(http, started)


def test_strict_clients_must_say_that_they_wait(http: Http) -> None:
    answer = http.ask("GET", f"{BASE}/$export", "research", headers={"Prefer": "handling=strict"})
    assert (answer.status_code, rule(answer)) == (400, "export.asynchronous")
    started = http.ask("GET", f"{BASE}/$export", "research")
    finished(http, started)
    end(http, started)


def test_an_export_is_nobody_elses(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation")
    manifest = finished(http, started).json()
    status, file = place(http, started.headers["content-location"]), place(http, manifest["output"][0]["url"])
    unknown = http.ask("GET", f"{BASE}/$export-status/{'0' * 32}", "research")
    for client in ("norte-research", "data-manager", "ehr-app", "withings"):
        for method, path in (("GET", status), ("DELETE", status), ("GET", file)):
            answer = http.ask(method, path, client)
            assert (answer.status_code, answer.content) == (404, unknown.content)
    for path in (status, file):
        assert http.ask("GET", path).status_code == 401
    for name in ("x.ndjson", "..%2f..%2fgateway.db", "%00", "Observation-00000.ndjson", "ignored.ndjson"):
        assert http.ask("GET", f"{file.rpartition('/')[0]}/{name}", "research").status_code == 404
    assert http.ask("GET", file, "research").status_code == 200
    end(http, started)


def test_exports_of_two_clients_do_not_mix(http: Http) -> None:
    started = {name: kick_off(http, "/$export?_type=Observation", name) for name in ("research", "norte-research")}
    found = {name: finished(http, one, name).json() for name, one in started.items()}
    files = {name: ids(download(http, one, name)["Observation"]) for name, one in found.items()}
    assert "hidden" in files["norte-research"]
    assert "hidden" not in files["research"]
    before = settled(http)
    for reader, other in (("research", "norte-research"), ("norte-research", "research")):
        assert http.ask("GET", place(http, started[other].headers["content-location"]), reader).status_code == 404
        for entry in found[other]["output"]:
            assert http.ask("GET", place(http, entry["url"]), reader).status_code == 404
        assert http.ask("DELETE", place(http, started[other].headers["content-location"]), reader).status_code == 404
        told = [(one["operation"], one["client"], one["outcome"]) for one in on_record(http, before)]
        assert ("bulk-end", reader, "denied") in told
        assert told.count(("bulk-status", reader, "denied")) == 1 + len(found[other]["output"])
    for name, one in started.items():
        end(http, one, name)


def test_files_are_private_and_compressed_on_demand(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation")
    manifest = finished(http, started).json()
    file = place(http, manifest["output"][0]["url"])
    folder = http.gateway.settings.exports / STUDY
    (job,) = folder.iterdir()
    assert job.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in job.iterdir()} == {0o600}
    plain = http.ask("GET", file, "research", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    zipped = http.ask("GET", file, "research", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert gzip.compress(plain.content)
    assert plain.headers["cache-control"] == "no-store"
    end(http, started)


def test_a_withdrawal_takes_the_participant_out_of_finished_files(http: Http) -> None:
    person = [one.patient for one in http.gateway.studies[STUDY].participants if one.consent == "all"][5]
    put(http, observation("leaves", person, 5))
    started = kick_off(http, "/$export?_type=Observation")
    manifest = finished(http, started).json()
    assert b'"leaves"' in download(http, manifest)["Observation"]
    withdrawn(http, person)
    answer = http.ask("GET", place(http, manifest["output"][0]["url"]), "research")
    assert answer.status_code == 200
    assert b'"leaves"' not in answer.content
    assert person.encode() not in answer.content
    again = finished(http, started).json()
    assert again["output"][0]["count"] == manifest["output"][0]["count"] - 1
    (job,) = (http.gateway.settings.exports / STUDY).iterdir()
    assert all(person.encode() not in path.read_bytes() for path in job.iterdir())
    end(http, started)


def withdrawn(http: Http, person: str) -> None:
    consent = http.get(f"/Consent?patient={person}", client=REGISTRAR).json()["entry"][0]["resource"]
    put(http, withdraw(consent, "no-further-use", "2026-01-01T00:00:00Z"))


def test_every_download_leaves_an_event(http: Http) -> None:
    before = settled(http)
    exported(http, "/$export?_type=ResearchStudy")
    told = [event["operation"] for event in on_record(http, before) if event["client"] == "research"]
    assert told[:4] == ["bulk-export", "export", "exported", "bulk-download"]


def test_it_is_told_where_an_export_can_be_asked_for(http: Http) -> None:
    statement = http.ask("GET", f"{BASE}/metadata").json()
    rest = statement["rest"][0]
    assert "export" in {one["name"] for one in rest["operation"]}
    offered = {one["type"] for one in rest["resource"] if "export" in {op["name"] for op in one.get("operation", ())}}
    assert offered == {"Patient", "Group"}
    assert statement["instantiates"] == ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"]
