"""Each vendor's proof: the genuine delivery, and everything that only looks like one."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.auth.webhooks import Delivery, Endpoint, Scheme, handshake, load_schemes, verify
from gateway.core.assets import asset_roots
from gateway.core.errors import Unauthorized

SCHEMES = load_schemes(asset_roots("profiles"))
NOW = 1_780_000_000
SECRET, OLD = "a secret of the study", "the secret before it"
BODY = '{"user": "größer", "data": [1.50, 2]}'.encode()
KEY = ec.derive_private_key(7_461_002_355, ec.SECP256R1())
NUMBER = 0x01020304


def keyset(key: ec.EllipticCurvePrivateKey = KEY, number: int = NUMBER, status: str = "ENABLED") -> object:
    """A public Tink keyset of one P-256 key."""
    numbers = key.public_key().public_numbers()
    params = b"\x12\x06\x08\x03\x10\x02\x18\x02"
    x, y = (b"\x00" + part.to_bytes(32, "big") for part in (numbers.x, numbers.y))
    value = b"\x08\x00" + params + b"\x1a" + bytes([len(x)]) + x + b"\x22" + bytes([len(y)]) + y
    data = {
        "typeUrl": "type.googleapis.com/google.crypto.tink.EcdsaPublicKey",
        "value": base64.b64encode(value).decode(),
        "keyMaterialType": "ASYMMETRIC_PUBLIC",
    }
    one = {"keyData": data, "status": status, "keyId": number, "outputPrefixType": "TINK"}
    return {"primaryKeyId": number, "key": [one]}


def tink(body: bytes, _secret: str, _now: int) -> dict[str, str]:
    signature = b"\x01" + NUMBER.to_bytes(4, "big") + KEY.sign(body, ec.ECDSA(hashes.SHA256()))
    return {"authorization": SECRET, "google-health-api-signature": base64.b64encode(signature).decode()}


def older_tink(body: bytes, secret: str, now: int) -> dict[str, str]:
    found = tink(body, secret, now)
    return {"authorization": SECRET, "x-healthapi-signature": found["google-health-api-signature"]}


def mac(key: str, message: bytes, name: str = "sha256") -> bytes:
    return hmac.new(key.encode(), message, name).digest()


def fitbit(body: bytes, secret: str, _now: int) -> dict[str, str]:
    return {"x-fitbit-signature": base64.b64encode(mac(secret + "&", body, "sha1")).decode()}


def oura(body: bytes, secret: str, now: int) -> dict[str, str]:
    signature = mac(secret, str(now).encode() + body).hex().upper()
    return {"x-oura-timestamp": str(now), "x-oura-signature": signature}


def whoop(body: bytes, secret: str, now: int) -> dict[str, str]:
    moment = str(now * 1000)
    signature = base64.b64encode(mac(secret, moment.encode() + body)).decode()
    return {"x-whoop-signature-timestamp": moment, "x-whoop-signature": signature}


def terra(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"terra-signature": f"t={now},v1={mac(secret, f'{now}.'.encode() + body).hex()}"}


def generic(body: bytes, secret: str, now: int) -> dict[str, str]:
    signature = mac(secret, f"{now}.".encode() + body).hex()
    return {"x-signature-timestamp": str(now), "x-signature": signature}


SIGNERS: dict[str, Callable[[bytes, str, int], dict[str, str]]] = {
    "google-health": tink,
    "google-health-older": older_tink,
    "fitbit": fitbit,
    "oura": oura,
    "whoop": whoop,
    "terra": terra,
    "hmac-sha256": generic,
}
TIMED = [name for name in SIGNERS if SCHEMES[name].timestamp]
WITH_SECRET = [name for name in SIGNERS if "google" not in name]


def endpoint(name: str) -> Endpoint:
    return Endpoint(
        scheme=name,
        secrets=(SECRET, OLD),
        path="an unguessable token",
        authorization=SECRET,
        verification="the word",
        expected="client-1",
        networks=("192.0.2.0/24",),
        keyset=keyset(),
    )


def delivery(name: str, body: bytes = BODY, secret: str = SECRET, now: int = NOW) -> Delivery:
    return Delivery(SIGNERS[name](body, secret, now), body, address="192.0.2.1")


def is_refused(name: str, given: Delivery, of: Endpoint | None = None) -> bool:
    try:
        verify(given, of or endpoint(name), SCHEMES[name], NOW)
    except Unauthorized as error:
        assert error.issues[0].rule == "auth.webhook"
        return True
    return False


def test_every_vendor_of_the_table_has_its_scheme() -> None:
    assert set(SCHEMES) == {*SIGNERS, "withings", "garmin", "redcap"}


VECTORS = {
    "oura": {
        "x-oura-timestamp": "1780000000",
        "x-oura-signature": "0B0490997A4E9AC99778AACE5E1FE9A96EB62AD86F15B67572670EB477D3BDF6",
    },
    "fitbit": {"x-fitbit-signature": "6P0k2AZm7X85O4+2F8k7hCGAH0o="},
    "terra": {"terra-signature": "t=1780000000,v1=3b9c32e1fe9935ef47a40bbc80aa7c2dc3d47212b5a8b0493a585c961e4030e6"},
    "whoop": {
        "x-whoop-signature-timestamp": "1780000000000",
        "x-whoop-signature": "n6FPoQzgPDNEOnRy2soatLoj3yQuVk+KYmQHjvh7j8Q=",
    },
    "hmac-sha256": {
        "x-signature-timestamp": "1780000000",
        "x-signature": "3b9c32e1fe9935ef47a40bbc80aa7c2dc3d47212b5a8b0493a585c961e4030e6",
    },
}
"""Made by openssl of the bytes `{}`, under the key `key-of-sixteen-b`, at the second 1780000000."""


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_that_another_program_made(name: str) -> None:
    of = Endpoint(scheme=name, secrets=("key-of-sixteen-b",))
    assert verify(Delivery(VECTORS[name], b"{}"), of, SCHEMES[name], NOW)
    assert is_refused(name, Delivery(VECTORS[name], b"{ }"), of)


@pytest.mark.parametrize("name", SIGNERS)
def test_the_genuine_delivery_is_taken(name: str) -> None:
    proved = verify(delivery(name), endpoint(name), SCHEMES[name], NOW)
    assert bool(proved.digest) == (name in TIMED)
    assert verify(delivery(name, b""), endpoint(name), SCHEMES[name], NOW)


@pytest.mark.parametrize("name", SIGNERS)
def test_what_is_not_genuine_is_refused(name: str) -> None:
    good = delivery(name)
    signature = SCHEMES[name].signature
    assert signature
    changed = bytes([BODY[0] ^ 1]) + BODY[1:]
    again = json.dumps(json.loads(BODY)).encode()
    for body in (changed, again, BODY + b"\n", BODY[:-1], b""):
        assert is_refused(name, replace(good, body=body))
    without = {header: value for header, value in good.headers.items() if header != signature.header}
    assert is_refused(name, replace(good, headers=without))
    for wrong in ("", "x", "=", "\u0660" * 64, good.headers[signature.header] + "0", "00" * 32, "A" * 44):
        assert is_refused(name, replace(good, headers=good.headers | {signature.header: wrong})), wrong
    assert is_refused(name, replace(good, address="198.51.100.1"))
    assert is_refused(name, replace(good, path="anything"))


@pytest.mark.parametrize("name", WITH_SECRET)
def test_two_secrets_are_good_while_they_rotate(name: str) -> None:
    assert not is_refused(name, delivery(name, secret=OLD))
    assert is_refused(name, delivery(name, secret="another secret altogether"))
    assert is_refused(name, delivery(name), Endpoint(scheme=name, networks=("192.0.2.0/24",)))


@pytest.mark.parametrize("name", TIMED)
def test_what_is_stale_or_of_the_future_is_refused(name: str) -> None:
    for age in (0, 300, -300):
        assert not is_refused(name, delivery(name, now=NOW + age))
    for age in (301, -301, 86_400):
        assert is_refused(name, delivery(name, now=NOW + age))
    timestamp = SCHEMES[name].timestamp
    assert timestamp
    good = delivery(name)
    if not timestamp.field:
        for wrong in ("", "x", "1e9", "-1", "\u0661", "9" * 40, str(NOW - 1)):
            assert is_refused(name, replace(good, headers=good.headers | {timestamp.header: wrong}))


@pytest.mark.parametrize("name", TIMED)
def test_a_repetition_is_known_by_its_digest(name: str) -> None:
    first, second = (verify(delivery(name), endpoint(name), SCHEMES[name], NOW) for _ in range(2))
    other = verify(delivery(name, now=NOW + 1), endpoint(name), SCHEMES[name], NOW)
    assert first == second != other
    assert first.until > NOW


def test_several_signatures_in_one_header() -> None:
    good = delivery("terra").headers["terra-signature"]
    moment, signature = good.split(",")
    for header, is_good in (
        (f"{moment},v1={'0' * 64},{signature}", True),
        (f"{moment}, {signature}, v0=abc", True),
        (f"{moment},v1={'0' * 64}", False),
        (f"{moment},{'v1=00,' * 9}{signature}", False),
        (f"{moment},{moment},{signature}", False),
        (signature, False),
        (f"{moment},{signature.upper()}", False),
    ):
        assert is_refused("terra", Delivery({"terra-signature": header}, BODY, address="192.0.2.1")) != is_good, (
            header
        )


def test_keys_of_google() -> None:
    of = endpoint("google-health")
    good = delivery("google-health")
    other = ec.derive_private_key(99, ec.SECP256R1())
    two = {"key": [*keyset(other, 5)["key"], *keyset()["key"]]}  # type: ignore[index]
    assert not is_refused("google-health", good, msgspec.structs.replace(of, keyset=two))
    for wrong in (keyset(other), keyset(number=5), keyset(status="DISABLED"), {}, {"key": 1}, None, {"key": [{}]}):
        assert is_refused("google-health", good, msgspec.structs.replace(of, keyset=wrong)), wrong
    assert is_refused("google-health", replace(good, headers=good.headers | {"authorization": "x"}))
    for damaged in (b"", b"\x01", b"\x00" * 80, b"\x01\x01\x02\x03\x04" + b"\x30" * 70):
        text = base64.b64encode(damaged).decode()
        assert is_refused(
            "google-health", replace(good, headers=good.headers | {"google-health-api-signature": text})
        )


@pytest.mark.parametrize("name", ["withings", "redcap", "garmin"])
def test_vendors_that_sign_nothing_come_by_address_and_network(name: str) -> None:
    of = endpoint(name)
    good = Delivery({"garmin-client-id": "client-1"}, BODY, of.path, "192.0.2.9")
    assert verify(good, of, SCHEMES[name], NOW).digest == ""
    for wrong in (
        replace(good, path=""), replace(good, path=of.path + "x"), replace(good, address="203.0.113.1"),
        replace(good, path="", headers={"authorization": of.path}),
    ):  # fmt: skip
        assert is_refused(name, wrong)
    if name == "garmin":
        assert is_refused(name, replace(good, headers={"garmin-client-id": "another"}))


def answer(name: str, method: str, query: dict[str, str], given: Delivery | None = None) -> tuple[int, object] | None:
    found = handshake(method, query, given or Delivery({}, b"", address="192.0.2.1"), endpoint(name), SCHEMES[name])
    return (found.status, found.tree) if found else None


def test_handshakes() -> None:
    asked = {"verification_token": "the word", "challenge": "x y"}
    assert answer("oura", "GET", asked) == (200, {"challenge": "x y"})
    assert answer("oura", "GET", asked | {"verification_token": "a word"}) == (401, None)
    assert answer("oura", "GET", {"challenge": "x"}) == (401, None)
    assert answer("oura", "POST", asked) is None
    assert answer("fitbit", "GET", {"verify": "the word"}) == (204, None)
    assert answer("fitbit", "GET", {"verify": "x"}) == answer("fitbit", "GET", {}) == (404, None)
    token = endpoint("withings").path
    for method in ("HEAD", "GET"):
        assert answer("withings", method, {}, Delivery({}, b"", token, "192.0.2.1")) == (200, None)
        assert answer("withings", method, {}, Delivery({}, b"", "x", "192.0.2.1")) == (404, None)
    verification = b'{"type": "verification"}'
    with_secret = Delivery({"authorization": SECRET}, verification, address="192.0.2.1")
    assert answer("google-health", "POST", {}, with_secret) == (201, None)
    assert answer("google-health", "POST", {}, replace(with_secret, headers={})) == (401, None)
    assert answer("google-health", "POST", {}, replace(with_secret, body=BODY)) is None
    assert answer("whoop", "GET", {}) is None


def test_a_scheme_that_asks_for_no_proof_does_not_load() -> None:
    assert not Scheme().proves
    assert all(scheme.proves for scheme in SCHEMES.values())
