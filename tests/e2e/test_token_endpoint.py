"""SMART Backend Services over HTTP: a client proves who it is, gets a token, is told about it, and gives it back."""

import base64
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwt

from gateway.core.assets import asset_root
from tests.e2e.http_gateway import BASE, STUDY, Http, on_record, serving, settled

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def number(value: int, size: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()


class Key:
    """A client's key pair: the PEM that it signs with, and the JWK that it registers."""

    def __init__(self, algorithm: str, kid: str) -> None:
        self.algorithm, self.kid = algorithm, kid
        private: Any
        if algorithm == "ES384":
            private = ec.generate_private_key(ec.SECP384R1())
            point = private.public_key().public_numbers()
            self.jwk = {"kty": "EC", "crv": "P-384", "x": number(point.x, 48), "y": number(point.y, 48)}
        else:
            private = rsa.generate_private_key(65537, 2048)
            public = private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": number(public.n, 256), "e": "AQAB"}
        self.jwk |= {"kid": kid, "alg": algorithm}
        kind = serialization.PrivateFormat.PKCS8
        self.pem = private.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


EC, RSA, STRANGER = Key("ES384", "ec-1"), Key("RS384", "rsa-1"), Key("ES384", "ec-1")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    overlay = tmp_path_factory.mktemp("overlay")
    folder = overlay / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, folder)
    text = (folder / "study.yaml").read_text()
    keys = json.dumps({"keys": [EC.jwk, RSA.jwk]})
    for name in ("research", "norte-research"):
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name}: {{organisation"))
        text = text.replace(line, line.replace("{organisation", f"{{jwks: {keys}, organisation"))
    (folder / "study.yaml").write_text(text)
    with serving(tmp_path_factory.mktemp("tokens"), asset_dirs=(overlay,)) as served:
        yield served


def endpoint(http: Http) -> str:
    return f"{http.gateway.settings.public_url}/auth/token"


def assertion(http: Http, key: Key = EC, headers: dict[str, str] | None = None, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "research",
        "sub": "research",
        "aud": endpoint(http),
        "exp": now + 200,
        "jti": str(time.perf_counter_ns()),
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return str(jwt.encode(claims, key.pem, algorithm=key.algorithm, headers={"kid": key.kid} | (headers or {})))


def post(http: Http, path: str = "token", **fields: Any) -> Any:
    given = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION} | fields
    given = {name: value for name, value in given.items() if value is not None}
    return http.ask("POST", f"/auth/{path}", content=urlencode(given), headers=FORM)


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES384", "RS384"])
def test_a_client_that_proves_itself_reads_what_it_is_registered_for(http: Http, key: Key) -> None:
    answer = post(http, client_assertion=assertion(http, key))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("bearer", 300)
    assert "system/Observation.rs" in told["scope"].split()
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    assert http.ask("GET", f"{BASE}/Observation", headers=bearer).status_code == 200
    assert http.ask("GET", f"{BASE}/Patient", headers=bearer).status_code == 403
    assert http.ask("GET", "/studies/other/fhir/Observation", headers=bearer).status_code == 404


def test_fewer_scopes_may_be_asked_for_and_more_are_not_given(http: Http) -> None:
    told = post(
        http, client_assertion=assertion(http), scope="system/Observation.cruds system/Patient.rs openid"
    ).json()
    assert told["scope"] == "system/Observation.rs"
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    assert http.ask("GET", f"{BASE}/Device", headers=bearer).status_code == 403
    refused = post(http, client_assertion=assertion(http), scope="system/Patient.rs")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


def test_a_client_may_name_its_study(http: Http) -> None:
    name = f"research@{STUDY}"
    assert post(http, client_assertion=assertion(http, iss=name, sub=name)).status_code == 200
    other = "research@other"
    assert post(http, client_assertion=assertion(http, iss=other, sub=other)).status_code == 401


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://elsewhere.example/auth/token"},
    "audience of the base": {"aud": "http://127.0.0.1:8000"},
    "several audiences": {"aud": ["http://127.0.0.1:8000/auth/token", "https://elsewhere.example"]},
    "no audience": {"aud": None},
    "sub of another": {"sub": "norte-research"},
    "unknown client": {"iss": "nobody", "sub": "nobody"},
    "client without keys": {"iss": "ehr-app", "sub": "ehr-app"},
    "no expiry": {"exp": None},
    "expired": {"exp": -5},
    "expiry too far": {"exp": 3600},
    "expiry as text": {"exp": "60"},
    "issued in the future": {"iat": 600, "exp": 700},
    "not yet valid": {"nbf": 600},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
}
"""Numbers are seconds from the moment of the test on."""


def moved(value: Any) -> Any:
    now = int(time.time())
    if isinstance(value, int):
        return now + value
    return str(now + int(value)) if isinstance(value, str) and value.isdigit() else value


@pytest.mark.parametrize("name", WRONG)
def test_an_assertion_with_wrong_claims_proves_nothing(http: Http, name: str) -> None:
    claims = {claim: moved(value) for claim, value in WRONG[name].items()}
    answer = post(http, client_assertion=assertion(http, **claims))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "other"},
        {"kid": "rsa-1"},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example"},
        {"crit": ["x"]},
        {"typ": "at+jwt"},
    ],
    ids=str,
)
def test_an_assertion_with_a_foreign_header_proves_nothing(http: Http, headers: dict[str, Any]) -> None:
    assert post(http, client_assertion=assertion(http, headers=headers)).status_code == 401


