"""search over HTTP: pages, links, totals and forms, all over visible rows only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, Http, observation, rule, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """What tests only read."""
    with filled(tmp_path_factory.mktemp("search")) as served:
        yield served


@contextmanager
def filled(folder: Path) -> Iterator[Http]:
    """Nine resources that the clinic sees, and between them nine that it does not."""
    with serving(folder, page_size=4, page_limit=5) as served:
        seen = served.participant("all").patient
        hidden = served.participant("norte-research-only").patient
        for number in range(9):
            assert served.put(observation(f"seen-{number}", seen, number + 1)).status_code == 201
            assert served.put(observation(f"hidden-{number}", hidden, number + 1)).status_code == 201
        yield served


def ids(bundle: Any) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def links(bundle: Any) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


def walk(http: Http, url: str) -> list[list[str]]:
    """The ids of each page, following next links."""
    pages = []
    while url:
        bundle = http.ask("GET", url.removeprefix(http.gateway.settings.public_url), "ehr-app").json()
        pages.append(ids(bundle))
        url = links(bundle).get("next", "")
    return pages


def test_pages_hold_every_visible_row_once(http: Http) -> None:
    pages = walk(http, f"{BASE}/Observation?code=8310-5")
    assert [len(page) for page in pages] == [4, 4, 1]
    assert {name for page in pages for name in page} == {f"seen-{number}" for number in range(9)}


@pytest.mark.parametrize("path", ["/Observation", "?_type=Observation", "/Patient/{patient}/Observation"])
def test_links_tell_what_was_understood_and_lead_on_without_the_rest(http: Http, path: str) -> None:
    patient = http.participant("all").patient
    asked = path.format(patient=patient) + ("&" if "?" in path else "?")
    mine = "code=8310-5&_count=4" if path == "/Observation" else "_count=4"
    answer = http.get(f"{asked}colour=red&{mine}&_sort=colour", headers={"Prefer": "handling=lenient"})
    assert [entry["search"]["mode"] for entry in answer.json()["entry"]] == ["match"] * 4 + ["outcome"]
    assert links(answer.json())["self"] == f"{http.gateway.settings.public_url}{BASE}{asked}{mine}"
    first = http.get(f"{asked}{mine}").json()
    follow = [http.get(links(page)["next"].partition(BASE)[2]).json() for page in (answer.json(), first)]
    assert [entry["fullUrl"] for entry in follow[0]["entry"]] == [entry["fullUrl"] for entry in follow[1]["entry"]]


@pytest.mark.parametrize(
    ("elements", "kept"),
    [
        ("value", {"valueQuantity"}),
        ("valueQuantity", {"valueQuantity"}),
        ("valueString", set()),
        ("valueString,subject", {"subject"}),
        ("effectiveDateTime,valueQuantity", {"effectiveDateTime", "valueQuantity"}),
    ],
)
def test_the_elements_of_a_choice_are_named_with_and_without_type(http: Http, elements: str, kept: set[str]) -> None:
    found = http.get(f"/Observation?_count=1&_elements={elements}").json()["entry"][0]["resource"]
    assert found.keys() - {"resourceType", "id", "meta", "status", "code"} == kept
    assert http.get(f"/Observation/{found['id']}?_elements={elements}").json() == found


def test_a_bundle_is_a_searchset_with_full_urls(http: Http) -> None:
    answer = http.get("/Observation?_count=2")
    bundle = answer.json()
    assert answer.headers["content-type"] == "application/fhir+json"
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    base = http.gateway.settings.public_url + BASE
    for entry in bundle["entry"]:
        assert entry["fullUrl"] == f"{base}/Observation/{entry['resource']['id']}"
    assert links(bundle)["self"] == f"{base}/Observation?_count=2"
    assert "total" not in bundle
    assert http.gateway.engines.validator.validate(bundle) == []


def test_the_total_counts_visible_rows_and_only_when_asked(http: Http) -> None:
    assert http.get("/Observation?_total=accurate").json()["total"] == 9
    only = http.get("/Observation?_summary=count").json()
    assert (only["total"], "entry" in only) == (9, False)
    nothing = http.get("/Observation?code=none&_total=accurate").json()
    assert (nothing["total"], "entry" in nothing) == (0, False)


def test_the_page_limit_cuts_what_a_client_asks_for(http: Http) -> None:
    assert len(ids(http.get("/Observation?_count=1000").json())) == 5


def test_a_form_gives_the_same_as_an_address(http: Http) -> None:
    patient = http.participant("all").patient
    form = http.ask(
        "POST", f"{BASE}/Observation/_search", "ehr-app", data={"patient": patient, "date": "ge2026-03-08"}
    )
    address = http.get(f"/Observation?patient=Patient/{patient}&date=ge2026-03-08")
    assert form.status_code == 200
    assert sorted(ids(form.json())) == ["seen-7", "seen-8"] == sorted(ids(address.json()))


@pytest.mark.parametrize("query", ["&code=8310-5&&_count=2", "code=8310-5&_count=2&", "code=8310-5&_count=2&&&"])
def test_nothing_between_two_parameters_is_no_parameter(http: Http, query: str) -> None:
    expected = http.get("/Observation?code=8310-5&_count=2").json()
    found = http.get(f"/Observation?{query}").json()
    assert (found["entry"], links(found)["self"]) == (expected["entry"], links(expected)["self"])


def test_a_search_is_posted_without_a_body(http: Http) -> None:
    path = f"{BASE}/Observation/_search?code=8310-5&_count=2"
    assert len(http.ask("POST", path, "ehr-app").json()["entry"]) == 2
    assert http.ask("POST", path, "ehr-app", content=b"code=a").status_code == 415


def test_the_links_of_a_posted_search_show_nothing_of_it(http: Http) -> None:
    patient = http.participant("all").patient
    first = http.ask(
        "POST", f"{BASE}/Observation/_search", "ehr-app", data={"patient": patient, "code": "8310-5"}
    ).json()
    found = links(first)
    assert found["self"].endswith("/Observation")
    assert patient not in str(found)
    assert "8310-5" not in str(found)
    pages = [ids(first), *walk(http, found["next"])]
    assert [name for page in pages for name in page] == [
        name for page in walk(http, f"{BASE}/Observation?patient={patient}&code=8310-5") for name in page
    ]
    twisted = found["next"].removeprefix(http.gateway.settings.public_url) + "&code=8310-5"
    assert http.ask("GET", twisted, "ehr-app").status_code == 400


def test_a_withdrawal_takes_effect_between_two_pages(tmp_path: Path) -> None:
    with filled(tmp_path) as http:
        first = http.get("/Observation?code=8310-5").json()
        person = http.participant("all")
        [entry] = http.get(f"/Consent?patient={person.patient}", client="registrar").json()["entry"]
        assert http.put(withdraw(entry["resource"], "no-further-use", "2026-06-01T00:00:00Z")).status_code == 200
        assert walk(http, links(first)["next"]) == [[]]
        assert http.get("/Observation/seen-1").status_code == 404
        assert http.get("/Observation?_total=accurate").json()["total"] == 0


def test_refusals_name_their_rule(http: Http) -> None:
    cursor = links(http.get("/Observation?code=8310-5").json())["next"].rpartition("_cursor=")[2]
    cases = {
        "/Observation?unheard-of=1": (400, "search.unknown-parameter"),
        "/Observation?date=yesterday": (400, "search.value"),
        "/Observation?_count=-1": (400, "search.value"),
        "/Observation?_cursor=invented": (400, "rest.cursor"),
        f"/Observation?code=other&_cursor={cursor}": (400, "rest.cursor"),
        f"/Patient?_cursor={cursor}": (400, "rest.cursor"),
        f"/Observation?code=8310-5&_cursor={cursor}&_cursor={cursor}": (400, "rest.parameter-value"),
        "/Observation?_format=xml": (406, "rest.not-acceptable"),
        "/Observation?code=%ff": (400, "rest.form"),
        "/Observation?code": (400, "rest.form"),
        "/Observation?" + "&".join(["code=1"] * 201): (400, "rest.too-many-parameters"),
        "/Nonsense?code=1": (404, "rest.unknown-type"),
    }
    for path, expected in cases.items():
        answer = http.get(path)
        assert (answer.status_code, rule(answer)) == expected, path
    wrong = http.ask("POST", f"{BASE}/Observation/_search", "ehr-app", json={"code": "1"})
    assert (wrong.status_code, rule(wrong)) == (415, "rest.media-type")


def test_other_readers_see_their_own_rows(http: Http) -> None:
    seen = ids(http.get("/Observation?_count=5", client="norte-research").json())
    assert seen
    outsider = http.get("/Patient", client="research")
    assert outsider.status_code == 403


def test_a_search_without_matches_is_an_empty_bundle(http: Http) -> None:
    bundle = http.get("/Observation?identifier=urn:x|none").json()
    assert ids(bundle) == []
    assert set(links(bundle)) == {"self"}
    assert dumps(bundle)


def test_whatever_refers_to_a_page_comes_along_where_it_may_be_seen(http: Http) -> None:
    for template, count in (("all", 9), ("norte-research-only", 0)):
        patient = http.participant(template).patient
        bundle = http.get(f"/Patient?_id={patient}&_revinclude=*").json()
        found = [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "include"]
        assert len([one for one in found if one["resourceType"] == "Observation"]) == count
        assert "hidden-" not in str(bundle)
    told = http.get("/metadata").json()["rest"][0]["resource"]
    assert {entry["searchRevInclude"][0] for entry in told if "searchRevInclude" in entry} == {"*"}
