"""History over HTTP: of a resource, a type and the study; pages, instants, deletions, and what is hidden."""

from collections.abc import Iterator

import pytest

from gateway.core import loads
from gateway.core.issues import any_blocks
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, rule, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("history")) as served:
        patient = served.participant("all").patient
        for day in (1, 2, 3):
            assert served.put(observation("o1", patient, day)).status_code in (200, 201)
        served.put(observation("o2", patient))
        served.ask("DELETE", f"{BASE}/Observation/o2", REGISTRAR)
        served.put(observation("hidden", served.participant("norte-research-only").patient))
        yield served


def versions(answer: object) -> list[str]:
    """`id/version` of each entry, "-" before those of deletions."""
    told = []
    for entry in answer.json().get("entry", []):  # type: ignore[attr-defined]
        identity = entry["fullUrl"].rpartition("/")[2]
        number = entry["response"]["etag"].strip('W/"')
        told.append(f"{'' if 'resource' in entry else '-'}{identity}/{number}")
    return told


def test_the_versions_of_a_resource_newest_first(http: Http) -> None:
    answer = http.get("/Observation/o1/_history")
    assert versions(answer) == ["o1/3", "o1/2", "o1/1"]
    bundle = loads(answer.content)
    assert bundle["type"] == "history"
    assert not any_blocks(http.gateway.engines.validator.validate(bundle))
    methods = [(entry["request"]["method"], entry["response"]["status"]) for entry in bundle["entry"]]
    assert methods == [("PUT", "200"), ("PUT", "200"), ("PUT", "201")]


def test_a_deletion_is_an_entry_without_resource(http: Http) -> None:
    answer = http.get("/Observation/o2/_history")
    assert versions(answer) == ["-o2/2", "o2/1"]
    assert answer.json()["entry"][0]["request"] == {"method": "DELETE", "url": "Observation/o2"}


def test_the_history_of_a_type_knows_visible_versions_only(http: Http) -> None:
    assert versions(http.get("/Observation/_history")) == ["-o2/2", "o2/1", "o1/3", "o1/2", "o1/1"]
    assert "hidden/1" in versions(http.get("/Observation/_history", client="norte-research"))


def test_the_history_of_the_study(http: Http) -> None:
    told = versions(http.get("/_history?_count=500"))
    assert told[:2] == ["-o2/2", "o2/1"]
    assert len(told) > 6
    assert "hidden/1" not in told


def test_pages_follow_one_another(http: Http) -> None:
    for path in ("/Observation/_history", "/Observation/o1/_history", "/_history"):
        whole = versions(http.get(f"{path}?_count=500"))
        told, onward = [], f"{path}?_count=2"
        while onward:
            answer = http.get(onward)
            told += versions(answer)
            links = {link["relation"]: link["url"] for link in answer.json()["link"]}
            onward = links.get("next", "").partition("/fhir")[2]
        assert told == whole, path


def test_since_and_at(http: Http) -> None:
    made = http.get("/Observation/o1/_history/2").json()["meta"]["lastUpdated"]
    assert versions(http.get(f"/Observation/o1/_history?_since={made}")) == ["o1/3", "o1/2"]
    assert versions(http.get(f"/Observation/o1/_history?_at={made}")) == ["o1/2"]
    assert versions(http.get("/Observation/o1/_history?_since=2100-01-01")) == []


@pytest.mark.parametrize(
    "query", ["_count=x", "_since=yesterday", "_at=", "_cursor=x", "_count=1&_count=2", "_sort=x", "_cursor=p.x"]
)
def test_what_is_not_understood_is_refused(http: Http, query: str) -> None:
    assert http.get(f"/Observation/_history?{query}").status_code == 400


def test_a_cursor_belongs_to_its_history(http: Http) -> None:
    bundle = http.get("/Observation/_history?_count=2").json()
    onward = next(link["url"] for link in bundle["link"] if link["relation"] == "next").partition("/fhir")[2]
    other = http.get(onward.replace("/Observation/", "/Patient/"))
    assert (other.status_code, rule(other)) == (400, "rest.cursor")


def test_hidden_and_absent_are_the_same(http: Http) -> None:
    answers = [http.get(f"/Observation/{name}/_history") for name in ("hidden", "absent")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_client_of_some_types_reads_no_history_of_the_study(http: Http) -> None:
    answer = http.get("/_history", client="research")
    assert (answer.status_code, rule(answer)) == (403, "auth.scope")


def test_parts_of_versions(http: Http) -> None:
    answer = http.get("/Observation/o1/_history?_summary=true").json()
    resource = answer["entry"][0]["resource"]
    assert "category" not in resource
    assert resource["meta"]["tag"][0]["code"] == "SUBSETTED"
    only = http.get("/Observation/o1?_elements=category").json()
    assert set(only) == {"resourceType", "id", "meta", "category", "status", "code"}
    assert set(http.get("/Observation/o1?_summary=text").json()) == {"resourceType", "id", "meta", "status", "code"}
    assert "valueQuantity" in http.get("/Observation/o1?_summary=data").json()
    assert http.get("/Observation/o1?_summary=count").status_code == 400
    assert http.get("/Observation/o1/_history/1?_elements=a/b").status_code == 400
