"""The registry over a database: what is kept, who may be used where, and what the audit trail says of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app import Gateway, build
from gateway.audit.reading import decoded
from gateway.auth import ClientRegistry
from gateway.auth.registry import Action
from gateway.core.errors import Conflict, FhirError, Forbidden, NotFound, Unauthorized, Unprocessable
from gateway.core.event import Event
from gateway.settings import Settings
from gateway.study import Client
from tests.unit.auth.conftest import Moving

STUDY = "hf-dct-01"
KEY = {"kty": "EC", "crv": "P-384", "kid": "k", "x": "AA", "y": "AA"}
WAY: tuple[Action, ...] = ("review", "agree", "sandbox", "promote")


@pytest.fixture
def lake(gateway: Gateway, request: pytest.FixtureRequest) -> Client:
    """A client like the study's researcher, of an id that is this test's own."""
    name = f"lake-{abs(hash(request.node.name)) % 10**9}"
    return replace(gateway.studies[STUDY].clients["research"], id=name, jwks=(KEY,))


def elsewhere(gateway: Gateway, environment: str = "dev") -> ClientRegistry:
    """The registry of another process."""
    return ClientRegistry(
        gateway.store.registrations,
        gateway.studies,
        gateway.trail.record,
        gateway.clock,
        environment,
        lambda: gateway.clock().timestamp(),
    )


def walk(gateway: Gateway, id: str, *actions: Action) -> None:
    for action in actions:
        gateway.clients.step(STUDY, id, action, "ben", "as agreed", "DUA-7" if action == "agree" else "")


def told(gateway: Gateway, id: str) -> list[Event]:
    rows = map(decoded, gateway.store.rows(STUDY))
    return [event for event in rows if event.targets == (f"client:{id}",)]


def test_a_client_is_usable_where_its_registration_has_come(gateway: Gateway, lake: Client) -> None:
    gateway.clients.request(STUDY, lake, "ana", "a lake of data")
    token = gateway.issuer.issue(lake, STUDY, 600)
    seen = []
    for action in ("", *WAY, "suspend"):
        if action:
            walk(gateway, lake.id, action)  # type: ignore[arg-type]
        found = [elsewhere(gateway, name).client_of(STUDY, lake.id) for name in ("dev", "test", "production")]
        assert all(one in (None, lake) for one in found)
        seen.append([one is not None for one in found])
        if found[0]:
            assert gateway.authenticator.authenticate(token, STUDY).client == lake.id
        else:
            with pytest.raises(Unauthorized):
                gateway.authenticator.authenticate(token, STUDY)
    no, sandbox, yes = [False] * 3, [True, True, False], [True] * 3
    assert seen == [no, no, no, sandbox, yes, no]


def test_every_step_is_audited_with_actor_and_reason(gateway: Gateway, lake: Client) -> None:
    gateway.clients.request(STUDY, lake, "Ana", "a lake of data")
    walk(gateway, lake.id, "review", "agree")
    with pytest.raises(Forbidden):
        gateway.clients.step(STUDY, lake.id, "sandbox", "ana", "I want it")
    with pytest.raises(Conflict):
        gateway.clients.step(STUDY, lake.id, "promote", "ben", "at once")
    assert [(e.action, e.operation, e.outcome, e.client, e.reason, e.why) for e in told(gateway, lake.id)] == [
        ("C", "client-request", "success", "ana", "", "a lake of data"),
        ("U", "client-review", "success", "ben", "", "as agreed"),
        ("U", "client-agree", "success", "ben", "", "as agreed (DUA-7)"),
        ("U", "client-sandbox", "denied", "ana", "auth.registry-own", "I want it"),
        ("U", "client-promote", "denied", "ben", "auth.registry-state", "at once"),
    ]
    assert {event.organisation for event in told(gateway, lake.id)} == {lake.organisation}
    assert gateway.trail.verify(STUDY) == []


def test_a_client_of_the_study_file_is_in_production_until_it_is_suspended(gateway: Gateway) -> None:
    for environment in ("dev", "production"):
        assert elsewhere(gateway, environment).client_of(STUDY, "withings") is not None
    text, _ = gateway.api_keys.issue(STUDY, "withings")
    assert gateway.clients.one(STUDY, "withings").state == "production"
    walk(gateway, "withings", "suspend")
    assert gateway.clients.client_of(STUDY, "withings") is None
    with pytest.raises(Unauthorized):
        gateway.api_keys.authenticate(text, STUDY, "192.0.2.7")
    walk(gateway, "withings", *WAY)
    assert gateway.api_keys.authenticate(text, STUDY, "192.0.2.7").client == "withings"


def test_another_process_learns_of_a_suspension_within_seconds(gateway: Gateway, lake: Client, clock: Moving) -> None:
    gateway.clients.request(STUDY, lake, "ana", "a lake of data")
    walk(gateway, lake.id, *WAY)
    other = elsewhere(gateway)
    assert other.client_of(STUDY, lake.id) == lake
    walk(gateway, lake.id, "suspend")
    clock.now += timedelta(seconds=5)
    assert other.client_of(STUDY, lake.id) is None


def test_one_of_two_at_once_takes_the_step(gateway: Gateway, lake: Client) -> None:
    gateway.clients.request(STUDY, lake, "ana", "a lake of data")

    def review(actor: str) -> bool:
        try:
            elsewhere(gateway).step(STUDY, lake.id, "review", actor, "looks good")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(review, ("ben", "eva", "kim", "lou"))) == 1
    assert [step.action for step in gateway.clients.one(STUDY, lake.id).steps] == ["request", "review"]
    assert [e.operation for e in told(gateway, lake.id) if e.outcome == "success"] == [
        "client-request",
        "client-review",
    ]


def test_what_is_there_is_not_requested_again(gateway: Gateway, lake: Client) -> None:
    gateway.clients.request(STUDY, lake, "ana", "a lake of data")
    for client in (lake, replace(lake, id="research")):
        with pytest.raises(Conflict):
            gateway.clients.request(STUDY, client, "eva", "mine")
    assert gateway.clients.one(STUDY, lake.id).requester == "ana"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("id", {"id": "a/b"}),
        ("id", {"id": "x" * 65}),
        ("organisation", {"organisation": "nobody"}),
        ("role", {"role": "root"}),
        ("purpose", {"purpose": "ETREAT"}),
        ("source", {"source": "nowhere"}),
        ("site", {"site": "nowhere"}),
        ("scopes", {"scopes": ()}),
        ("scopes", {"scopes": ("system/*.cruds",)}),
        ("scopes", {"scopes": ("openid",)}),
        ("proof", {"jwks": ()}),
        ("jwks", {"jwks": (KEY | {"d": "AA"},)}),
        ("jwks", {"jwks": ({"kty": "oct", "kid": "k", "k": "AA"},)}),
        ("jwks", {"jwks": (KEY | {"more": {"d": "AA"}},)}),
        ("jwks", {"jwks": (KEY | {"x": ""},)}),
        ("jwks", {"jwks": (KEY,) * 11}),
        ("jwks_url", {"jwks_url": "http://lake.example/jwks"}),
        ("jwks_url", {"jwks_url": "https://user@lake.example/jwks"}),
        ("jwks_url", {"jwks_url": "https://10.1.2.3/jwks"}),
        ("jwks_url", {"jwks_url": "https://localhost:8443/jwks"}),
        ("issuer", {"issuer": "http://lake.example"}),
        ("redirect_uris", {"redirect_uris": ("https://lake.example/back",)}),
    ],
)
def test_a_request_is_for_what_the_study_knows(
    gateway: Gateway, lake: Client, what: str, change: dict[str, object]
) -> None:
    with pytest.raises(Unprocessable) as refused:
        gateway.clients.request(STUDY, replace(lake, **change), "ana", "a lake")  # type: ignore[arg-type]
    assert [found.message.endswith(f"with this {what}") for found in refused.value.issues] == [True]


@pytest.mark.parametrize(
    ("changes", "organisation", "targets", "reason"),
    [
        ({"role": "nobody"}, "cardio-research", ("client:lake-x",), "auth.registry-client"),
        ({"organisation": "P-777 Maria"}, "", ("client:lake-x",), "auth.registry-client"),
        ({"id": "P-777 Maria"}, "cardio-research", (), "auth.registry-client"),
        ({"id": "research"}, "cardio-research", ("client:research",), "auth.registry-known"),
    ],
    ids=["role", "organisation", "id", "known"],
)
def test_a_request_that_is_refused_is_audited_without_what_nobody_knows(
    gateway: Gateway,
    lake: Client,
    changes: dict[str, str],
    organisation: str,
    targets: tuple[str, ...],
    reason: str,
) -> None:
    with pytest.raises(FhirError):
        gateway.clients.request(STUDY, replace(lake, **({"id": "lake-x"} | changes)), "ana", "a lake of data")
    last = decoded(list(gateway.store.rows(STUDY))[-1])
    assert (last.operation, last.outcome, last.client) == ("client-request", "denied", "ana")
    assert (last.organisation, last.targets, last.reason) == (organisation, targets, reason)


def test_what_is_not_there_is_not_found(gateway: Gateway) -> None:
    for ask in (
        lambda: gateway.clients.one(STUDY, "nobody"),
        lambda: gateway.clients.registered(STUDY, "nobody"),
        lambda: gateway.clients.all("no-study"),
        lambda: gateway.clients.step(STUDY, "nobody", "review", "ben", "why not"),
    ):
        with pytest.raises(NotFound):
            ask()
    assert gateway.clients.client_of("no-study", "research") is None
    assert gateway.clients.client_of(STUDY, "nobody") is None


def test_nothing_changes_without_its_audit_event(tmp_path: Path, gateway: Gateway, lake: Client) -> None:
    made = build(Settings(data_dir=tmp_path), gateway.clock)
    with made.store.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_event")
    with pytest.raises(FhirError):
        made.clients.request(STUDY, lake, "ana", "a lake of data")
    with pytest.raises(NotFound):
        made.clients.one(STUDY, lake.id)
    made.close()
