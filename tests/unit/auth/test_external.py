"""Tokens of issuers elsewhere: whose keys count, for how long, and what a token must say."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

from gateway.auth import Authenticator, ExternalIssuers, KeyFolder
from gateway.auth.external import KEPT_THROUGH_FAULTS
from gateway.auth.fetching import Answer
from gateway.core.codec import dumps
from gateway.core.errors import Unauthorized
from gateway.core.principal import Principal
from gateway.study import Client
from tests.unit.auth.keypairs import Pair

PROVIDER = "https://login.example/realm"
BASE = "https://gateway.example"
OWN = "https://gateway.example"
KEY = Pair("RS256", "k1")
NEXT = Pair("ES256", "k2")
CLIENT = Client("app", "org", "researcher", "PATRQT", ("patient/*.rs", "system/Observation.r"), issuer=PROVIDER)


class Provider:
    """A provider, its clock, and the gateway's side of it."""

    def __init__(self, tmp_path: Path) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self.keys: list[Mapping[str, Any]] = [KEY.public]
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        self.status, self.control = 200, ""
        self.clients = {"app": CLIENT, "local": replace(CLIENT, id="local", issuer="")}
        self.issuers = ExternalIssuers((PROVIDER,), BASE, lambda: self.now, self.get)
        folder = KeyFolder(tmp_path / "keys")
        folder.create_key(self.now)
        self.authenticator = Authenticator(
            folder, OWN, lambda _study, name: self.clients.get(name), lambda: self.now, externals=self.issuers
        )
        self.issuers.refresh()

    def get(self, url: str) -> Answer:
        self.asked.append(url)
        documents = {
            f"{PROVIDER}/.well-known/openid-configuration": {"issuer": PROVIDER, "jwks_uri": f"{PROVIDER}/jwks"},
            f"{PROVIDER}/jwks": {"keys": self.keys},
        } | self.documents
        found = documents[url]
        if isinstance(found, Exception):
            raise found
        return Answer(self.status, self.control if url.endswith("/jwks") else "no-store", dumps(found))

    def token(self, key: Pair = KEY, typ: str = "at+jwt", **changes: Any) -> str:
        now = int(self.now.timestamp())
        claims = {
            "iss": PROVIDER,
            "aud": f"{BASE}/studies/s1/fhir",
            "sub": "user-1",
            "client_id": "app",
            "iat": now,
            "exp": now + 300,
            "jti": str(time.perf_counter_ns()),
            "scope": "openid patient/Observation.rs system/*.rs",
            "patient": "p1",
            "fhirUser": f"{BASE}/studies/s1/fhir/Patient/p1",
        } | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return str(jwt.encode(claims, key.pem, algorithm=key.algorithm, headers={"kid": key.kid, "typ": typ}))

    def principal(self, token: str, study: str = "s1") -> Principal:
        return self.authenticator.authenticate(token, study)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


def test_a_token_says_who_what_and_for_whom_within_the_registered_rights(provider: Provider) -> None:
    who = provider.principal(provider.token())
    assert (who.client, who.organisation, who.purpose, who.patient, who.user) == (
        *("app", "org", "PATRQT", "p1"),
        "Patient/p1",
    )
    assert who.scopes == ("patient/Observation.rs", "system/Observation.r")


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": None, "scp": ["patient/Patient.r"]}, ("patient/Patient.r",)),
        ({"client_id": None, "azp": "app", "scope": "patient/Patient.r"}, ("patient/Patient.r",)),
        ({"scope": "user/*.cruds"}, ()),
    ],
)
def test_other_spellings_of_claims(provider: Provider, changes: dict[str, Any], scopes: tuple[str, ...]) -> None:
    assert provider.principal(provider.token(**changes)).scopes == scopes


