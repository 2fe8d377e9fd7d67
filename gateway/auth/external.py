"""Issuers elsewhere: OpenID Connect providers whose access tokens are accepted, because the operator named them.

Their keys are found by discovery and kept in memory, as long as their `Cache-Control` allows; a request never waits
for a provider: one that comes later has them asked for. Whatever cannot be had counts as no key, so that no token
passes. A key that is not known yet is asked for, at most every ten seconds.
See https://openid.net/specs/openid-connect-discovery-1_0.html and RFC 9068.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.auth.key_sets import MIN_KEPT_SECONDS, Get, kept_seconds
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.errors import FhirError

if TYPE_CHECKING:
    from gateway.auth.fetching import Answer

MAX_KEYS: Final = 50
KEPT_THROUGH_FAULTS: Final = 3_600
"""For how many seconds keys still count when their provider cannot be asked; then none of them does."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """The keys, when they came, when they were last asked for (Unix seconds), and for how many seconds they are not
    asked for anew."""

    keys: tuple[Mapping[str, Any], ...]
    fetched: float
    tried: float
    seconds: int

    def is_old(self, now: float) -> bool:
        return now >= self.tried + self.seconds


class ExternalIssuers:
    """The issuers of the operator's list, and no others; `refresh` asks them, in a thread of its own."""

    def __init__(self, issuers: Collection[str], base_url: str, clock: Clock, get: Get | None = None) -> None:
        self._issuers = frozenset(issuers)
        self._base_url = base_url
        self._clock = clock
        self._get = get or fetch
        self._kept: dict[str, _Kept] = {}
        self._wanted: set[str] = set()
        self.waiting = threading.Event()

    def __contains__(self, issuer: str) -> bool:
        return issuer in self._issuers

    def __bool__(self) -> bool:
        return bool(self._issuers)

    def audience(self, study: str) -> str:
        """What a token for a study must be meant for: its FHIR base, as clients address it."""
        return f"{self._base_url}/studies/{study}/fhir"

    def keys(self, issuer: str, kid: str) -> tuple[Mapping[str, Any], ...]:
        """The issuer's public keys as they are known, none when they are not; an unknown `kid` is asked for."""
        kept = self._kept.get(issuer)
        now = self._clock().timestamp()
        if kept is None or now >= kept.fetched + KEPT_THROUGH_FAULTS:
            return ()
        if kept.is_old(now):
            self.waiting.set()
        if not any(key.get("kid") == kid for key in kept.keys):
            self._wanted.add(issuer)
            self.waiting.set()
        return kept.keys

    def refresh(self) -> None:
        """Asks the issuers whose keys are old, or lack one that a token names."""
        self.waiting.clear()
        now = self._clock().timestamp()
        for issuer in sorted(self._issuers):
            kept = self._kept.get(issuer)
            is_needed = issuer in self._wanted and kept is not None and now >= kept.tried + MIN_KEPT_SECONDS
            if kept is not None and not is_needed and not kept.is_old(now):
                continue
            self._wanted.discard(issuer)
            try:
                keys, seconds = self._asked(issuer)
                self._kept[issuer] = _Kept(keys, now, now, seconds if keys else MIN_KEPT_SECONDS)
            except (OSError, ValueError, FhirError):
                before = kept or _Kept((), now, now, MIN_KEPT_SECONDS)
                self._kept[issuer] = replace(before, tried=now)

    def _asked(self, issuer: str) -> tuple[tuple[Mapping[str, Any], ...], int]:
        """The keys, and for how many seconds they may be kept."""
        told = loads(self._body(f"{issuer.rstrip('/')}/.well-known/openid-configuration")[0])
        if not isinstance(told, dict) or told.get("issuer") != issuer:
            raise ValueError("a provider that names itself")
        address = told.get("jwks_uri")
        if not isinstance(address, str) or urlsplit(address)[:2] != urlsplit(issuer)[:2]:
            raise ValueError("keys at the provider's own origin")
        body, seconds = self._body(address)
        tree = loads(body)
        keys = tree.get("keys") if isinstance(tree, dict) else None
        if not isinstance(keys, list) or len(keys) > MAX_KEYS or not all(isinstance(key, dict) for key in keys):
            raise ValueError("a key set")
        return tuple(keys), seconds

    def _body(self, url: str) -> tuple[bytes, int]:
        """The body at an address, and for how many seconds it may be kept; a redirect and an error are none."""
        answer = self._get(url)
        if answer.status != 200:
            raise ValueError("an answer")
        return answer.body, kept_seconds(answer.cache_control)


def fetch(url: str) -> "Answer":
    """The answer at an address that the operator named; a redirect is not followed, a long body is none."""
    from gateway.auth.fetching import fetched  # hardly any process asks, and what it needs takes five megabytes

    return fetched(url)
