"""$viewdefinition-run over HTTP: rows of what the client may take along, in four formats, whole or refused."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving
from tests.e2e.two_worlds_views import VIEW

JSON = {"Content-Type": "application/fhir+json"}
RUN = "$viewdefinition-run"
SIGNS = f"{BASE}/ViewDefinition/vital-signs/{RUN}"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("views")) as served:
        for number, person in enumerate(people(served)):
            for day in (1, 2):
                put(served, observation(f"t-{number}-{day}", person, day))
        put(served, observation("hidden", served.participant("norte-research-only").patient))
        member = [{"entity": {"reference": f"Patient/{people(served)[0]}"}}]
        put(served, {"resourceType": "Group", "id": "one", "type": "person", "actual": True, "member": member})
        yield served


def people(http: Http) -> list[str]:
    known = http.gateway.studies[STUDY].participants
    return [one.patient for one in known if one.consent == "all" and not one.withdrawn][:3]


def put(http: Http, resource: dict[str, Any]) -> None:
    assert http.put(resource).status_code in (200, 201)


def run(http: Http, query: str = "", client: str = "research", **options: Any) -> Any:
    return http.ask("GET", f"{SIGNS}?{query}", client, **options)


def posted(http: Http, client: str = "research", path: str = f"{BASE}/{RUN}", **inputs: Any) -> Any:
    given = []
    for name, value in inputs.items():
        for one in value if isinstance(value, list) else [value]:
            kind = {bool: "valueBoolean", int: "valueInteger", str: "valueCode"}.get(type(one))
            given.append({"name": name, kind: one} if kind else {"name": name, "resource": one})
    content = json.dumps({"resourceType": "Parameters", "parameter": given}).encode()
    return http.ask("POST", path, client, content=content, headers=JSON)


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(json.loads(line)["id"] for line in answer.content.splitlines())


ALL = [f"t-{number}-{day}" for number in range(3) for day in (1, 2)]


def test_the_formats_hold_the_same_rows(http: Http) -> None:
    lines = [json.loads(line) for line in run(http, "_format=ndjson").content.splitlines()]
    assert sorted(one["id"] for one in lines) == ALL
    answer = run(http, "_format=json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == lines
    answer = run(http, "_format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(one["id"], one["patient"], float(one["value"])) for one in rows] == [
        (one["id"], one["patient"], one["value"]) for one in lines
    ]
    assert run(http, "_format=csv&header=false").text == answer.text.split("\n", 1)[1]
    parquet = run(http, "_format=parquet")
    assert parquet.headers["content-type"] == "application/octet-stream"
    table = pyarrow.parquet.read_table(io.BytesIO(parquet.content))
    assert table.column("id").to_pylist() == [one["id"] for one in lines]
    assert not list(http.gateway.settings.exports.glob("view-*"))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/csv;q=0.9", "text/csv"),
        ("text/html, application/x-ndjson", "application/x-ndjson"),
        ("*/*", "application/x-ndjson"),
        ("application/octet-stream", "application/octet-stream"),
    ],
)
def test_the_accept_header_chooses_too(http: Http, accept: str, kind: str) -> None:
    assert run(http, headers={"Accept": accept}).headers["content-type"].partition(";")[0] == kind
    assert run(http, headers={"Accept": "image/png"}).status_code == 406


def test_consent_decides_who_is_in_it(http: Http) -> None:
    assert keys(run(http, client="norte-research")) == sorted([*ALL, "hidden"])
    assert keys(run(http)) == ALL
    person = [one.patient for one in http.gateway.studies[STUDY].participants if one.consent == "all"][5]
    put(http, observation("leaves", person, 5))
    assert "leaves" in keys(run(http))
    consent = http.get(f"/Consent?patient={person}", client=REGISTRAR).json()["entry"][0]["resource"]
    put(http, withdraw(consent, "no-further-use", "2026-01-01T00:00:00Z"))
    assert keys(run(http)) == ALL


def test_it_is_on_record(http: Http) -> None:
    before = http.gateway.store.last(STUDY)
    assert run(http).status_code == 200
    rows = http.gateway.store.rows(STUDY, before.sequence if before else 0)
    events = [json.loads(row.event) for row in rows]
    assert [one["operation"] for one in events] == ["viewdefinition-run", "export", "disclose", "exported"]
    assert events[-1]["count"] == len(ALL)


def test_rows_are_chosen(http: Http) -> None:
    first, second, _ = people(http)
    assert keys(run(http, f"patient=Patient/{first}")) == ["t-0-1", "t-0-2"]
    hidden, absent = (
        run(http, f"patient={who}") for who in (http.participant("norte-research-only").patient, "none")
    )
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content) == (200, b"")
    assert keys(run(http, "group=Group/one", "data-manager")) == ["t-0-1", "t-0-2"]
    assert keys(run(http, f"group=one&patient=Patient/{second}", "data-manager")) == []
    assert run(http, "group=none", "data-manager").status_code == 404
    assert run(http, "group=one").status_code == 403  # the researcher is not registered for Groups
    assert len(keys(run(http, "_limit=4"))) == 4
    assert keys(run(http, "_limit=0")) == []
    assert keys(run(http, "_since=2100-01-01T00:00:00Z")) == []
    assert keys(run(http, "_since=2020-01-01T00:00:00Z")) == ALL


def test_a_view_comes_by_name_or_with_the_request(http: Http) -> None:
    for reference in ("ViewDefinition/vital-signs", "ViewDefinition/vital_signs", "vital-signs"):
        answer = http.ask("GET", f"{BASE}/{RUN}?viewReference={reference}", "research")
        assert keys(answer) == ALL
    absolute = f"{http.gateway.settings.public_url}{BASE}/ViewDefinition/vital-signs"
    assert keys(http.ask("GET", f"{BASE}/ViewDefinition/{RUN}?viewReference={absolute}", "research")) == ALL
    assert sorted(one["id"] for one in posted(http, viewResource=VIEW, _format="json").json()) == ALL
    bare = http.ask("POST", f"{BASE}/{RUN}", "research", content=json.dumps(VIEW).encode(), headers=JSON)
    assert keys(bare) == ALL


def test_resources_of_the_request_are_read_and_nothing_else(http: Http) -> None:
    mine = json.loads(json.dumps(observation("mine", "x"), default=float))
    answer = posted(http, viewResource=VIEW, resource=[mine, {"resourceType": "Patient", "id": "p"}])
    assert keys(answer) == ["mine"]
    patient = {"name": "patient", "valueReference": {"reference": "Patient/x"}}
    inputs = [{"name": "viewResource", "resource": VIEW}, {"name": "resource", "resource": mine}, patient]
    content = json.dumps({"resourceType": "Parameters", "parameter": inputs}).encode()
    both = http.ask("POST", f"{BASE}/{RUN}", "research", content=content, headers=JSON)
    assert (both.status_code, rule(both)) == (400, "export.view-given")


WRONG = {
    "": (400, "export.view-which"),
    "viewReference=ViewDefinition/none": (404, "export.view-unknown"),
    "viewReference=http://elsewhere.test/fhir/ViewDefinition/vital-signs": (404, "export.view-unknown"),
    "viewReference=a&viewReference=b": (400, "rest.parameter-value"),
    "viewReference=vital-signs&_format=xml": (400, "rest.parameter-value"),
    "viewReference=vital-signs&_limit=-1": (400, "rest.parameter-value"),
    "viewReference=vital-signs&_limit=x": (400, "rest.parameter-value"),
    "viewReference=vital-signs&_since=2026": (400, "rest.parameter-value"),
    "viewReference=vital-signs&_since=x": (400, "rest.parameter-value"),
    "viewReference=vital-signs&patient=Observation/1": (400, "rest.parameter-value"),
    "viewReference=vital-signs&patient=a&patient=b": (400, "rest.parameter-value"),
    "viewReference=vital-signs&source=s3://x": (400, "rest.parameter"),
    "viewReference=vital-signs&header=perhaps": (400, "rest.parameter-value"),
    "viewResource={}": (400, "rest.parameter-value"),
    "viewReference=visits": (403, "auth.scope"),
}


@pytest.mark.parametrize("query", WRONG)
def test_what_is_wrong_is_refused(http: Http, query: str) -> None:
    answer = http.ask("GET", f"{BASE}/{RUN}?{query}", "research")
    assert (answer.status_code, rule(answer)) == WRONG[query]


def test_a_view_that_cannot_run_is_told_with_its_faults(http: Http) -> None:
    broken = VIEW | {"select": [{"column": [{"name": "id", "path": "nonsense("}]}]}
    answer = posted(http, viewResource=broken)
    assert answer.status_code == 422
    assert answer.json()["issue"]
    unlike = {"resourceType": "Observation", "id": "x", "status": ["a", "b"]}
    answer = posted(http, viewResource=VIEW, resource=unlike)
    assert answer.status_code in (200, 422)
    assert posted(http, client="", viewResource=VIEW).status_code == 401
    assert posted(http, client="withings", viewResource=VIEW).status_code == 403
    assert posted(http, path=SIGNS, viewResource=VIEW).status_code == 400


def test_more_rows_than_an_answer_may_have_are_refused(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.rest.exports.view_runs.ROWS", 5)
    assert (run(http).status_code, rule(run(http))) == (422, "export.view-rows")
    assert run(http, "_limit=6").status_code == 422
    assert len(keys(run(http, "_limit=5"))) == 5


NAMES = st.sampled_from(["id", "status", "code", "coding", "value"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["id", "status", "code", "valueQuantity", "component", "meta"]), TREES))
def test_whatever_is_sent_is_answered(http: Http, tree: dict[str, Any]) -> None:
    answer = posted(http, viewResource=VIEW, resource=tree | {"resourceType": "Observation"})
    assert answer.status_code in (200, 400, 422)
    answer = posted(http, path=SIGNS, resource=tree | {"resourceType": "Observation"})
    assert answer.status_code in (200, 400, 422)


def test_it_is_told_where_views_can_be_run(http: Http) -> None:
    rest = http.ask("GET", f"{BASE}/metadata").json()["rest"][0]
    told = {one["name"]: one["definition"] for one in rest["operation"]}
    assert told["viewdefinition-run"] == "http://sql-on-fhir.org/OperationDefinition/$viewdefinition-run"
