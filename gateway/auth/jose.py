"""The only use of python-jose: JSON Web Tokens with asymmetric keys, and nothing else of it.

The library accepts much that it should not (any key of a set, DER keys as HMAC secrets, missing audience, unknown
`crit`, expiry as text), so that everything is checked here before and after its signature check.
See RFC 7515, RFC 7519, RFC 8725.
"""

import base64
import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias

from jose import jwt
from jose.exceptions import JOSEError

from gateway.core.errors import Unauthorized
from gateway.core.issues import issue

Jwk: TypeAlias = Mapping[str, Any]

MAX_TOKEN_BYTES: Final = 8192
LEEWAY_SECONDS: Final = 30
"""How far ahead of ours an issuer's clock may be."""

_KEY_SHAPES: Final[Mapping[str, Mapping[str, str]]] = {
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "RS256": {"kty": "RSA"},
    "RS384": {"kty": "RSA"},
}
_HEADER_NAMES: Final = frozenset({"alg", "jku", "kid", "typ"})
_MIN_RSA_BITS: Final = 2048
_OPTIONS: Final = {
    "require_aud": True,
    "require_iss": True,
    "require_sub": True,
    "require_jti": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


def sign(claims: Mapping[str, Any], key: Jwk, token_type: str) -> str:
    """The compact JWS of `claims`, signed with a private JWK that has `alg` and `kid`."""
    token: str = jwt.encode(
        dict(claims), dict(key), algorithm=key["alg"], headers={"kid": key["kid"], "typ": token_type}
    )
    return token


def verify(
    token: str,
    keys: Iterable[Jwk],
    *,
    token_types: Collection[str],
    algorithms: Collection[str] = ("ES256", "ES384", "RS384"),
    issuer: str,
    audience: str,
    now: float,
    max_seconds: int,
    may_lack_issue_time: bool = False,
    key_set: str | None = None,
) -> dict[str, Any]:
    """The claims of a token that one of `keys` (public JWKs) signed and that is valid at `now` (Unix seconds).

    Its `typ` must be one of `token_types`, where "" stands for none, and its `jku`, if any, the address `key_set`
    that is known already: nothing is asked because a token says so. `may_lack_issue_time` for those of other
    issuers, whose `exp` may then be at most `max_seconds` away. Raises `Unauthorized` with `auth.token-expired` for a
    token that is genuine and too old, with `auth.token-invalid` for all else.
    """
    header = _header(token)
    if header.get("typ", "") not in token_types or header["alg"] not in algorithms:
        raise _invalid()
    if header.get("jku", key_set) != key_set:
        raise _invalid()
    key = _only_key(keys, header)
    claims = _claims(token, key, issuer, audience)
    if may_lack_issue_time and "iat" not in claims:
        # Without `iat` the lifetime counts from now.
        claims = {**claims, "iat": math.floor(now)}
    _check_times(claims, now, max_seconds)
    return claims


def unverified_issuer(token: str) -> str:
    """The `iss` that a token claims, not verified: only to find the keys that it must be verified with.

    Raises `Unauthorized` when it claims none.
    """
    _header(token)
    try:
        claims = jwt.get_unverified_claims(token)
    except (JOSEError, ValueError, RecursionError):
        raise _invalid() from None
    found = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(found, str) or not found:
        raise _invalid()
    return found


def claimed_issuer(text: str) -> str:
    """The `iss` in a text that may be no token at all, "" for none: only to say in whose name one was refused."""
    if len(text) > MAX_TOKEN_BYTES:
        return ""
    try:
        claims = jwt.get_unverified_claims(text)
    except (JOSEError, ValueError, RecursionError):
        return ""
    found = claims.get("iss") if isinstance(claims, dict) else None
    return found if isinstance(found, str) else ""


def key_id(token: str) -> str:
    """The `kid` that a token claims, not verified, "" for none: only to know whether its key is at hand."""
    return str(_header(token).get("kid", ""))


def _invalid() -> Unauthorized:
    return Unauthorized(issue("auth.token-invalid"))


def _header(token: str) -> dict[str, Any]:
    """The header of a compact JWS; JWE, foreign parameters and algorithms are refused."""
    if len(token) > MAX_TOKEN_BYTES or not token.isascii() or token.count(".") != 2:
        raise _invalid()
    if not all(map(_is_canonical, token.split("."))):
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
    except (JOSEError, ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(header, dict) or not _HEADER_NAMES.issuperset(header):
        raise _invalid()
    if not all(isinstance(value, str) for value in header.values()) or header.get("alg") not in _KEY_SHAPES:
        raise _invalid()
    return header


def _is_canonical(part: str) -> bool:
    """Whether the text is the one spelling of its bytes: padding, foreign letters and stray bits are another."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode() == part


def _only_key(keys: Iterable[Jwk], header: Mapping[str, Any]) -> Jwk:
    """The one key with the header's `kid`, if it fits the header's algorithm."""
    found = [key for key in keys if key.get("kid") and key["kid"] == header.get("kid")]
    if len(found) != 1:
        raise _invalid()
    key, algorithm = found[0], header["alg"]
    fits = all(key.get(name) == value for name, value in _KEY_SHAPES[algorithm].items())
    if not fits or key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig":
        raise _invalid()
    if key["kty"] == "RSA" and len(str(key.get("n", ""))) * 6 < _MIN_RSA_BITS:
        raise _invalid()
    return {**key, "alg": algorithm}


def _claims(token: str, key: Jwk, issuer: str, audience: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token, dict(key), algorithms=[key["alg"]], audience=audience, issuer=issuer, options=_OPTIONS
        )
    except (JOSEError, ValueError, TypeError, RecursionError, json.JSONDecodeError):
        raise _invalid() from None
    if claims.get("iss") != issuer or claims.get("aud") != audience:
        raise _invalid()
    if not all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "jti")):
        raise _invalid()
    return claims


def _check_times(claims: Mapping[str, Any], now: float, max_seconds: int) -> None:
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if not all(type(value) is int for value in times):
        raise _invalid()
    issued, expires, not_before = times
    too_early = issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS
    if too_early or not 0 < expires - issued <= max_seconds:
        raise _invalid()
    if math.floor(now) >= expires:
        raise Unauthorized(issue("auth.token-expired"))
