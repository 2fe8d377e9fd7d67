"""The bounds of what a token may be, each side of each; and what is read of a token before it is verified."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.auth import jose
from gateway.core.errors import Unauthorized
from tests.unit.auth.test_jose import (
    AUDIENCE,
    CLAIMS,
    ISSUER,
    KEY,
    NOW,
    b64,
    compact,
    public,
    signed,
    verify,
    without,
)


def refused(token: str) -> None:
    with pytest.raises(Unauthorized, match=r"auth\.token-(invalid|expired)"):
        verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": NOW + 30, "exp": NOW + 60},
        {"nbf": NOW + 30},
        {"nbf": NOW - 1},
        {"iat": NOW, "exp": NOW + 1},
        {"iat": NOW - 299, "exp": NOW + 1},
        {"iat": NOW, "exp": NOW + 300},
    ],
    ids=str,
)
def test_a_time_at_its_bound_is_accepted(changes: dict[str, Any]) -> None:
    assert verify(signed(CLAIMS | changes)) == CLAIMS | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": NOW + 31, "exp": NOW + 60},
        {"nbf": NOW + 31},
        {"nbf": "0"},
        {"nbf": None},
        {"iat": NOW + 10, "exp": NOW + 10},
        {"jti": ""},
        {"sub": ""},
        {"sub": None},
        {"jti": 7},
        {"iss": [ISSUER]},
    ],
    ids=str,
)
def test_a_claim_beyond_its_bound_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(CLAIMS | changes))


def test_a_token_has_at_most_8192_characters() -> None:
    sizes = {len(signed(CLAIMS | {"x": "y" * size})): size for size in range(5_600, 5_900)}
    longest = max(length for length in sizes if length <= 8192)
    assert longest == jose.MAX_TOKEN_BYTES == 8192
    assert verify(signed(CLAIMS | {"x": "y" * sizes[longest]}))
    refused(signed(CLAIMS | {"x": "y" * sizes[min(length for length in sizes if length > 8192)]}))


def test_a_token_without_a_type_is_for_those_who_ask_for_it() -> None:
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "now": NOW, "max_seconds": 300}
    untyped = signed(CLAIMS, typ=None)
    assert jose.verify(untyped, (public(KEY),), token_types=("at+jwt", ""), **given) == CLAIMS
    with pytest.raises(Unauthorized):
        jose.verify(signed(CLAIMS), (public(KEY),), token_types=("",), **given)


def test_the_instant_that_is_given_counts_and_no_other_clock() -> None:
    """The library has a clock of its own, which knows no leeway."""
    now = int(time.time())
    claims = CLAIMS | {"iat": now, "nbf": now + 20, "exp": now + 200}
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "now": now, "max_seconds": 300}
    assert jose.verify(signed(claims), (public(KEY),), token_types=("at+jwt",), **given) == claims


def test_a_token_of_another_issuer_may_lack_its_issue_time() -> None:
    def lenient(claims: dict[str, Any], now: float = NOW) -> dict[str, Any]:
        return jose.verify(
            signed(claims),
            (public(KEY),),
            token_types=("at+jwt",),
            issuer=ISSUER,
            audience=AUDIENCE,
            now=now,
            max_seconds=300,
            may_lack_issue_time=True,
        )

    assert lenient(without("iat"), NOW + 0.9) == CLAIMS
    assert lenient(CLAIMS) == CLAIMS
    for claims in (without("iat") | {"exp": NOW + 301}, CLAIMS | {"iat": NOW + 31}):
        with pytest.raises(Unauthorized, match=r"auth\.token-invalid"):
            lenient(claims)


@pytest.mark.parametrize("header", [{"kid": 1}, {"typ": None, "kid": None}, {"alg": "RS512"}, {"alg": ["ES256"]}])
def test_a_header_of_another_shape_is_refused(header: dict[str, Any]) -> None:
    refused(signed(CLAIMS, **header))


def test_rs256_is_for_those_who_ask_for_it() -> None:
    key = rsa.generate_private_key(65537, 2048)
    modulus = key.public_key().public_numbers().n
    jwk = {"kty": "RSA", "kid": "r", "n": b64(modulus.to_bytes(256, "big")), "e": "AQAB"}
    text = compact({"alg": "RS256", "kid": "r", "typ": "at+jwt"}, CLAIMS)
    token = f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "now": NOW, "max_seconds": 300}
    assert jose.verify(token, (jwk,), token_types=("at+jwt",), algorithms=("RS256",), **given) == CLAIMS
    for keys in ((jwk,), (jwk | {"alg": "RS384"},), (jwk | {"n": ""},), ({"kid": "r", "kty": "RSA"},)):
        with pytest.raises(Unauthorized, match=r"auth\.token-invalid"):
            jose.verify(token, keys, token_types=("at+jwt",), **given)


def test_what_a_token_claims_to_be_is_read_of_a_token_only() -> None:
    assert jose.unverified_issuer(signed(CLAIMS)) == ISSUER
    assert jose.key_id(signed(CLAIMS)) == KEY["kid"]
    assert jose.key_id(signed(CLAIMS, kid=None)) == ""
    for claims in (
        without("iss"),
        CLAIMS | {"iss": ""},
        CLAIMS | {"iss": 1},
        CLAIMS | {"iss": [ISSUER]},
        [ISSUER],
        "a",
    ):
        with pytest.raises(Unauthorized, match=r"auth\.token-invalid"):
            jose.unverified_issuer(signed(claims))
    header = compact({"alg": "ES256"}, {}).partition(".")[0]
    for token in (
        "",
        "a.b.c",
        f"{header}.!.c",
        f"{header}.e30",
        signed(CLAIMS, crit=["exp"]),
        signed(CLAIMS, alg="none"),
    ):
        with pytest.raises(Unauthorized, match=r"auth\.token-invalid"):
            jose.unverified_issuer(token)
        if token.count(".") < 2 or "!" not in token:
            with pytest.raises(Unauthorized, match=r"auth\.token-invalid"):
                jose.key_id(token)


LONGEST = signed(CLAIMS) + "A" * (jose.MAX_TOKEN_BYTES - len(signed(CLAIMS)))


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        (signed(CLAIMS), ISSUER),
        (signed(CLAIMS, crit=["x"], jku="https://evil.example"), ISSUER),
        (f"{compact({'alg': 'none'}, CLAIMS)}.", ISSUER),
        (LONGEST, ISSUER),
        (LONGEST + "AAAA", ""),
        (signed({"iss": 7}), ""),
        (signed({"sub": "app"}), ""),
        (signed([ISSUER]), ""),
        ("x.y.z", ""),
        ("\ud800.é.z", ""),
        ("", ""),
    ],
    ids=[f"case {number}" for number in range(11)],
)
def test_in_whose_name_a_text_comes_is_told_of_anything(text: str, issuer: str) -> None:
    assert jose.claimed_issuer(text) == issuer
