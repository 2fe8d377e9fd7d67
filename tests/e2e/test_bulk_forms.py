"""Forms of an export: with Provenance, by patient, told of in pages; and one that is asked about too often."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.types import Resource
from gateway.study import withdraw
from tests.e2e.exports import download, end, exported, finished, ids, kick_off, place
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

JSON = {"Content-Type": "application/fhir+json"}
MANAGER = "data-manager"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("forms")) as served:
        first, second, _ = people(served)
        hidden = served.participant("norte-research-only").patient
        for number, person in enumerate((first, second)):
            for day in (1, 2):
                put(served, observation(f"t-{number}-{day}", person, day))
        put(served, observation("hidden", hidden))
        put(served, provenance("old", "2026-03-01T10:00:00Z", "t-0-1", "t-1-1"))
        put(served, provenance("new", "2026-03-02T10:00:00+01:00", "t-0-1"))
        put(served, provenance("of-hidden", "2026-03-03T10:00:00Z", "hidden"))
        yield served


def people(http: Http) -> list[str]:
    """Three participants who signed everything."""
    known = http.gateway.studies[STUDY].participants
    return [one.patient for one in known if one.consent == "all" and not one.withdrawn][:3]


def put(http: Http, resource: Resource) -> None:
    answer = http.put(resource)
    assert answer.status_code in (200, 201), answer.text


def provenance(identity: str, recorded: str, *targets: str) -> Resource:
    return {
        "resourceType": "Provenance",
        "id": identity,
        "recorded": recorded,
        "target": [{"reference": f"Observation/{one}"} for one in targets],
        "agent": [{"who": {"reference": "Organization/sponsor"}}],
    }


def body(**values: Any) -> bytes:
    given = [
        {"name": name, "valueBoolean" if isinstance(value, bool) else "valueString": value}
        for name, value in values.items()
    ]
    return json.dumps({"resourceType": "Parameters", "parameter": given}).encode()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("RelevantProvenanceResources", {"old", "new"}),
        ("LatestProvenanceResources", {"old", "new"}),
        ("LatestProvenanceResources&_typeFilter=Observation?_id=t-0-1", {"new"}),
        ("RelevantProvenanceResources&_typeFilter=Observation?_id=t-0-1", {"old", "new"}),
        ("LatestProvenanceResources,RelevantProvenanceResources&_typeFilter=Observation?_id=t-0-1", {"old", "new"}),
        ("RelevantProvenanceResources&_typeFilter=Observation?_id=t-0-2", set()),
        ("RelevantProvenanceResources&_typeFilter=Observation?_id=hidden", set()),
    ],
)
def test_provenance_goes_with_what_leaves(http: Http, asked: str, expected: set[str]) -> None:
    found = exported(http, f"/$export?_type=Observation&includeAssociatedData={asked}", MANAGER)
    assert set(ids(found.get("Provenance", b""))) == expected
    assert len(ids(found.get("Provenance", b""))) == len(expected)


def test_provenance_needs_its_own_scope(http: Http) -> None:
    answer = kick_off(http, "/$export?_type=Observation&includeAssociatedData=LatestProvenanceResources", "research")
    assert (answer.status_code, rule(answer)) == (403, "auth.scope")
    answer = kick_off(http, "/$export?_type=Observation&organizeOutputBy=Patient", "research")
    assert (answer.status_code, rule(answer)) == (403, "auth.scope")


def blocks(content: bytes) -> dict[str, list[str]]:
    """The references in each block, by the reference of its header."""
    found: dict[str, list[str]] = {}
    for line in content.splitlines():
        tree = json.loads(line)
        if tree["resourceType"] == "Parameters":
            (header,) = tree["parameter"]
            assert header["name"] == "header"
            assert header["valueReference"]["reference"] not in found
            own = found.setdefault(header["valueReference"]["reference"], [])
        else:
            own.append(f"{tree['resourceType']}/{tree['id']}")
    return found


def organized(http: Http, query: str, **options: Any) -> tuple[Any, dict[str, list[str]]]:
    started = kick_off(http, f"/Patient/$export?{query}", MANAGER, **options)
    manifest = finished(http, started, MANAGER).json()
    assert manifest["outputOrganizedBy"] == "Patient"
    contents = b""
    for entry in manifest["output"]:
        assert "type" not in entry
        answer = http.ask("GET", place(http, entry["url"]), MANAGER)
        assert answer.content.count(b"\n") == entry["count"]
        contents += answer.content
    return started, blocks(contents)


def test_files_by_patient(http: Http) -> None:
    first, second, third = people(http)
    started, found = organized(http, "organizeOutputBy=Patient&_type=Patient,Observation")
    end(http, started, MANAGER)
    assert found[f"Patient/{first}"] == [f"Patient/{first}", "Observation/t-0-1", "Observation/t-0-2"]
    assert found[f"Patient/{second}"] == [f"Patient/{second}", "Observation/t-1-1", "Observation/t-1-2"]
    assert found[f"Patient/{third}"] == [f"Patient/{third}"]
    assert f"Patient/{http.participant('norte-research-only').patient}" not in found
    only = "_type=Observation&_typeFilter=Observation?_id=t-1-2"
    started, found = organized(http, f"organizeOutputBy=Patient&{only}")
    end(http, started, MANAGER)
    assert found == {f"Patient/{second}": ["Observation/t-1-2"]}
    started, found = organized(http, "organizeOutputBy=Patient")
    end(http, started, MANAGER)
    assert {"Consent", "ResearchSubject", "Patient", "Observation"} <= {
        one.split("/")[0] for one in found[f"Patient/{first}"]
    }


def test_who_withdraws_is_taken_out_of_blocks_header_and_all(http: Http) -> None:
    person = people(http)[1]
    started, found = organized(http, "organizeOutputBy=Patient&_type=Patient,Observation")
    assert f"Patient/{person}" in found
    consent = http.get(f"/Consent?patient={person}", client=REGISTRAR).json()["entry"][0]["resource"]
    put(http, withdraw(consent, "no-further-use", "2026-01-01T00:00:00Z"))
    manifest = finished(http, started, MANAGER).json()
    files = [http.ask("GET", place(http, one["url"]), MANAGER).content for one in manifest["output"]]
    assert all(person.encode() not in content for content in files)
    after = blocks(b"".join(files))
    del found[f"Patient/{person}"]
    assert after == found
    end(http, started, MANAGER)
    assert http.put(consent, If_Match='W/"2"').status_code == 200


def test_manifests_come_in_pages(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.export.bulk.exports.FILES_AT_ONCE", 2)
    whole = exported(http, "/$export", MANAGER)
    sent = body(allowPartialManifests=True)
    started = kick_off(http, "/$export", MANAGER, "POST", content=sent, headers=JSON)
    page = finished(http, started, MANAGER).json()
    status = place(http, started.headers["content-location"])
    pages, found = 1, download(http, page, MANAGER)
    assert len(page["output"]) == 2
    while page.get("link"):
        (link,) = page["link"]
        assert link["relation"] == "next"
        answer = http.ask("GET", place(http, link["url"]), MANAGER)
        assert answer.status_code == 200
        page = answer.json()
        for kind, content in download(http, page, MANAGER).items():
            found[kind] = found.get(kind, b"") + content
        pages += 1
    assert {kind: sorted(ids(content)) for kind, content in found.items()} == {
        kind: sorted(ids(content)) for kind, content in whole.items()
    }
    assert pages == (len(whole) + 1) // 2
    for wrong in (pages + 1, 0, -1, "x", "9" * 30, "²"):
        assert http.ask("GET", f"{status}?page={wrong}", MANAGER).status_code == 404
    end(http, started, MANAGER)


def test_who_asks_too_often_is_told_to_wait(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("often"), rate_status="3/hour") as served:
        started = kick_off(served, "/$export?_type=ResearchStudy")
        status = place(served, started.headers["content-location"])
        answers = [served.ask("GET", status, "research") for _ in range(4)]
        assert [one.status_code in (200, 202) for one in answers] == [True, True, True, False]
        assert answers[3].status_code == 429
        assert int(answers[3].headers["retry-after"]) >= 1
        assert served.ask("GET", f"{BASE}/ResearchStudy", "research").status_code == 200
        end_of = served.ask("DELETE", status, "research")
        assert end_of.status_code == 202


@pytest.mark.parametrize(
    "query",
    [
        "includeAssociatedData=_other",
        "includeAssociatedData=",
        "includeAssociatedData=LatestProvenanceResources,x",
        "includeAssociatedData=LatestProvenanceResources&organizeOutputBy=Patient",
        "organizeOutputBy=Observation",
        "organizeOutputBy=Patient&organizeOutputBy=Group",
        "allowPartialManifests=yes",
        "allowPartialManifests=true&allowPartialManifests=false",
    ],
)
def test_other_values_are_refused_by_name_or_left_aside(http: Http, query: str) -> None:
    answer = kick_off(http, f"/$export?_type=Observation&{query}", MANAGER)
    assert (answer.status_code, rule(answer)) == (400, "export.parameter-value")
    lenient = {"Prefer": "respond-async, handling=lenient"}
    started = kick_off(http, f"/$export?_type=Observation&{query}", MANAGER, headers=lenient)
    manifest = finished(http, started, MANAGER).json()
    told = http.ask("GET", place(http, manifest["error"][0]["url"]), MANAGER)
    assert query.partition("=")[0] in told.text
    end(http, started, MANAGER)