def test_another_key_of_the_same_name_proves_nothing(http: Http) -> None:
    assert post(http, client_assertion=assertion(http, STRANGER)).status_code == 401


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.e30.", "x" * 9000, "é", "a.b.c.d.e"])
def test_what_is_no_assertion_proves_nothing(http: Http, text: str) -> None:
    assert post(http, client_assertion=text).status_code in (400, 401)


def test_an_assertion_proves_once(http: Http) -> None:
    once = assertion(http)
    with ThreadPoolExecutor(4) as pool:
        found = sorted(
            answer.status_code for answer in pool.map(lambda _: post(http, client_assertion=once), range(4))
        )
    assert found == [200, 401, 401, 401]
    again = post(http, client_assertion=once)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"client_assertion_type": "other"}, "invalid_client"),
        ({"client_assertion": None}, "invalid_request"),
        ({"client_id": "norte-research"}, "invalid_client"),
        ({"client_secret": "beside"}, "invalid_request"),
    ],
)
def test_a_wrong_form_is_told_by_the_codes_of_oauth(http: Http, fields: dict[str, Any], error: str) -> None:
    answer = post(http, **({"client_assertion": assertion(http)} | fields))
    assert answer.json()["error"] == error
    assert "client_assertion" not in answer.text


@pytest.mark.parametrize("body", ["", "grant_type=a&grant_type=b", "x" * 30_000, "%", "a=1&" * 40 + "b=1"])
def test_what_is_no_form_is_refused(http: Http, body: str) -> None:
    answer = http.ask("POST", "/auth/token", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert http.ask("POST", "/auth/token", json={"grant_type": "client_credentials"}).status_code == 400
    assert http.ask("GET", "/auth/token").status_code == 405


def test_a_client_may_name_itself_beside_its_proof(http: Http) -> None:
    assert post(http, client_assertion=assertion(http), client_id="research").status_code == 200


def test_a_client_is_told_about_its_own_tokens_only(http: Http) -> None:
    token = post(http, client_assertion=assertion(http)).json()["access_token"]
    told = post(http, "introspect", token=token, client_assertion=assertion(http)).json()
    assert (told["active"], told["client_id"], told["token_type"]) == (True, "research", "Bearer")
    other = assertion(http, iss="norte-research", sub="norte-research")
    assert post(http, "introspect", token=token, client_assertion=other).json() == {"active": False}
    assert post(http, "introspect", token="x", client_assertion=assertion(http)).json() == {"active": False}
    assert post(http, "introspect", token=token).status_code == 400


def test_who_asks_about_the_token_of_another_client_is_on_record(http: Http) -> None:
    token = post(http, client_assertion=assertion(http)).json()["access_token"]
    other = {"iss": "norte-research", "sub": "norte-research"}
    before = settled(http)
    post(http, "introspect", token=token, client_assertion=assertion(http))
    for unknown in ("x", token[:-4] + "AAAA"):
        post(http, "introspect", token=unknown, client_assertion=assertion(http, **other))
    assert on_record(http, before) == []
    post(http, "introspect", token=token, client_assertion=assertion(http, **other))
    [event] = on_record(http, before)
    told = [event[name] for name in ("operation", "outcome", "reason", "client")]
    assert told == ["introspect", "denied", "auth.introspect", "norte-research"]
    post(http, "revoke", token=token, client_assertion=assertion(http))
    assert on_record(http, before)[-1]["token"] == event["token"]  # tells which token it was


def test_a_revoked_token_opens_nothing(http: Http) -> None:
    token = post(http, client_assertion=assertion(http)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.ask("GET", f"{BASE}/Observation", headers=bearer).status_code == 200
    other = assertion(http, iss="norte-research", sub="norte-research")
    refused = post(http, "revoke", token=token, client_assertion=other)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert http.ask("GET", f"{BASE}/Observation", headers=bearer).status_code == 200
    assert post(http, "revoke", token=token, client_assertion=assertion(http)).status_code == 200
    assert http.ask("GET", f"{BASE}/Observation", headers=bearer).status_code == 401
    assert post(http, "introspect", token=token, client_assertion=assertion(http)).json() == {"active": False}


def test_every_token_leaves_an_event(http: Http) -> None:
    before = settled(http)
    post(http, client_assertion=assertion(http))
    assert [(event["operation"], event["client"]) for event in on_record(http, before)] == [("token", "research")]


def test_the_smart_configuration_tells_where_and_how(http: Http) -> None:
    told = http.ask("GET", f"{BASE}/.well-known/smart-configuration").json()
    assert told["token_endpoint"] == endpoint(http)
    assert "client_credentials" in told["grant_types_supported"]
    assert "private_key_jwt" in told["token_endpoint_auth_methods_supported"]
    assert set(told["token_endpoint_auth_signing_alg_values_supported"]) == {"RS384", "ES384"}
