"""Every type and interaction that the CapabilityStatement offers, as every kind of principal: scopes decide, and
whoever has none is refused before it is looked what there is."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from gateway.auth import scope_reaches
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, serving

READERS: Final = ("ehr-app", "research", "site-app", "data-manager", "google-health", "retention-auditor")
LETTERS: Final = {
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "history-type": "s",
    "search-type": "s",
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
}
EVERY: Final = 20
"""Of the types that the study does not use, every so manieth is asked for all interactions."""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("matrix")) as found:
        found.put(observation("hidden", found.participant("norte-research-only").patient))
        yield found


def offered(http: Http) -> dict[str, tuple[str, ...]]:
    """Type -> the interactions that the CapabilityStatement offers of it."""
    statement = http.ask("GET", f"{BASE}/metadata").json()
    return {
        one["type"]: tuple(entry["code"] for entry in one["interaction"]) for one in statement["rest"][0]["resource"]
    }


def ask(http: Http, kind: str, interaction: str, client: str) -> int:
    """The status of the interaction with a resource that is hidden or not there."""
    path = f"{BASE}/{kind}"
    one = f"{path}/hidden"
    body = b'{"resourceType":"%b"}' % kind.encode()
    sent: dict[str, Any] = {"content": body, "headers": {"Content-Type": "application/fhir+json"}}
    patch: dict[str, Any] = {"content": b"[]", "headers": {"Content-Type": "application/json-patch+json"}}
    method, address, options = {
        "read": ("GET", one, {}),
        "vread": ("GET", f"{one}/_history/1", {}),
        "history-instance": ("GET", f"{one}/_history", {}),
        "history-type": ("GET", f"{path}/_history", {}),
        "search-type": ("GET", f"{path}?_count=1", {}),
        "create": ("POST", path, sent),
        "update": ("PUT", one, sent),
        "patch": ("PATCH", one, patch),
        "delete": ("DELETE", one, {}),
    }[interaction]
    status: int = http.ask(method, address, client, **options).status_code
    return status


def cells(http: Http) -> Iterator[tuple[str, str]]:
    """Type and interaction: everything of the study's own types and of some others, `read` of all."""
    own = {*http.gateway.studies[STUDY].profiles, "Patient", "Consent", "ResearchSubject", "AuditEvent", "Group"}
    for number, (kind, interactions) in enumerate(sorted(offered(http).items())):
        wanted = interactions if kind in own or number % EVERY == 0 else ("read",)
        yield from ((kind, interaction) for interaction in wanted)


def test_every_interaction_is_known(http: Http) -> None:
    assert {interaction for found in offered(http).values() for interaction in found} <= set(LETTERS)


def test_nobody_gets_anything_without_a_token(http: Http) -> None:
    open_to_all = [cell for cell in cells(http) if ask(http, *cell, client="") != 401]
    assert open_to_all == []


@pytest.mark.parametrize("client", READERS)
def test_scopes_decide(http: Http, client: str) -> None:
    scopes = http.gateway.studies[STUDY].clients[client].scopes
    wrong = []
    for kind, interaction in cells(http):
        letter = LETTERS[interaction]
        status = ask(http, kind, interaction, client)
        reached = scope_reaches(scopes, kind, letter)  # type: ignore[arg-type]
        if status >= 500 or status == 401 or (not reached and status not in (403, 405)):
            wrong.append((kind, interaction, status))
        if reached and letter in "rs" and status == 403 and kind != "AuditEvent":
            wrong.append((kind, interaction, status))
        if reached and interaction in ("read", "vread", "history-instance") and status not in (404, 403):
            wrong.append((kind, interaction, status))
    assert wrong == []
