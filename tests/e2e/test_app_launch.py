"""SMART App Launch with PKCE over HTTP, and what an app of one participant can and cannot see."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from jose import jwt

from gateway.settings import Settings
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, on_record, serving, settled
from tests.e2e.launches import (
    FORM,
    REDIRECT,
    SCOPES,
    apps,
    asked,
    basic,
    challenge,
    code,
    decide,
    exchange,
    page,
    refresh,
    returned,
    ticket,
    with_clients,
)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    overlay = with_clients(tmp_path_factory.mktemp("overlay"), apps())
    with serving(tmp_path_factory.mktemp("launch"), asset_dirs=(overlay,)) as served:
        people = [one for one in served.gateway.studies[STUDY].participants if one.consent == "all"]
        study = served.gateway.studies[STUDY]
        door = served.gateway.access.door(study.principal(study.clients["registrar"]))
        for number, person in enumerate(people):
            if not person.withdrawn:
                door.commit([observation(f"o{number}", person.patient, 1 + number)])
        yield served


def two(http: Http) -> tuple[str, str]:
    people = http.gateway.studies[STUDY].participants
    found = [one.patient for one in people if one.consent == "all" and not one.withdrawn]
    return found[0], found[1]


def bearer(told: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {told['access_token']}"}


def ids(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in answer.json().get("entry", ())}


def test_an_app_is_launched_for_one_participant_and_sees_no_other(http: Http) -> None:
    mine, other = two(http)
    answer = exchange(http, code(http, mine))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["patient"], told["token_type"], told["expires_in"]) == (mine, "Bearer", 300)
    assert told["scope"] == "openid fhirUser launch/patient offline_access patient/*.rs"
    claims = jwt.get_unverified_claims(told["id_token"])
    assert claims["aud"] == "app"
    assert claims["fhirUser"].endswith(f"{BASE}/Patient/{mine}")
    headers = bearer(told)
    everything = ids(http.ask("GET", f"{BASE}/Observation?_include=Observation:subject&_count=1000", headers=headers))
    assert f"Patient/{mine}" in everything
    assert f"Patient/{other}" not in everything
    assert ids(http.ask("GET", f"{BASE}/Patient", headers=headers)) == {f"Patient/{mine}"}
    assert http.ask("GET", f"{BASE}/Patient?_summary=count", headers=headers).json()["total"] == 1
    assert http.ask("GET", f"{BASE}/Patient/{other}", headers=headers).status_code == 404
    assert http.ask("GET", f"{BASE}/Patient/{other}/_history", headers=headers).status_code == 404
    assert http.ask("GET", f"{BASE}/Observation?patient={other}", headers=headers).json().get("entry", []) == []
    assert f"Patient/{other}" not in http.ask("GET", f"{BASE}/_history?_count=1000", headers=headers).text
    assert http.ask("GET", f"{BASE}/Patient/{other}/$everything", headers=headers).status_code == 404
    assert f"Patient/{mine}" in ids(http.ask("GET", f"{BASE}/Patient/{mine}/$everything", headers=headers))


def test_a_scope_with_a_query_is_kept_to_everywhere(http: Http) -> None:
    mine, _ = two(http)
    told = exchange(http, code(http, mine, scope="patient/Observation.rs?category=vital-signs")).json()
    assert told["scope"] == "patient/Observation.rs?category=vital-signs"
    headers = bearer(told)
    assert ids(http.ask("GET", f"{BASE}/Observation", headers=headers)) == {"Observation/o0"}
    assert http.ask("GET", f"{BASE}/Patient/{mine}", headers=headers).status_code == 403
    assert http.ask("GET", f"{BASE}/Observation/o1", headers=headers).status_code == 404


def test_nothing_is_given_that_is_not_registered_or_is_of_a_system(http: Http) -> None:
    assert "system/" not in exchange(http, code(http, scope=SCOPES)).json()["scope"]
    for scope in ("system/Observation.rs", "launch", "offline_access", "patient/*.cud", "user/Patient.r", ""):
        assert returned(page(http, scope=scope)) == {"error": "invalid_scope", "state": "s1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": REDIRECT + "?a=b"},
        {"redirect_uri": REDIRECT.upper()},
        {"redirect_uri": REDIRECT.replace("localhost", "localhost.evil.example")},
        {"redirect_uri": "http://localhost:9000"},
        {"redirect_uri": None},
        {"client_id": "research"},
        {"client_id": "nobody"},
        {"client_id": None},
        {"aud": None},
        {"aud": "https://other.example/fhir"},
        {"aud": "http://127.0.0.1:8000/studies/other/fhir"},
    ],
)
def test_a_request_of_nobody_known_is_told_to_no_address(http: Http, changes: dict[str, str | None]) -> None:
    answer = page(http, **changes)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "form-action" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": challenge() + "="}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
    ],
)
def test_a_weak_request_is_refused(http: Http, changes: dict[str, str | None], error: str) -> None:
    assert returned(page(http, **changes))["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": None},
        {"code_verifier": "w" * 43},
        {"code_verifier": challenge()},
        {"code_verifier": "v" * 42},
        {"redirect_uri": None},
        {"redirect_uri": REDIRECT + "/"},
        {"client_id": "other-app"},
    ],
)
def test_a_code_is_for_the_app_that_asked(http: Http, changes: dict[str, str | None]) -> None:
    given = code(http)
    answer = exchange(http, given, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert exchange(http, given).status_code == 400  # it is spent


def test_a_code_is_good_once_and_its_second_use_ends_all_that_came_of_it(http: Http) -> None:
    given = code(http)
    told = exchange(http, given).json()
    assert exchange(http, given).json()["error"] == "invalid_grant"
    assert refresh(http, told["refresh_token"]).json()["error"] == "invalid_grant"


def test_of_many_uses_at_once_one_succeeds(http: Http) -> None:
    given = code(http)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(exchange(http, given).status_code)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) <= 1
    assert set(answers) <= {200, 400}


def test_a_refresh_token_is_good_once_and_its_second_use_ends_its_launch(http: Http) -> None:
    first = exchange(http, code(http)).json()
    second = refresh(http, first["refresh_token"]).json()
    assert second["patient"] == first["patient"]
    assert "id_token" not in second
    third = refresh(http, second["refresh_token"], scope="patient/Observation.r").json()
    assert third["scope"] == "patient/Observation.r"
    assert refresh(http, first["refresh_token"]).json()["error"] == "invalid_grant"
    fourth = refresh(http, second["refresh_token"])
    assert fourth.json()["error"] == "invalid_grant"


def test_a_refresh_token_is_its_apps_alone_and_can_be_revoked(http: Http) -> None:
    told = exchange(http, code(http)).json()
    assert refresh(http, told["refresh_token"], client_id="other-app").status_code == 400
    told = exchange(http, code(http)).json()
    form = urlencode({"token": told["refresh_token"], "client_id": "app"})
    assert http.ask("POST", "/auth/revoke", content=form, headers=FORM).status_code == 200
    assert refresh(http, told["refresh_token"]).status_code == 400


def test_another_apps_refresh_token_cannot_be_revoked(http: Http) -> None:
    told = exchange(http, code(http)).json()
    form = urlencode({"token": told["refresh_token"], "client_id": "other-app"})
    before = settled(http)
    answer = http.ask("POST", "/auth/revoke", content=form, headers=FORM)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    [event] = on_record(http, before)
    assert (event["outcome"], event["client"], event["reason"]) == ("failure", "other-app", "auth.revoke")
    assert http.ask("GET", f"{BASE}/Patient", headers=bearer(told)).status_code == 200
    assert refresh(http, told["refresh_token"]).status_code == 200


def code_again(http: Http, given: str, _told: dict[str, Any]) -> int:
    return int(exchange(http, given).status_code)


def refresh_again(http: Http, _given: str, told: dict[str, Any]) -> int:
    refresh(http, told["refresh_token"])
    return int(refresh(http, told["refresh_token"]).status_code)


def revoked(http: Http, _given: str, told: dict[str, Any]) -> int:
    form = urlencode({"token": told["refresh_token"], "client_id": "app"})
    return int(http.ask("POST", "/auth/revoke", content=form, headers=FORM).status_code)


@pytest.mark.parametrize(
    ("end", "status"), [(code_again, 400), (refresh_again, 400), (revoked, 200)], ids=["code", "refresh", "revoke"]
)
def test_the_end_of_a_launch_is_that_of_its_access_tokens_and_of_no_others(
    http: Http, end: Callable[[Http, str, dict[str, Any]], int], status: int
) -> None:
    given, other = code(http), exchange(http, code(http)).json()
    told = exchange(http, given).json()
    seen = [http.ask("GET", f"{BASE}/Patient", headers=bearer(one)).status_code for one in (told, other)]
    assert seen == [200, 200]
    assert end(http, given, told) == status
    seen = [http.ask("GET", f"{BASE}/Patient", headers=bearer(one)).status_code for one in (told, other)]
    assert seen == [401, 200]


def test_a_public_app_need_not_name_itself_to_refresh_and_a_confidential_one_must(http: Http) -> None:
    public = exchange(http, code(http)).json()
    form = urlencode({"grant_type": "refresh_token", "refresh_token": public["refresh_token"]})
    assert http.ask("POST", "/auth/token", content=form, headers=FORM).status_code == 200
    secret = exchange(http, code(http, client_id="server-app"), basic(), client_id=None).json()
    form = urlencode({"grant_type": "refresh_token", "refresh_token": secret["refresh_token"]})
    assert http.ask("POST", "/auth/token", content=form, headers=FORM).status_code == 400


def test_without_offline_access_there_is_no_refresh_token(http: Http) -> None:
    told = exchange(http, code(http, scope="launch/patient patient/*.rs")).json()
    assert not {"refresh_token", "id_token"} & set(told)


@pytest.mark.parametrize("kind", ["ticket", "code", "refresh"])
def test_a_secret_of_one_kind_is_none_of_another(http: Http, kind: str) -> None:
    secrets = {"ticket": lambda: ticket(page(http)), "code": lambda: code(http)}
    secret = secrets.get(kind, lambda: exchange(http, code(http)).json()["refresh_token"])()
    if kind != "code":
        assert exchange(http, secret).status_code == 400
    if kind != "refresh":
        assert refresh(http, secret).status_code == 400
    if kind != "ticket":
        answer = decide(http, ticket=secret, patient=http.participant("all").patient, decision="allow")
        assert answer.status_code == 400


def test_a_confidential_app_proves_itself_by_its_secret(http: Http) -> None:
    def given() -> str:
        return code(http, client_id="server-app")

    assert exchange(http, given(), basic(), client_id=None).status_code == 200
    for headers, identity in (
        ({}, "server-app"),
        (basic(secret="wrong"), None),
        (basic("app"), None),
        ({"Authorization": "Basic !"}, None),
        ({"Authorization": "Basic"}, "server-app"),
        (basic(), "app"),
    ):
        answer = exchange(http, given(), headers, client_id=identity)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_page_is_answered_once_and_may_be_declined(http: Http) -> None:
    given = ticket(page(http))
    assert returned(decide(http, ticket=given, decision="deny")) == {"error": "access_denied", "state": "s1"}
    assert decide(http, ticket=given, patient=two(http)[0], decision="allow").status_code == 400
    for patient in ("", "nobody", "x' OR 1=1"):
        answer = decide(http, ticket=ticket(page(http)), patient=patient, decision="allow")
        assert returned(answer)["error"] == "access_denied"
    posted = http.ask("POST", "/auth/authorize", content=urlencode(asked(http)), headers=FORM)
    assert ticket(posted)


def test_other_tokens_of_a_launch_open_nothing(http: Http) -> None:
    told = exchange(http, code(http)).json()
    for name in ("id_token", "refresh_token"):
        headers = {"Authorization": f"Bearer {told[name]}"}
        assert http.ask("GET", f"{BASE}/Patient", headers=headers).status_code == 401
    assert http.ask("GET", f"{BASE}/Patient?access_token={told['access_token']}").status_code == 401


def test_no_identity_stands_in_an_address_or_is_kept_in_the_clear(http: Http) -> None:
    mine, _ = two(http)
    given = code(http, mine)
    assert mine not in given
    told = exchange(http, given).json()
    database = http.gateway.settings.database_file
    assert database is not None
    kept = b"".join(path.read_bytes() for path in database.parent.glob("gateway.db*"))
    assert given.encode() not in kept
    assert told["refresh_token"].encode() not in kept


def test_what_is_on_is_told_and_nothing_else(http: Http) -> None:
    told = http.ask("GET", f"{BASE}/.well-known/smart-configuration").json()
    assert told["authorization_endpoint"].endswith("/auth/authorize")
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-standalone", "client-public", "permission-patient"} <= set(told["capabilities"])
    metadata = json.dumps(http.ask("GET", f"{BASE}/metadata").json()["rest"][0]["security"])
    assert "oauth-uris" in metadata


def test_outside_dev_there_is_no_page(tmp_path: Any) -> None:
    settings = {"environment": "test", "secret": "s" * 32, "base_url": "https://gateway.test"}
    assert Settings(**settings).environment == "test"
    with serving(tmp_path, asset_dirs=(with_clients(tmp_path / "overlay", apps()),), **settings) as served:
        assert served.ask("GET", f"/auth/authorize?{urlencode(asked(served))}").status_code == 404
        assert exchange(served, "x.y").json()["error"] == "unsupported_grant_type"
        told = served.ask("GET", f"{BASE}/.well-known/smart-configuration").json()
        assert "authorization_endpoint" not in told
        assert told["grant_types_supported"] == ["client_credentials"]
        assert not {"launch-standalone", "client-public"} & set(told["capabilities"])
