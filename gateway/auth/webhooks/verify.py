"""The judge of a delivery: network, address, headers, age and signature, over the raw bytes, before any parsing."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.auth.api_keys import is_within
from gateway.auth.webhooks.endpoints import Endpoint
from gateway.auth.webhooks.scheme import Scheme, Signature
from gateway.auth.webhooks.tink import is_signed
from gateway.core.errors import Unauthorized
from gateway.core.issues import issue

MAX_SIGNATURES: Final = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came: headers by lower-case name, the token at the end of the address, the peer's address."""

    headers: Mapping[str, str]
    body: bytes
    path: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Proved:
    """A delivery that is genuine. `digest` stands for its signature, and may come again after the Unix second
    `until`; "" when the scheme tells no moment, so that a repetition looks like a retry."""

    digest: str
    until: int


def verify(delivery: Delivery, endpoint: Endpoint, scheme: Scheme, now: float) -> Proved:
    """Proves a delivery; raises `Unauthorized` with no detail of what was wrong."""
    require_sender(delivery, endpoint, scheme)
    moment = _timestamp(delivery, scheme)
    if scheme.timestamp and (moment is None or abs(now - _seconds(moment, scheme)) > scheme.timestamp.tolerance):
        raise _refusal()
    if scheme.signature is None:
        return Proved("", 0)
    signatures = _signatures(delivery, scheme.signature)
    message = _message(scheme.signature, moment or "", delivery.body)
    if not any(_is_signed(scheme.signature, endpoint, one, message) for one in signatures):
        raise _refusal()
    if not scheme.timestamp or moment is None:
        return Proved("", 0)
    until = int(_seconds(moment, scheme) + scheme.timestamp.tolerance) + 1
    return Proved(sha256(b"webhook\0" + message).hexdigest(), until)


def require_sender(delivery: Delivery, endpoint: Endpoint, scheme: Scheme) -> None:
    """Raises `Unauthorized` unless network, address and known headers are right."""
    wanted = [
        (scheme.path_token, delivery.path, endpoint.path),
        (scheme.authorization, delivery.headers.get("authorization", ""), endpoint.authorization),
        (
            scheme.expected is not None,
            delivery.headers.get(scheme.expected.header, "") if scheme.expected else "",
            endpoint.expected,
        ),
    ]
    same = [_is_same(given, known) for is_asked, given, known in wanted if is_asked]
    if (
        not is_within(delivery.address, endpoint.networks)
        or not all(same)
        or (delivery.path and not scheme.path_token)
    ):
        raise _refusal()


def _is_same(given: str, known: str) -> bool:
    return bool(known) and hmac.compare_digest(given.encode(), known.encode())


def _timestamp(delivery: Delivery, scheme: Scheme) -> str | None:
    if scheme.timestamp is None:
        return None
    found = _parts(delivery.headers.get(scheme.timestamp.header, ""), scheme.timestamp.field)
    return found[0] if len(found) == 1 and found[0].isascii() and found[0].isdigit() and len(found[0]) < 16 else None


def _seconds(moment: str, scheme: Scheme) -> float:
    return int(moment) / (1_000 if scheme.timestamp and scheme.timestamp.unit == "ms" else 1)


def _parts(header: str, field: str) -> list[str]:
    """The values of a field in `a=1,b=2`; all of the header when there is no field."""
    if not field:
        return [header.strip()] if header.strip() else []
    pairs = (part.strip().partition("=") for part in header.split(","))
    return [value for name, _, value in pairs if name == field]


def _signatures(delivery: Delivery, rule: Signature) -> list[bytes]:
    texts = _parts(delivery.headers.get(rule.header, ""), rule.field)
    return [decoded for text in texts[:MAX_SIGNATURES] if (decoded := _decoded(text, rule)) is not None]


def _decoded(text: str, rule: Signature) -> bytes | None:
    try:
        if rule.kind == "hmac" and rule.encoding == "hex":
            return bytes.fromhex(text) if text.isalnum() else None
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return None


def _message(rule: Signature, moment: str, body: bytes) -> bytes:
    before, _, after = rule.template.partition("{body}")
    return before.replace("{timestamp}", moment).encode() + body + after.replace("{timestamp}", moment).encode()


def _is_signed(rule: Signature, endpoint: Endpoint, signature: bytes, message: bytes) -> bool:
    if rule.kind == "tink-ecdsa":
        return is_signed(endpoint.keyset, signature, message)
    keys = [f"{secret}{rule.key_suffix}".encode() for secret in endpoint.secrets]
    same = [hmac.compare_digest(signature, hmac.digest(key, message, rule.algorithm)) for key in keys]
    return any(same)


def _refusal() -> Unauthorized:
    return Unauthorized(issue("auth.webhook"))
