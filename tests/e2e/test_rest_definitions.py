"""Definitions and terminology of the asset folders over HTTP: found beside what is stored, and never written."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from gateway.definitions import Catalogue, Definitions
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, rule, serving

JSON = {"Content-Type": "application/fhir+json"}
PROFILE = f"urn:trial-fhir-gateway:study:{STUDY}:hf-heart-rate"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("definitions"), page_size=4, page_limit=2000) as served:
        yield served


def found(answer: Any) -> list[Resource]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def code_system(identity: str, url: str) -> Resource:
    return {"resourceType": "CodeSystem", "id": identity, "url": url, "status": "draft", "content": "complete"}


def test_every_canonical_of_the_capability_statement_leads_somewhere(http: Http) -> None:
    [server] = http.get("/metadata", client="").json()["rest"]
    profiles = {url for entry in server["resource"] for url in entry.get("supportedProfile", ())}
    operations = {one["definition"] for entry in (server, *server["resource"]) for one in entry.get("operation", ())}
    observation = next(entry for entry in server["resource"] if entry["type"] == "Observation")
    parameters = {one["definition"] for one in observation["searchParam"]}
    own = {url for url in operations if url.startswith("urn:trial-fhir-gateway:")}
    assert min(map(len, (profiles, own, parameters))) > 1
    for kind, urls in (
        ("StructureDefinition", profiles),
        ("OperationDefinition", own),
        ("SearchParameter", parameters),
    ):
        for url in sorted(urls):
            [one] = found(http.get(f"/{kind}?url={url}"))
            assert one["url"] == url
            read = http.get(f"/{kind}/{one['id']}")
            assert read.json() == one
            assert read.headers["etag"] == f'W/"{one["meta"]["versionId"]}"'


@pytest.mark.parametrize(
    ("search", "ids"),
    [
        ("ValueSet?url=http://hl7.org/fhir/ValueSet/observation-status", ["observation-status"]),
        ("ValueSet?url=http://hl7.org/fhir/ValueSet/observation-status|4.0.1", ["observation-status"]),
        ("ValueSet?url=http://hl7.org/fhir/ValueSet/observation-status|4.0.2", []),
        ("CodeSystem?system=http://hl7.org/fhir/observation-status&code=amended", ["observation-status"]),
        ("ConceptMap?url=urn:trial-fhir-gateway:conceptmap:sdtm-sex", ["sdtm-sex"]),
        ("StructureDefinition?type=Observation&_id=vitalsigns,bp", ["bp", "vitalsigns"]),
        ("StructureDefinition?_id=vitalsigns,bp&_sort=-_id", ["vitalsigns", "bp"]),
        ("SearchParameter?code=clinical-status&base=Condition", ["Condition-clinical-status"]),
        ("StructureDefinition?url=urn:nobody", []),
        ("?_type=ValueSet,Observation,CodeSystem&_id=observation-status", ["observation-status"] * 2),
        ("?_type=CodeSystem&_id=observation-status&_sort=-_id", ["observation-status"]),
        ("?_id=observation-status", []),
    ],
)
def test_they_are_searched_as_what_is_stored(http: Http, search: str, ids: list[str]) -> None:
    assert [one["id"] for one in found(http.get(f"/{search}"))] == ids
    assert http.get(f"/{search}&_total=accurate").json()["total"] == len(ids)
    assert http.get(f"/{search}&_summary=count").json()["total"] == len(ids)


def test_pages_go_on_from_them_to_what_is_stored(http: Http) -> None:
    for number in range(3):
        made = code_system(f"mine-{number}", f"urn:test:mine-{number}")
        assert http.put(made).status_code == 201
    own = found(http.get("/CodeSystem?status=active&publisher:missing=true&version=1.0.0&_count=1000"))
    asked = [one["id"] for one in own] + ["mine-0", "mine-1", "mine-2"]
    url = f"{BASE}/CodeSystem?_id={','.join(asked)}&_count=2&_total=accurate"
    seen: list[str] = []
    totals = set()
    while url:
        bundle = http.ask("GET", url.removeprefix(http.gateway.settings.public_url), "ehr-app").json()
        seen += [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        totals.add(bundle["total"])
        url = {link["relation"]: link["url"] for link in bundle["link"]}.get("next", "")
    assert sorted(seen) == sorted(asked)
    assert totals == {len(asked)}


def test_nobody_writes_them(http: Http) -> None:
    [profile] = found(http.get(f"/StructureDefinition?url={PROFILE}"))
    place = f"StructureDefinition/{profile['id']}"
    patch = [{"op": "replace", "path": "/title", "value": "x"}]
    entry = {"request": {"method": "PUT", "url": place}, "resource": profile}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    for answer in (
        http.put(profile),
        http.put(profile, **{"If-Match": f'W/"{profile["meta"]["versionId"]}"'}),
        http.ask("DELETE", f"{BASE}/{place}", REGISTRAR),
        http.ask("POST", BASE, REGISTRAR, content=dumps(bundle), headers=JSON),
        http.ask(
            "PATCH",
            f"{BASE}/{place}",
            REGISTRAR,
            content=dumps(patch),  # type: ignore[arg-type]
            headers={"Content-Type": "application/json-patch+json"},
        ),
    ):
        assert (answer.status_code, rule(answer)) == (405, "store.definition")
    never = profile | {"id": "never"}
    assert http.put(never, **{"If-Match": 'W/"1"'}).status_code == 412
    assert http.get(f"/{place}").json() == profile


def test_a_version_and_a_history_are_of_the_one_there_is(http: Http) -> None:
    [profile] = found(http.get(f"/StructureDefinition?url={PROFILE}"))
    place, version = f"/StructureDefinition/{profile['id']}", profile["meta"]["versionId"]
    assert http.get(f"{place}/_history/{version}").json() == profile
    assert http.get(f"{place}/_history/1").status_code == 404
    assert found(http.get(f"{place}/_history")) == [profile]
    same = http.get(place, headers={"If-None-Match": f'W/"{version}"'})
    assert same.status_code == 304


def test_scopes_are_asked(http: Http) -> None:
    assert http.get("/CodeSystem/observation-status", client="research").status_code == 403
    assert http.get("/CodeSystem?url=x", client="research").status_code == 403


def test_whole_records_and_exports_are_without_them(http: Http) -> None:
    record = found(http.get(f"/ResearchStudy/{STUDY}/$everything?_type=StructureDefinition,ValueSet"))
    assert record == []


def test_a_search_of_several_types_has_those_of_the_types_that_it_names(http: Http) -> None:
    named = found(http.get("?_type=ValueSet,CodeSystem&_id=observation-status,administrative-gender"))
    assert [(one["resourceType"], one["id"]) for one in named] == [
        (kind, id) for kind in ("ValueSet", "CodeSystem") for id in ("administrative-gender", "observation-status")
    ]
    assert "observation-status" not in {one["id"] for one in found(http.get("?_count=2000"))}


def test_r4s_own_say_that_they_are_not_whole(http: Http) -> None:
    heart = http.get("/StructureDefinition/heartrate").json()
    assert (heart["status"], heart["meta"]["tag"][0]["code"]) == ("unknown", "SUBSETTED")
    assert http.get("/CodeSystem/withdrawal-mode").json()["status"] == "active"


def test_operations_reach_them_by_id(http: Http) -> None:
    answer = http.get("/ValueSet/observation-status/$expand")
    assert answer.status_code == 200, answer.text


def test_a_study_sees_its_own_and_no_others(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles"
    for study in ("one", "two"):
        folder = profiles / "studies" / study
        folder.mkdir(parents=True)
        (folder / "x.json").write_bytes(dumps(code_system("same", f"urn:{study}")))
    (profiles / "shared.json").write_bytes(dumps(code_system("shared", "urn:shared")))
    catalogue = Catalogue.of_studies(
        Definitions.load(profiles), [profiles], ("one", "two", "three"), datetime(2026, 1, 1, tzinfo=UTC)
    )
    urls = {
        study: {one.resource["url"] for one in catalogue.of(study, "CodeSystem").values()}
        & {"urn:one", "urn:two", "urn:shared"}
        for study in ("one", "two", "three")
    }
    assert urls == {"one": {"urn:one", "urn:shared"}, "two": {"urn:two", "urn:shared"}, "three": {"urn:shared"}}
    assert catalogue.of("one", "Observation") == {}
