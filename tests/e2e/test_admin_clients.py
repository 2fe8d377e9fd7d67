"""The registry of clients over HTTP: two operators, each step on record, and nobody else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core import dumps
from tests.e2e.http_gateway import STUDY, Http, rule, serving
from tests.e2e.test_token_endpoint import EC

PATH = f"/admin/clients/{STUDY}"
SCOPES = ("__clientRegistry.read", "__clientRegistry.manage")
JSON = {"Content-Type": "application/json"}
ANA, BEN, CLEO, SITE = "operator-ana", "operator-ben", "operator-cleo", "operator-of-a-site"
LAKE = {
    "id": "lake",
    "organisation": "cardio-research",
    "role": "researcher",
    "purpose": "HRESCH",
    "jwks": [EC.jwk],
    "reason": "monthly analysis",
}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("admin")) as found:
        study = found.gateway.studies[STUDY]
        roles: dict[str, object] = study.roles  # type: ignore[assignment]
        scopes = (*study.roles["researcher"].scopes, *SCOPES)
        roles["administrator"] = replace(
            study.roles["researcher"], name="administrator", registers=True, scopes=scopes
        )
        clients: dict[str, object] = study.clients  # type: ignore[assignment]
        for name in (ANA, BEN):
            clients[name] = replace(study.clients["research"], id=name, role="administrator", scopes=scopes)
        narrow = replace(study.clients["research"], id=CLEO, role="administrator", scopes=("system/*.cruds",))
        clients[CLEO] = narrow
        site = next(iter(study.sites))
        clients[SITE] = replace(study.clients["research"], id=SITE, role="administrator", site=site, scopes=scopes)
        yield found


def ask(http: Http, method: str, path: str = "", client: str = ANA, body: Any = None) -> Any:
    content = {} if body is None else {"content": body if isinstance(body, bytes) else dumps(body), "headers": JSON}
    return http.ask(method, PATH + path, client, **content)


def step(http: Http, name: str, client: str = BEN, id: str = "lake", **more: str) -> Any:
    return ask(http, "POST", f"/{id}/{name}", client, {"reason": "as planned"} | more)


def with_scopes(http: Http, method: str, path: str, scopes: tuple[str, ...], client: str = ANA) -> Any:
    """What a token of the client with these scopes gets."""
    one = http.gateway.studies[STUDY].clients[client]
    headers = JSON | {"Authorization": f"Bearer {http.gateway.issuer.issue(one, STUDY, 60, scopes)}"}
    content = {"content": b'{"reason": "x"}'} if method == "POST" else {}
    return http.ask(method, path, headers=headers, **content)


def events(http: Http) -> list[dict[str, Any]]:
    return [json.loads(bytes(row.event)) for row in http.gateway.store.rows(STUDY)]


def test_a_client_comes_in_by_the_steps_of_two(http: Http) -> None:
    made = ask(http, "POST", body=LAKE)
    assert (made.status_code, made.json()["state"]) == (201, "requested")
    assert made.headers["location"].endswith(f"{PATH}/lake")
    assert rule(ask(http, "POST", body=LAKE)) == "auth.registry-known"
    assert rule(step(http, "review", ANA)) == "auth.registry-own"
    assert rule(step(http, "promote")) == "auth.registry-state"
    assert http.gateway.clients.client_of(STUDY, "lake") is None
    for name, more in (("review", {}), ("agree", {"agreement": "DUA-1"}), ("sandbox", {}), ("promote", {})):
        answer = step(http, name, **more)
        assert answer.status_code == 200, answer.text
    shown = ask(http, "GET", "/lake").json()
    assert shown["state"] == "production"
    assert [(one["action"], one["actor"]) for one in shown["steps"]] == [
        ("request", ANA), ("review", BEN), ("agree", BEN), ("sandbox", BEN), ("promote", BEN)
    ]  # fmt: skip
    assert http.gateway.clients.client_of(STUDY, "lake") is not None
    assert step(http, "suspend", ANA).json()["state"] == "suspended"
    assert http.gateway.clients.client_of(STUDY, "lake") is None
    told = [
        (one["operation"], one["outcome"], one["client"]) for one in events(http) if "client:lake" in one["targets"]
    ]
    assert told[0] == ("client-request", "success", ANA)
    assert told[-1] == ("client-suspend", "success", ANA)
    assert ("client-review", "denied", ANA) in told


def test_all_are_listed_without_secrets(http: Http) -> None:
    listed = {one["id"]: one for one in ask(http, "GET").json()["clients"]}
    assert listed["research"]["state"] == "production"
    assert listed.keys() >= http.gateway.studies[STUDY].clients.keys()
    assert not any("secret_sha256" in one for one in listed.values())


@pytest.mark.parametrize(
    ("client", "status", "expected"),
    [("research", 403, "auth.registry-role"), ("registrar", 403, "auth.registry-role"),
     (SITE, 403, "auth.registry-role"), ("", 401, "rest.token-missing")],
)  # fmt: skip
def test_nobody_else_sees_or_does_anything(http: Http, client: str, status: int, expected: str) -> None:
    before = len(events(http))
    for method, path, body in (("GET", "", None), ("GET", "/research", None), ("GET", "/nobody", None),
                               ("POST", "", LAKE | {"id": "pond"}), ("POST", "/research/suspend", {"reason": "x"}),
                               ("POST", "/research/suspend", b"{")):  # fmt: skip
        answer = ask(http, method, path, client, body)
        assert (answer.status_code, rule(answer)) == (status, expected)
    assert http.gateway.clients.client_of(STUDY, "research") is not None
    denied = [one for one in events(http)[before:] if one["operation"] == "client-registry"]
    assert len(denied) == (6 if client else 0)
    assert all(one["outcome"] == "denied" for one in denied)


READ, MANAGE = ((scope,) for scope in SCOPES)


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [("GET", "", READ), ("GET", "/research", READ), ("GET", "/nobody", READ), ("POST", "", MANAGE),
     ("POST", "/nobody/suspend", MANAGE), ("POST", "/research/nothing", MANAGE)],
)  # fmt: skip
@pytest.mark.parametrize(
    "scopes",
    [READ, MANAGE, ("system/*.rs",), ("system/Observation.rs", "__clientRegistry.read"), ("openid",)],
    ids=str,
)
def test_the_token_s_scope_decides(
    http: Http, method: str, path: str, needed: tuple[str, ...], scopes: tuple[str, ...]
) -> None:
    before = len(events(http))
    answer = with_scopes(http, method, PATH + path, scopes)
    if needed[0] in scopes:
        assert answer.status_code in (200, 404, 422)
        return
    assert (answer.status_code, rule(answer)) == (403, "auth.registry-scope")
    assert [(one["operation"], one["outcome"], one["reason"]) for one in events(http)[before:]] == [
        ("client-registry", "denied", "auth.registry-scope")
    ]


def test_a_scope_that_the_client_is_not_registered_for_is_none(http: Http) -> None:
    answer = with_scopes(http, "GET", PATH, SCOPES, "research")
    assert (answer.status_code, rule(answer)) == (403, "auth.registry-role")
    answer = with_scopes(http, "GET", PATH, SCOPES, CLEO)
    assert (answer.status_code, rule(answer)) == (403, "auth.registry-scope")


def test_they_open_nothing_else(http: Http) -> None:
    for path in ("Observation", "Patient", "AuditEvent", "metadata"):
        status = with_scopes(http, "GET", f"/studies/{STUDY}/fhir/{path}", SCOPES).status_code
        assert status == (200 if path == "metadata" else 403)


def test_who_keeps_the_registry_can_be_requested(http: Http) -> None:
    keeper = LAKE | {"id": "keeper", "role": "administrator"}
    for scopes, status in (([*SCOPES], 201), (["__clientRegistry.drop"], 422), (["openid"], 422)):
        answer = ask(http, "POST", body=keeper | {"id": f"keeper-{status}", "scopes": scopes})
        assert answer.status_code == status, answer.text
    refused = ask(http, "POST", body=LAKE | {"id": "pond", "scopes": [*SCOPES]})
    assert rule(refused) == "auth.registry-client"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("", b"[]", "auth.registry-body"),
        ("", b"{", "payload.not-json"),
        ("", LAKE | {"id": "a", "secret": "x"}, "auth.registry-body"),
        ("", LAKE | {"id": "a", "scopes": "system/*.rs"}, "auth.registry-body"),
        ("", LAKE | {"id": "a", "jwks": ["x"]}, "auth.registry-body"),
        ("", LAKE | {"id": "a", "role": 7}, "auth.registry-body"),
        ("", LAKE | {"id": "a", "role": "emperor"}, "auth.registry-client"),
        ("", LAKE | {"id": "a", "scopes": ["system/*.cruds"]}, "auth.registry-client"),
        ("", LAKE | {"id": "../a"}, "auth.registry-client"),
        ("", LAKE | {"id": "a", "reason": "a\nb"}, "auth.registry-reason"),
        ("", {name: value for name, value in LAKE.items() if name != "reason"}, "auth.registry-reason"),
        ("/research/promotion", {"reason": "x"}, "auth.registry-step"),
        ("/research/request", {"reason": "x"}, "auth.registry-step"),
        ("/nobody/suspend", {"reason": "x"}, "auth.registry-unknown"),
        ("/research/suspend", {"reason": "x", "agreement": "y"}, "auth.registry-agreement"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(http: Http, path: str, body: Any, expected: str) -> None:
    answer = ask(http, "POST", path, BEN, body)
    assert 400 <= answer.status_code < 500
    assert rule(answer) == expected


def test_an_unknown_study_and_another_media_type(http: Http) -> None:
    assert http.ask("GET", "/admin/clients/nowhere", ANA).status_code == 404
    assert http.ask("POST", PATH, ANA, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
