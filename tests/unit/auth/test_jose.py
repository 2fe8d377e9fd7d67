"""What python-jose lets pass must be refused: each row of `FORGERIES` is a token that verifies or looks genuine."""

import base64
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from gateway.auth import jose
from gateway.auth.keys import _generate
from gateway.core.errors import Unauthorized

NOW = 1_780_000_000
KEY = _generate("ES256")
OTHER = _generate("ES256")
P384 = _generate("ES384")
ISSUER, AUDIENCE = "https://gateway.test", "https://gateway.test/studies/s1/fhir"
CLAIMS = {"iss": ISSUER, "sub": "app", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "j1"}


def public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "d"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def private(key: dict[str, Any]) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number(key["d"]), ec.SECP256R1())


def compact(header: dict[str, Any], claims: Any) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"


def signed(claims: Any, key: dict[str, Any] = KEY, **header: Any) -> str:
    """A token signed without the library, with any header."""
    parts = {"alg": "ES256", "kid": key["kid"], "typ": "at+jwt"} | header
    text = compact({name: value for name, value in parts.items() if value is not None}, claims)
    r, s = decode_dss_signature(private(key).sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def other_last_letter(token: str) -> str:
    """The same bytes in another spelling: the last letter of 64 bytes has four bits that tell nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def hmac_forged() -> str:
    der = (
        private(KEY)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    text = compact({"alg": "HS256", "kid": KEY["kid"], "typ": "at+jwt"}, CLAIMS)
    return f"{text}.{b64(hmac.digest(der, text.encode(), sha256))}"


def unsigned() -> str:
    return compact({"alg": "none", "kid": KEY["kid"], "typ": "at+jwt"}, CLAIMS) + "."


FORGERIES: dict[str, Callable[[], str]] = {
    "HMAC with the public key in DER": hmac_forged,
    "algorithm none": unsigned,
    "no audience": lambda: signed(without("aud")),
    "other audience": lambda: signed(CLAIMS | {"aud": AUDIENCE + "2"}),
    "audience among others": lambda: signed(CLAIMS | {"aud": [AUDIENCE, "https://elsewhere.test"]}),
    "no issuer": lambda: signed(without("iss")),
    "other issuer": lambda: signed(CLAIMS | {"iss": "https://elsewhere.test"}),
    "no subject": lambda: signed(without("sub")),
    "subject is a number": lambda: signed(CLAIMS | {"sub": 1}),
    "no jti": lambda: signed(without("jti")),
    "no expiry": lambda: signed(without("exp")),
    "no issue time": lambda: signed(without("iat")),
    "expiry as text": lambda: signed(CLAIMS | {"exp": str(NOW + 300)}),
    "expiry as fraction": lambda: signed(CLAIMS | {"exp": NOW + 300.5}),
    "expiry true": lambda: signed(CLAIMS | {"exp": True}),
    "expired": lambda: signed(CLAIMS | {"iat": NOW - 301, "exp": NOW - 1}),
    "expires now": lambda: signed(CLAIMS | {"iat": NOW - 300, "exp": NOW}),
    "issued in the future": lambda: signed(CLAIMS | {"iat": NOW + 31}),
    "not yet valid": lambda: signed(CLAIMS | {"nbf": NOW + 31}),
    "lives too long": lambda: signed(CLAIMS | {"exp": NOW + 301}),
    "expires before it was issued": lambda: signed(CLAIMS | {"iat": NOW + 20, "exp": NOW + 10}),
    "no kid": lambda: signed(CLAIMS, kid=None),
    "unknown kid": lambda: signed(CLAIMS, kid="other"),
    "kid of another key": lambda: signed(CLAIMS, OTHER, kid=KEY["kid"]),
    "kid is a path": lambda: signed(CLAIMS, kid="../../etc/passwd"),
    "kid is a list": lambda: signed(CLAIMS, kid=[KEY["kid"]]),
    "key of another issuer": lambda: signed(CLAIMS, OTHER),
    "critical header": lambda: signed(CLAIMS, crit=["exp"]),
    "key in the header": lambda: signed(CLAIMS, OTHER, kid=KEY["kid"], jwk=public(OTHER)),
    "key by address": lambda: signed(CLAIMS, jku="https://elsewhere.test/jwks"),
    "key by no address": lambda: signed(CLAIMS, jku=""),
    "certificate by address": lambda: signed(CLAIMS, x5u="https://elsewhere.test/x5"),
    "certificate": lambda: signed(CLAIMS, x5c=["MIIB"]),
    "unencoded payload": lambda: signed(CLAIMS, b64=False),
    "algorithm of another family": lambda: signed(CLAIMS, alg="RS384"),
    "algorithm of another curve": lambda: signed(CLAIMS, alg="ES384"),
    "identity token": lambda: signed(CLAIMS, typ="JWT"),
    "no type": lambda: signed(CLAIMS, typ=None),
    "claims are a list": lambda: signed([CLAIMS]),
    "larger than 8 KiB": lambda: signed(CLAIMS | {"x": "y" * 8192}),
    "five parts": lambda: signed(CLAIMS) + ".a.b",
    "two parts": lambda: signed(CLAIMS).rpartition(".")[0],
    "signature cut": lambda: signed(CLAIMS)[:-4],
    "signature padded": lambda: signed(CLAIMS) + "=",
    "signature in another spelling": lambda: other_last_letter(signed(CLAIMS)),
    "signature with letters that are none": lambda: signed(CLAIMS) + "!",
    "signature with a line end": lambda: signed(CLAIMS) + "\n",
    "header nests deep": lambda: b64(b'{"alg":' + b"[" * 3000 + b"]" * 3000 + b"}") + ".e30.e30",
    "not text": lambda: "\u2028.\u2028.\u2028",
    "empty": lambda: "",
    "dots": lambda: "..",
}


def verify(token: str, *keys: dict[str, Any], key_set: str | None = None) -> dict[str, Any]:
    return jose.verify(
        token,
        keys or (public(OTHER), public(KEY)),
        token_types=("at+jwt",),
        issuer=ISSUER,
        audience=AUDIENCE,
        now=NOW,
        max_seconds=300,
        key_set=key_set,
    )


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(forge: Callable[[], str]) -> None:
    keys = (public(KEY),) if forge is FORGERIES["key of another issuer"] else ()
    with pytest.raises(Unauthorized) as refused:
        verify(forge(), *keys)
    assert refused.value.issues[0].rule in ("auth.token-invalid", "auth.token-expired")


@pytest.mark.parametrize("key", [KEY, P384], ids=["ES256", "ES384"])
def test_a_genuine_token_is_accepted(key: dict[str, Any]) -> None:
    assert verify(jose.sign(CLAIMS, key, "at+jwt"), public(key)) == CLAIMS


def test_the_address_of_the_keys_is_the_one_that_is_known() -> None:
    own, other = "https://gateway.test/jwks", "https://gateway.test/jwks2"
    assert verify(signed(CLAIMS, jku=own), key_set=own) == verify(signed(CLAIMS), key_set=own) == CLAIMS
    for jku in (other, "", own[:-1]):
        with pytest.raises(Unauthorized):
            verify(signed(CLAIMS, jku=jku), key_set=own)


def test_the_forger_of_these_tests_makes_genuine_tokens_too() -> None:
    assert verify(signed(CLAIMS)) == CLAIMS


def test_a_genuine_token_that_is_too_old_says_so() -> None:
    with pytest.raises(Unauthorized) as refused:
        verify(FORGERIES["expired"]())
    assert refused.value.issues[0].rule == "auth.token-expired"


def test_a_key_that_is_given_twice_is_refused() -> None:
    with pytest.raises(Unauthorized):
        verify(signed(CLAIMS), public(KEY), public(KEY))


@pytest.mark.parametrize(
    "change", [{"alg": "ES384"}, {"use": "enc"}, {"crv": "P-384"}, {"kty": "RSA"}], ids=lambda found: str(found)
)
def test_a_key_that_is_meant_for_something_else_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        verify(signed(CLAIMS), public(KEY) | change)


@pytest.mark.parametrize(("bits", "accepted"), [(1024, False), (2040, False), (2048, True)])
def test_an_rsa_key_needs_2048_bits(bits: int, accepted: bool) -> None:
    key = rsa.generate_private_key(65537, bits)
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "r", "alg": "RS384", "n": b64(numbers.n.to_bytes(bits // 8, "big")), "e": "AQAB"}
    header = {"alg": "RS384", "kid": "r", "typ": "at+jwt"}
    text = compact(header, CLAIMS)
    token = f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), SHA384()))}"
    if accepted:
        assert verify(token, jwk) == CLAIMS
    else:
        with pytest.raises(Unauthorized):
            verify(token, jwk)
