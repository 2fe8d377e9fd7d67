"""A client of a trial site is concerned with the site's participants alone, on every way in."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.core.types import Resource
from tests.e2e.http_gateway import REGISTRAR, STUDY, Http, observation, serving

NURSE = "site-app"
MANAGER = "data-manager"
NOWHERE = "ehr-app"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("sites")) as found:
        study = found.gateway.studies[STUDY]
        ours, theirs = patients(found)
        clients: dict[str, object] = study.clients  # type: ignore[assignment]
        clients[NURSE] = replace(study.clients[NURSE], site=ours[0])
        clients[NOWHERE] = replace(study.clients[NOWHERE], site="no-such-site")
        assert found.put(observation("ours", ours[1])).status_code == 201
        assert found.put(observation("theirs", theirs[1])).status_code == 201
        yield found


def patients(http: Http) -> tuple[tuple[str, str], tuple[str, str]]:
    """Site and Patient of two participants who signed the same Consent at different sites."""
    people = [
        one
        for one in http.gateway.studies[STUDY].participants
        if one.consent == http.participant("all").consent and not one.withdrawn
    ]
    first = people[0]
    second = next(one for one in people if one.site != first.site)
    return (first.site, first.patient), (second.site, second.patient)


def ids(http: Http, path: str, client: str = NURSE) -> set[str]:
    answer = http.get(path, client=client)
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}


def test_the_other_site_is_as_absent(http: Http) -> None:
    (_, ours), (_, theirs) = patients(http)
    assert http.get("/Observation/ours", client=NURSE).status_code == 200
    for path in ("/Observation/theirs", "/Observation/theirs/_history/1", f"/Patient/{theirs}"):
        assert http.get(path, client=MANAGER).status_code == 200
        assert http.get(path, client=NURSE).status_code == 404
    assert ids(http, "/Observation") == {"ours"}
    assert http.get("/Observation?_total=accurate", client=NURSE).json()["total"] == 1
    assert theirs not in ids(http, "/Patient?_count=200")
    assert ours in ids(http, "/Patient?_count=200")
    assert ids(http, f"/Observation?patient={theirs}") == set()
    assert "theirs" not in ids(http, f"/Patient?_id={ours},{theirs}&_revinclude=Observation:subject")
    assert ids(http, "/Observation/_history") == {"ours"}


def test_what_is_of_the_study_stays_in_sight(http: Http) -> None:
    assert http.get(f"/ResearchStudy/{STUDY}", client=NURSE).status_code == 200


def test_the_other_site_is_not_written(http: Http) -> None:
    (_, ours), (_, theirs) = patients(http)
    assert http.put(observation("ours", ours, 2), client=NURSE).status_code == 200
    assert http.put(observation("new", theirs), client=NURSE).status_code == 403
    assert http.put(observation("theirs", theirs, 2), client=NURSE).status_code == 404
    two: Resource = observation("both", ours) | {"performer": [{"reference": f"Patient/{theirs}"}]}
    assert http.put(two, client=NURSE).status_code == 403
    assert http.get("/Observation/theirs", client=REGISTRAR).json()["meta"]["versionId"] == "1"


def test_a_site_without_participants_sees_none(http: Http) -> None:
    assert ids(http, "/Patient", client=NOWHERE) == set()
    assert ids(http, "/Observation", client=NOWHERE) == set()


def test_the_trail_of_the_organisation_is_not_for_a_site(http: Http) -> None:
    study = http.gateway.studies[STUDY]
    assert http.get("/AuditEvent", client="auditor").status_code == 200
    clients: dict[str, object] = study.clients  # type: ignore[assignment]
    clients["clinic-auditor"] = replace(study.clients["clinic-auditor"], site=patients(http)[0][0])
    http.gateway.clients._known.clear()  # as a restart does
    assert http.get("/AuditEvent", client="clinic-auditor").status_code == 403
