"""Whoever is refused a token, or the page that leads to one, is on record in the study: as whom, and why."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.http_gateway import STUDY, Http, on_record, serving, settled
from tests.e2e.launches import apps, basic, code, decide, exchange, page, refresh, ticket, with_clients
from tests.e2e.test_token_endpoint import EC, STRANGER, assertion, post


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    keys = {"keys": [EC.jwk]}
    clients = apps() | {"lake": {"jwks": keys}, "gone": {"jwks": keys}}
    overlay = with_clients(tmp_path_factory.mktemp("overlay"), clients)
    with serving(tmp_path_factory.mktemp("failures"), asset_dirs=(overlay,)) as served:
        served.gateway.clients.step(STUDY, "gone", "suspend", "ana", "key lost")
        yield served


def as_client(http: Http, name: str, **changes: Any) -> str:
    return assertion(http, **({"iss": name, "sub": name} | changes))


def proved(http: Http, name: str, **changes: Any) -> Any:
    return post(http, client_assertion=as_client(http, name, **changes))


def replayed(http: Http) -> Any:
    given = as_client(http, "lake")
    assert post(http, client_assertion=given).status_code == 200
    return post(http, client_assertion=given)


def used_code(http: Http) -> Any:
    given = code(http)
    assert exchange(http, given).status_code == 200
    return exchange(http, given)


def used_refresh_token(http: Http) -> Any:
    token = exchange(http, code(http)).json()["refresh_token"]
    assert refresh(http, token).status_code == 200
    return refresh(http, token)


def unsigned(http: Http) -> Any:
    given = as_client(http, "lake").split(".")
    head = base64.urlsafe_b64encode(b'{"alg": "none"}').rstrip(b"=").decode()
    return post(http, client_assertion=f"{head}.{given[1]}.")


def used_ticket(http: Http) -> Any:
    given = ticket(page(http))
    decide(http, ticket=given, decision="deny")
    return decide(http, ticket=given, patient=http.participant("all").patient, decision="allow")


def no_scope(http: Http) -> Any:
    return post(http, client_assertion=as_client(http, "lake"), scope="user/Patient.r")


def stranger_asks(http: Http) -> Any:
    return post(http, "introspect", token="x", client_assertion=as_client(http, "lake", key=STRANGER))


def wrong_secret(http: Http) -> Any:
    return exchange(http, code(http, client_id="server-app"), basic(secret="no"), client_id=None)


Attempt = Callable[[Http], Any]
ASSERTION, GRANT, APP, REDIRECT = "auth.assertion", "auth.grant", "auth.app-client", "auth.launch-redirect"
REFUSED: dict[str, tuple[Attempt, str, str]] = {
    "a foreign key": (lambda http: proved(http, "lake", key=STRANGER), "lake", ASSERTION),
    "a foreign header": (
        lambda http: proved(http, "lake", headers={"jku": "https://evil.example"}),
        "lake",
        ASSERTION,
    ),
    "no signature": (unsigned, "lake", ASSERTION),
    "a repetition": (replayed, "lake", ASSERTION),
    "another audience": (lambda http: proved(http, "lake", aud="x"), "lake", ASSERTION),
    "with its study": (lambda http: proved(http, f"lake@{STUDY}", aud="x"), "lake", ASSERTION),
    "a suspended client": (lambda http: proved(http, "gone"), "gone", ASSERTION),
    "no scope that it has": (no_scope, "lake", "auth.no-scope"),
    "asked about by a stranger": (stranger_asks, "lake", ASSERTION),
    "a used code": (used_code, "app", GRANT),
    "a used refresh token": (used_refresh_token, "app", GRANT),
    "a code of another app": (lambda http: exchange(http, code(http), client_id="other-app"), "other-app", GRANT),
    "another verifier": (lambda http: exchange(http, code(http), code_verifier="w" * 43), "app", GRANT),
    "a wrong secret": (wrong_secret, "server-app", APP),
    "an app that is none": (lambda http: exchange(http, code(http), client_id="nobody"), "", APP),
    "a used ticket": (used_ticket, "", "auth.launch-ticket"),
    "a launch to elsewhere": (lambda http: page(http, redirect_uri="http://evil.example/"), "app", REDIRECT),
    "a launch of nobody": (lambda http: page(http, client_id="nobody"), "", REDIRECT),
    "a launch without proof": (lambda http: page(http, code_challenge=None), "app", "auth.launch-request"),
    "a launch for too much": (lambda http: page(http, scope="system/*.rs"), "app", "auth.no-scope"),
}
UNKNOWN: dict[str, Attempt] = {
    "a client of no study": lambda http: proved(http, "nobody"),
    "a client of another study": lambda http: proved(http, "lake@other"),
    "no assertion": lambda http: post(http, client_assertion="x.y.z"),
    "no text": lambda http: post(http, client_assertion="{" * 5_000),
    "a long one": lambda http: post(http, client_assertion=as_client(http, "lake") + "A" * 9_000),
    "a code of no study": lambda http: exchange(http, "other.code"),
    "a launch of no study": lambda http: page(http, aud="https://other.example/fhir"),
}


def events(http: Http, attempt: Attempt) -> list[dict[str, Any]]:
    """What is on record of an attempt that is refused: failures alone."""
    before = settled(http)
    answer = attempt(http)
    assert answer.status_code in (303, 400, 401), answer.text
    return [event for event in on_record(http, before) if event["outcome"] != "success"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_is_on_record(http: Http, name: str) -> None:
    attempt, client, rule = REFUSED[name]
    (event,) = events(http, attempt)
    assert (event["operation"], event["outcome"], event["client"], event["reason"]) == (
        "login",
        "failure",
        client,
        rule,
    )
    assert event["request"]
    assert event["network"]


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_who_names_no_study_is_in_none_of_them(http: Http, name: str) -> None:
    assert events(http, UNKNOWN[name]) == []


def test_a_participant_who_is_none_is_no_permission_on_record(http: Http) -> None:
    before = settled(http)
    decide(http, ticket=ticket(page(http)), patient="nobody", decision="allow")
    assert [event["operation"] for event in on_record(http, before)] == ["decline"]


def test_who_tried_a_secret_is_told_how(http: Http) -> None:
    assert wrong_secret(http).headers["www-authenticate"].startswith("Basic ")
    assert "www-authenticate" not in post(http, client_assertion="x").headers