def test_a_person_whom_the_token_does_not_name_is_one_all_the_same(provider: Provider) -> None:
    users = [
        provider.principal(provider.token(fhirUser=None, sub=sub)).user
        for sub in ("ana", "ben@example.org", "ana", "app")
    ]
    assert users[0] == users[2] != users[1]
    assert all(re.fullmatch("subject:[0-9a-f]{32}", user) for user in users[:3])
    assert users[3] == ""  # the client acts for itself


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"iss": PROVIDER + "/"},
        {"aud": f"{BASE}/studies/s2/fhir"},
        {"aud": None},
        {"aud": "app"},
        {"client_id": "local"},
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": 7},
        {"azp": "local"},
        {"azp": None, "client_id": None},
        {"azp": ["app"]},
        {"scope": None},
        {"scope": {"a": "b"}},
        {"scope": None, "scp": [1]},
        {"patient": "../p1"},
        {"patient": ["p1"]},
        {"fhirUser": "https://elsewhere.example/Patient/p1"},
        {"jti": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"exp": 9_999_999_999},
        {"typ": "JWT"},
        {"typ": ""},
        {"typ": "id+jwt"},
        {"key": NEXT},
        {"key": Pair("RS256", "k1")},
    ],
    ids=lambda changes: str(sorted(changes)) if "key" in changes else str(changes),
)
def test_a_token_that_is_not_all_right_opens_nothing(provider: Provider, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        provider.principal(provider.token(**changes))


def test_a_token_for_one_study_opens_no_other(provider: Provider) -> None:
    token = provider.token()
    assert provider.principal(token)
    with pytest.raises(Unauthorized):
        provider.principal(token, "s2")


def test_a_new_key_is_asked_for_and_an_old_one_stops_to_count(provider: Provider) -> None:
    assert provider.principal(provider.token())
    provider.keys = [NEXT.public]
    with pytest.raises(Unauthorized):
        provider.principal(provider.token(NEXT))
    assert provider.issuers.waiting.is_set()
    provider.issuers.refresh()  # too early: it was asked a moment ago
    assert len(provider.asked) == 2
    provider.now += timedelta(seconds=11)
    provider.issuers.refresh()
    assert provider.principal(provider.token(NEXT)).client == "app"
    with pytest.raises(Unauthorized):
        provider.principal(provider.token(KEY))


def test_known_keys_are_asked_for_now_and_then_only(provider: Provider) -> None:
    for _ in range(5):
        provider.now += timedelta(seconds=100)
        provider.issuers.refresh()
    assert len(provider.asked) == 2
    provider.now += timedelta(seconds=101)
    provider.issuers.refresh()
    assert len(provider.asked) == 4


@pytest.mark.parametrize(("control", "seconds"), [("max-age=60", 60), ("no-store", 10), ("max-age=99999", 600)])
def test_keys_are_kept_as_long_as_they_allow(tmp_path: Path, control: str, seconds: int) -> None:
    provider = Provider(tmp_path)
    provider.control = control
    provider.now += timedelta(seconds=600)
    provider.issuers.refresh()
    for after, asked in ((0, 4), (seconds - 1, 4), (1, 6)):
        provider.now += timedelta(seconds=after)
        assert provider.principal(provider.token())
        assert provider.issuers.waiting.is_set() is (asked == 6)
        provider.issuers.refresh()
        assert len(provider.asked) == asked


def test_an_answer_that_is_none_is_asked_for_again_soon(provider: Provider) -> None:
    provider.status = 302
    provider.now += timedelta(seconds=600)
    provider.issuers.refresh()
    assert provider.principal(provider.token())
    provider.status = 200
    provider.keys = [NEXT.public]
    provider.now += timedelta(seconds=600)
    provider.issuers.refresh()
    assert provider.principal(provider.token(NEXT))


def test_keys_outlive_a_fault_for_a_while_and_no_longer(provider: Provider) -> None:
    provider.documents[f"{PROVIDER}/jwks"] = OSError("down")
    provider.now += timedelta(seconds=700)
    provider.issuers.refresh()
    assert provider.principal(provider.token())
    provider.now += timedelta(seconds=KEPT_THROUGH_FAULTS)
    provider.issuers.refresh()
    with pytest.raises(Unauthorized):
        provider.principal(provider.token())


@pytest.mark.parametrize(
    "documents",
    [
        {f"{PROVIDER}/.well-known/openid-configuration": {"issuer": "https://other", "jwks_uri": f"{PROVIDER}/jwks"}},
        {f"{PROVIDER}/.well-known/openid-configuration": {"issuer": PROVIDER}},
        {f"{PROVIDER}/.well-known/openid-configuration": [1]},
        {f"{PROVIDER}/.well-known/openid-configuration": {"issuer": PROVIDER, "jwks_uri": "http://169.254.169.254/"}},
        {f"{PROVIDER}/.well-known/openid-configuration": ValueError("a redirect")},
        {f"{PROVIDER}/jwks": {"keys": "all"}},
        {f"{PROVIDER}/jwks": {"keys": [1]}},
        {f"{PROVIDER}/jwks": {"keys": [{}] * 51}},
        {f"{PROVIDER}/jwks": []},
    ],
    ids=str,
)
def test_a_provider_that_cannot_be_understood_has_no_keys(tmp_path: Path, documents: dict[str, Any]) -> None:
    provider = Provider(tmp_path)
    provider.documents = documents
    fresh = ExternalIssuers((PROVIDER,), BASE, lambda: provider.now, provider.get)
    fresh.refresh()
    assert fresh.keys(PROVIDER, "k1") == ()


def test_nothing_is_asked_in_a_request(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    before = len(provider.asked)
    for typ in ("at+jwt", "JWT"):
        with pytest.raises(Unauthorized):
            provider.principal(provider.token(NEXT, typ))
    assert len(provider.asked) == before
