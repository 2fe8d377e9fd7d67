"""`_typeFilter` with chains and `_has`: an export finds what a search of the same reader finds, nobody by others."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.types import Resource
from gateway.study import withdraw
from tests.e2e.exports import end, exported, finished, ids, kick_off, place
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving_on

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving_on(request, tmp_path_factory.mktemp("filters")) as served:
        for name in ("shared", "own-0", "own-1", "own-2", "hidden", "leaving", "going"):
            put(served, {"resourceType": "Organization", "id": name, "active": True, "name": name})
        for number, person in enumerate(people(served)[:3]):
            for day in (1, 2, 3):
                performer = "shared" if day == 1 else f"own-{number}"
                put(served, observed(f"t-{number}-{day}", person, day, performer))
        put(served, observed("h-1", served.participant("norte-research-only").patient, 1, "hidden"))
        put(served, observed("l-1", people(served)[3], 1, "leaving"))
        put(served, observed("g-1", people(served)[4], 1, "going"))
        yield served


def people(http: Http) -> list[str]:
    known = http.gateway.studies[STUDY].participants
    return [one.patient for one in known if one.consent == "all" and not one.withdrawn][:5]


def put(http: Http, resource: Resource) -> None:
    assert http.put(resource).status_code in (200, 201)


def observed(identity: str, patient: str, day: int, performer: str) -> Resource:
    return observation(identity, patient, day) | {"performer": [{"reference": f"Organization/{performer}"}]}


def searched(http: Http, client: str, *filters: str) -> list[str]:
    """What searches of the reader find, each resource once."""
    found: set[str] = set()
    for one in filters:
        answer = http.get(f"/{one.removesuffix('?')}{'&' if one[-1] != '?' else '?'}_count=500", client)
        assert answer.status_code == 200, answer.text
        entries = answer.json().get("entry", [])
        found |= {entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"}
    return sorted(found)


def taken(http: Http, client: str, *filters: str, more: str = "") -> list[str]:
    kind = filters[0].partition("?")[0]
    asked = "&".join("_typeFilter=" + one.replace("&", "%26") for one in filters)
    found = exported(http, f"/$export?_type={kind}&{asked}{more}", client)
    lines = [ids(content) for content in found.values()]
    assert len(lines) <= 1
    return sorted(lines[0]) if lines else []


SHARED = "performer:Organization._id=shared"
FILTERS = {
    "a chain": ["Observation?subject:Patient._id=PERSON"],
    "a chain by patient": ["Observation?patient.birthdate=gt1900-01-01"],
    "a chain without its type": ["Observation?subject.birthdate=gt1900-01-01"],
    "a chain and more": ["Observation?performer:Organization._id=own-1&date=2026-03-03"],
    "a chain of two": ["Observation?subject:Patient.organization.name=Boston Heart"],
    "a chain to the hidden": ["Observation?performer:Organization._id=hidden"],
    "referred to": ["Patient?_has:Observation:patient:date=2026-03-02"],
    "referred to by the hidden": ["Organization?_has:Observation:performer:date=ge2026-01-01"],
    "referred to, then a chain": ["Patient?_has:Observation:patient:performer._id=shared"],
    "nothing": ["Organization?_has:Observation:performer:date=ge2030-01-01"],
    "not": ["Observation?performer:Organization._id:not=shared"],
    "several": ["Observation?subject:Patient._id=PERSON", f"Observation?{SHARED}", "Observation?date=2026-03-03"],
    "several of two clauses": [f"Observation?{SHARED}&date=2026-03-01", "Observation?date=2026-03-02&code=8310-5"],
    "several, one of all": ["Observation?performer:Organization._id=shared", "Observation?"],
}  # fmt: skip


@pytest.mark.parametrize("client", ["data-manager", "statistics", "research"])
@pytest.mark.parametrize("name", FILTERS)
def test_an_export_finds_what_searches_find(http: Http, name: str, client: str) -> None:
    filters = [one.replace("PERSON", people(http)[1]) for one in FILTERS[name]]
    asked = http.get("/" + filters[0], client)
    if asked.status_code == 403:
        answer = kick_off(http, "/$export?_typeFilter=" + filters[0].replace("&", "%26"), client)
        assert (answer.status_code, rule(answer)) == (403, rule(asked))
        return
    assert taken(http, client, *filters) == searched(http, client, *filters)


def test_they_are_not_all_empty(http: Http) -> None:
    counts = [
        len(searched(http, "data-manager", *(one.replace("PERSON", people(http)[1]) for one in filters)))
        for filters in FILTERS.values()
    ]
    assert sum(count > 0 for count in counts) >= len(FILTERS) - 3


def test_a_filter_of_named_patients(http: Http) -> None:
    asked = [{"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in people(http)[:2]]
    given = [{"name": "_typeFilter", "valueString": "Observation?performer:Organization._id=shared"}, *asked]
    content = json.dumps({"resourceType": "Parameters", "parameter": given}).encode()
    path = "/Patient/$export?_type=Observation"
    found = exported(http, path, "data-manager", method="POST", content=content, headers=JSON)
    assert sorted(ids(found["Observation"])) == ["t-0-1", "t-1-1"]


def test_what_goes_with_the_rest_is_refused_beside_a_chain(http: Http) -> None:
    query = (
        "_typeFilter=Observation?performer:Organization._id=shared&includeAssociatedData=LatestProvenanceResources"
    )
    answer = kick_off(http, f"/$export?_type=Observation&{query}", "data-manager")
    assert (answer.status_code, rule(answer)) == (400, "export.parameter-value")


def test_what_was_deleted_is_told_beside_a_chain(http: Http) -> None:
    put(http, observed("gone", people(http)[0], 9, "shared"))
    at = finished(http, kick_off(http, "/$export?_type=ResearchStudy", "data-manager"), "data-manager").json()
    assert http.ask("DELETE", f"{BASE}/Observation/gone", REGISTRAR).status_code in (200, 204)
    query = (
        f"_type=Observation&_typeFilter=Observation?performer:Organization._id=shared&_since={at['transactionTime']}"
    )
    assert b'"Observation/gone"' in exported(http, f"/$export?{query}", "statistics")["deleted"]


@pytest.mark.parametrize("form", ["", "&organizeOutputBy=Patient"])
def test_nobody_who_withdrew_is_found_by_what_they_referred_to(http: Http, form: str) -> None:
    """Of a finished export too: its file is written again by the search, not by the ids that it had."""
    person, place_of = (people(http)[4], "going") if form else (people(http)[3], "leaving")
    search = "Organization?_has:Observation:performer:date=ge2026-01-01"
    gone = {place_of}
    if form:
        search = f"Observation?performer:Organization._has:Observation:performer:patient=Patient/{person}"
        put(http, observed("by-another", people(http)[0], 5, place_of))
        gone = {"by-another", "g-1"}
    kind = search.partition("?")[0]
    started = kick_off(http, f"/$export?_type={kind}&_typeFilter={search}{form}", "statistics")
    assert finished(http, started, "statistics").status_code == 200
    before = names(http, started)
    assert gone <= set(before)
    withdrawn = withdraw(consent_of(http, person), "no-further-use", "2026-06-01T00:00:00Z")
    assert http.put(withdrawn).status_code == 200
    assert names(http, started) == sorted(set(before) - gone)
    assert taken(http, "statistics", search) == searched(http, "statistics", search)
    end(http, started, "statistics")


def consent_of(http: Http, person: str) -> Any:
    [entry] = http.get(f"/Consent?patient={person}", REGISTRAR).json()["entry"]
    return entry["resource"]


def names(http: Http, started: Any) -> list[str]:
    """The ids in the files of an export, as they are now."""
    answer = http.ask("GET", place(http, started.headers["content-location"]), "statistics")
    assert answer.status_code == 200, answer.text
    found = []
    for entry in answer.json()["output"]:
        file = http.ask("GET", place(http, entry["url"]), "statistics")
        assert file.status_code == 200
        found += [json.loads(line).get("id", "") for line in file.content.splitlines()]
    return sorted(filter(None, found))
