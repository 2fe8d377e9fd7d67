"""Whether a study can have a client that somebody requests: what it is must be known to the study file."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.auth.addresses import may_be_public
from gateway.auth.scopes import REGISTRY, Scope, narrowed
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import Issue, issue
from gateway.study import Client, Study

MAX_KEYS: Final = 10
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")
_KEY_SET = re.compile(r"https://[^/@?#\s]+/[^?#\s]*\Z")
_ISSUER = re.compile(r"https://[^?#\s]+\Z")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PARTS = {"EC": frozenset({"crv", "x", "y"}), "RSA": frozenset({"n", "e"})}


def check_client(study: Study, client: Client) -> None:
    """Raises `Unprocessable` with every fault of a client that was requested for a study.

    Organisation, role, source and purpose are ones of the study file; scopes are of those of the role. It proves who
    it is by public keys, by a key set's address, by an external issuer, or delivers a source with a vendor's key.
    """
    faults = list(_faults(study, client))
    if faults:
        raise Unprocessable(*faults)


def is_id(text: str) -> bool:
    """Whether a client can be called so."""
    return bool(_ID.match(text))


def _faults(study: Study, client: Client) -> Iterator[Issue]:
    role = study.roles.get(client.role)
    purposes = {one.purpose for one in study.clients.values()}
    needs_source = role is not None and role.collects
    checks = {
        "id": is_id(client.id),
        "organisation": client.organisation in study.organisations,
        "role": role is not None,
        "purpose": client.purpose in purposes,
        "source": client.source in study.sources if client.source else not needs_source,
        "site": not client.site or client.site in study.sites,
        "scopes": role is None or _are_within(client.scopes, role.scopes),
        "proof": bool(client.jwks or client.jwks_url or client.issuer or client.source),
        "jwks": len(client.jwks) <= MAX_KEYS and all(map(_is_public, client.jwks)),
        "jwks_url": not client.jwks_url or _is_key_set(client.jwks_url),
        "issuer": not client.issuer or bool(_ISSUER.match(client.issuer)),
        "redirect_uris": not (client.redirect_uris or client.secret_sha256),
    }
    return (issue("auth.registry-client", what=name) for name, is_good in checks.items() if not is_good)


def _are_within(scopes: Iterable[str], held: Iterable[str]) -> bool:
    """Whether there are scopes, each wholly permitted by those that the role has."""
    asked, allowed = tuple(scopes), tuple(held)
    try:
        return bool(asked) and all(_is_within(text, allowed) for text in asked)
    except BadRequest:
        return False


def _is_within(text: str, allowed: tuple[str, ...]) -> bool:
    """Raises `BadRequest` for a scope that is neither about resources nor about the registry."""
    if text in REGISTRY:
        return text in allowed
    return str(Scope.parse(text)) in narrowed((text,), allowed) or text in allowed


def _is_key_set(url: str) -> bool:
    """Whether a key set can be had there: over https, at a host that is not of the own network. What a name leads to
    is looked at when the set is fetched."""
    return bool(_KEY_SET.match(url)) and may_be_public(url)


def _is_public(key: Mapping[str, Any]) -> bool:
    parts = _PARTS.get(str(key.get("kty")), frozenset({"none"})) | {"kid"}
    has_parts = all(isinstance(key.get(part), str) and key[part] for part in parts)
    return has_parts and not _PRIVATE & key.keys() and all(map(_is_plain, key.values()))


def _is_plain(value: Any) -> bool:
    """Whether a member of a key is what RFC 7517 gives it: a text, a list of texts, or a flag."""
    return isinstance(value, str | bool) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
