"""Operations over records: everything, the newest, statistics, meta; and the search's reach over HTTP."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.core import dumps, loads
from gateway.core.issues import any_blocks
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

JSON = {"Content-Type": "application/fhir+json"}
OTHER_CODE = {"coding": [{"system": "http://loinc.org", "code": "2339-0"}]}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("records")) as served:
        patient = served.participant("all").patient
        for day in range(1, 7):
            assert served.put(observation(f"t{day}", patient, day, f"36.{day}0")).status_code == 201
        for name, day in (("text-1", 7), ("text-2", 8)):
            served.put(observation(name, patient, day) | {"code": {"text": "How warm"}})
        fahrenheit = observation("f", patient, 9)
        fahrenheit["valueQuantity"] |= {"value": Decimal("98.6"), "unit": "degF", "code": "[degF]"}
        assert served.put(fahrenheit | {"code": OTHER_CODE}).status_code == 201
        served.put(observation("hidden", served.participant("norte-research-only").patient))
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def followed(http: Http, path: str, **options: Any) -> list[Resource]:
    """The matches of all pages."""
    found: list[Resource] = []
    while path:
        answer = http.get(path, **options)
        assert answer.status_code == 200, answer.text
        bundle = loads(answer.content)
        found += [one["resource"] for one in bundle.get("entry", []) if one["search"]["mode"] == "match"]
        path = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "").partition("/fhir")[2]
    return found


def references(resources: list[Resource]) -> list[str]:
    return [f"{found['resourceType']}/{found['id']}" for found in resources]


def test_everything_of_a_participant_page_by_page(http: Http, patient: str) -> None:
    whole = references(followed(http, f"/Patient/{patient}/$everything?_count=500"))
    assert whole[0] == f"Patient/{patient}"
    assert {"Observation/t1", "Observation/text-1", "Observation/f"} <= set(whole)
    assert any(found.startswith("Consent/") for found in whole)
    assert "Observation/hidden" not in whole
    for count in (1, 2, 3, 7):
        assert references(followed(http, f"/Patient/{patient}/$everything?_count={count}")) == whole


def around(http: Http, path: str) -> dict[str, str]:
    """Reference -> search mode of what a page of everything holds."""
    bundle = http.get(path).json()
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}": entry["search"]["mode"]
        for entry in bundle["entry"]
    }


def test_what_a_record_refers_to_comes_along(http: Http) -> None:
    patient = next(
        one for one in http.gateway.studies[STUDY].participants if one.patient != http.participant("all").patient
        and one.consent == "all" and not one.withdrawn
    ).patient  # fmt: skip
    hidden = http.participant("norte-research-only").patient
    for made in (
        {"resourceType": "Organization", "id": "ward", "name": "Ward"},
        {"resourceType": "Practitioner", "id": "doctor", "active": True},
        {"resourceType": "Practitioner", "id": "nobody", "active": True},
        {
            "resourceType": "PractitionerRole", "id": "role",
            "practitioner": {"reference": "Practitioner/doctor"}, "organization": {"reference": "Organization/ward"},
        },
        {"resourceType": "Device", "id": "shared", "status": "active"},
        {"resourceType": "Device", "id": "another", "patient": {"reference": f"Patient/{hidden}"}},
        observation("around", patient) | {
            "performer": [{"reference": "PractitionerRole/role"}], "device": {"reference": "Device/another"},
        },
    ):  # fmt: skip
        answer = http.put(made)
        assert answer.status_code == 201 or made["id"] == "shared", answer.text
    path = f"/Patient/{patient}/$everything"
    found = around(http, f"{path}?_count=500")
    assert found["Observation/around"] == "match"
    included = {name for name, mode in found.items() if mode == "include"}
    assert {"PractitionerRole/role", "Practitioner/doctor", "Organization/ward"} <= included
    assert not {"Practitioner/nobody", "Device/another"} & found.keys()
    narrowed = around(http, f"{path}?_count=500&_type=Observation,PractitionerRole")
    assert narrowed == {"Observation/around": "match", "PractitionerRole/role": "include"}


@pytest.mark.parametrize(
    "path", ["Patient/{patient}/$everything", "Observation/$lastn?patient={patient}&code=8310-5"]
)
def test_an_operation_is_posted_without_a_body(http: Http, patient: str, path: str) -> None:
    address = f"{BASE}/{path.format(patient=patient)}"
    posted, got = (http.ask(method, address, "ehr-app") for method in ("POST", "GET"))
    assert posted.status_code == 200
    assert posted.json().get("entry") == got.json().get("entry")


def test_everything_may_be_narrowed(http: Http, patient: str) -> None:
    path = f"/Patient/{patient}/$everything"
    assert {name.partition("/")[0] for name in references(followed(http, f"{path}?_type=Consent,Patient"))} == {
        *("Consent", "Patient")
    }
    dated = references(followed(http, f"{path}?_type=Observation&start=2026-03-02&end=2026-03-04"))
    assert sorted(dated) == ["Observation/t2", "Observation/t3", "Observation/t4"]
    assert followed(http, f"{path}?_since=2100-01-01") == []
    assert followed(http, f"{path}?_since=2020-01-01T00:00:00Z&_type=Patient") != []


@pytest.mark.parametrize("query", ["_type=Nonsense", "_count=0", "start=x", "_cursor=x", "_since=x", "other=1"])
def test_what_everything_does_not_take_is_refused(http: Http, patient: str, query: str) -> None:
    assert http.get(f"/Patient/{patient}/$everything?{query}").status_code == 400


def test_everything_of_hidden_absent_and_beyond_the_scopes(http: Http, patient: str) -> None:
    hidden = http.participant("norte-research-only").patient
    answers = [http.get(f"/Patient/{name}/$everything") for name in (hidden, "absent")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert http.get(f"/Patient/{patient}/$everything", client="research").status_code == 403


def test_everything_of_the_study(http: Http, patient: str) -> None:
    told = references(followed(http, f"/ResearchStudy/{STUDY}/$everything?_count=50"))
    assert told[0] == f"ResearchStudy/{STUDY}"
    assert len(told) == len(set(told))
    assert {"Observation/t1", f"Patient/{patient}"} <= set(told)
    assert "Observation/hidden" not in told
    research = references(followed(http, f"/ResearchStudy/{STUDY}/$everything", client="research"))
    assert "Observation/t1" in research
    assert not any(name.startswith(("Patient/", "Consent/")) for name in research)


def test_everything_of_a_group_and_an_encounter(http: Http, patient: str) -> None:
    group = {
        "resourceType": "Group",
        "id": "g",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": f"Patient/{patient}"}}],
    }
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    assert http.put(group).status_code == 201
    assert http.put(encounter).status_code == 201
    http.put(observation("in-encounter", patient) | {"encounter": {"reference": "Encounter/e"}})
    assert {"Group/g", f"Patient/{patient}", "Observation/t1"} <= set(
        references(followed(http, "/Group/g/$everything"))
    )
    told = references(followed(http, "/Encounter/e/$everything"))
    assert told == ["Encounter/e", f"Patient/{patient}", "Observation/in-encounter"]


def test_the_newest_of_each_code(http: Http, patient: str) -> None:
    told = references(followed(http, f"/Observation/$lastn?patient={patient}&max=2&date=ge2026-03-02"))
    wanted = ["f", "text-2", "text-1", "t6", "t5"]
    assert told == [f"Observation/{name}" for name in wanted]
    one = references(followed(http, f"/Observation/$lastn?subject=Patient/{patient}&code=8310-5"))
    assert one == ["Observation/t6"]
    for query in ("", "?max=2", f"?patient={patient}&max=0", f"?patient={patient}&nonsense=1"):
        assert http.get(f"/Observation/$lastn{query}").status_code == 400, query


def stats(http: Http, query: str, **options: Any) -> dict[str, Any]:
    answer = http.get(f"/Observation/$stats?{query}", **options)
    assert answer.status_code == 200, answer.text
    tree = loads(answer.content)
    if "code=2339-0" in query:  # R4's profile of vital signs takes no statistics, nor any period
        assert not any_blocks(http.gateway.engines.validator.validate(tree))
    components = tree["parameter"][0]["resource"]["component"]
    return {found["code"]["coding"][0]["code"]: found.get("valueQuantity") for found in components}


def test_statistics_of_measurements(http: Http, patient: str) -> None:
    asked = f"subject=Patient/{patient}&code=8310-5&system=http://loinc.org"
    names = "average,maximum,minimum,count,median,sum,std-dev"
    found = stats(http, f"{asked}&statistic={names}&statistic=20-percent")
    values = {name: quantity["value"] for name, quantity in found.items()}
    assert values["count"] >= 6
    assert values["minimum"] == Decimal("36.10")
    assert values["minimum"] < values["20-percent"] < values["median"] < values["maximum"]
    assert found["maximum"] == {
        "value": Decimal("36.60"),
        "unit": "Cel",
        "system": "http://unitsofmeasure.org",
        "code": "Cel",
    }
    assert "unit" not in found["count"]
    assert stats(http, f"subject=Patient/{patient}&code=2339-0&statistic={names}")["count"] == {"value": 1}
    none = stats(http, "subject=Patient/absent&code=8310-5&statistic=count,average")
    assert none["count"] == {"value": 0}
    assert none["average"] is None


def test_statistics_know_visible_observations_only(http: Http) -> None:
    hidden = http.participant("norte-research-only").patient
    asked = f"subject=Patient/{hidden}&code=8310-5&statistic=count"
    assert stats(http, asked)["count"] == {"value": 0}
    assert stats(http, asked, client="norte-research")["count"] == {"value": 1}


@pytest.mark.parametrize(
    "query",
    [
        "code=1&statistic=count", "subject=Patient/x&statistic=count", "subject=Patient/x&code=1",
        "subject=Patient/x&code=1&statistic=nonsense", "subject=Patient/x&code=1&statistic=count&duration=-1",
        "subject=Patient/x&code=1&statistic=count&limit=0&include=true",
    ],
)  # fmt: skip
def test_what_statistics_do_not_take_is_refused(http: Http, query: str) -> None:
    assert http.get(f"/Observation/$stats?{query}").status_code == 400


def test_meta_is_read_added_and_taken_away(http: Http, patient: str) -> None:
    http.put(observation("tagged", patient))
    tag = {"system": "urn:test", "code": "seen"}

    def change(name: str, meta: Resource, client: str = REGISTRAR) -> Any:
        body = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
        return http.ask("POST", f"{BASE}/Observation/tagged/${name}", client, content=dumps(body), headers=JSON)

    def tags() -> Any:
        return http.get("/Observation/tagged/$meta").json()["parameter"][0]["valueMeta"].get("tag")

    assert tags() is None
    assert change("meta-add", {"tag": [tag]}).status_code == 200
    change("meta-add", {"tag": [tag | {"display": "again"}]})
    assert tags() == [tag]
    assert references(followed(http, "/Observation?_tag=urn:test|seen")) == ["Observation/tagged"]
    assert change("meta-add", {"tag": [{"colour": "red"}]}).status_code == 422
    assert change("meta-delete", {"tag": [tag]}).status_code == 200
    assert tags() is None
    refused = change("meta-add", {"tag": [tag]}, "ehr-app")
    assert (refused.status_code, rule(refused)) == (403, "auth.scope")
    assert http.get("/Observation/tagged/$meta-add", client=REGISTRAR).status_code == 405


def test_searches_of_all_types_and_compartments(http: Http, patient: str) -> None:
    told = references(followed(http, "?_type=Observation,Patient&_count=3"))
    assert {"Observation/t1", f"Patient/{patient}"} <= set(told)
    mine = references(followed(http, f"/Patient/{patient}/Observation?code=8310-5&_count=2"))
    assert "Observation/t6" in mine
    assert "Observation/f" not in mine
    assert http.get("/Nothing/x/Observation").status_code == 404


def test_every_compartment_is_searched(http: Http, patient: str) -> None:
    http.put({"resourceType": "Practitioner", "id": "who"})
    http.put({"resourceType": "RelatedPerson", "id": "kin", "patient": {"reference": f"Patient/{patient}"}})
    http.put({"resourceType": "Device", "id": "thing", "patient": {"reference": f"Patient/{patient}"}})
    performers = [{"reference": "Practitioner/who"}, {"reference": "RelatedPerson/kin"}]
    held = observation("held", patient, 20) | {"performer": performers, "device": {"reference": "Device/thing"}}
    assert http.put(held | {"encounter": {"reference": "Encounter/e"}}).status_code == 201
    for place in (f"Patient/{patient}", "Practitioner/who", "RelatedPerson/kin", "Device/thing", "Encounter/e"):
        for path in (f"/{place}/Observation?_id=held", f"/{place}/*?_id=held"):
            assert references(followed(http, path)) == ["Observation/held"], path


def test_head_is_answered_by_operations_too(http: Http, patient: str) -> None:
    for path in (f"/Patient/{patient}/$everything", f"/Observation/$lastn?patient={patient}"):
        head, get = (http.ask(method, BASE + path, "ehr-app") for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers.get("content-length", head.headers["content-length"])


def test_includes_come_with_their_mode(http: Http, patient: str) -> None:
    bundle = http.get("/Observation?_id=t1&_include=Observation:subject").json()
    assert [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in bundle["entry"]] == [
        ("Observation", "match"),
        ("Patient", "include"),
    ]
    research = http.get("/Observation?_id=t1&_include=Observation:subject&_include=*", client="research").json()
    assert [entry["resource"]["resourceType"] for entry in research["entry"]] == ["Observation"]


def test_a_sorted_page_shows_no_value_in_its_link(http: Http) -> None:
    bundle = http.get("/Patient?_sort=birthdate&_count=1").json()
    link = next(found["url"] for found in bundle["link"] if found["relation"] == "next")
    sorted_all = followed(http, "/Patient?_sort=birthdate&_count=1")
    births = [found["birthDate"] for found in sorted_all]
    assert births == sorted(births)
    assert bundle["entry"][0]["resource"]["birthDate"] not in link


def test_a_lenient_search_tells_what_it_left_out(http: Http) -> None:
    assert http.get("/Observation?nonsense=1").status_code == 400
    bundle = http.get("/Observation?nonsense=1&_count=1", headers={"Prefer": "handling=lenient"}).json()
    assert bundle["entry"][-1]["search"]["mode"] == "outcome"
    assert bundle["entry"][-1]["resource"]["issue"][0]["severity"] == "warning"
