"""Key sets that clients publish: fetched from the registered https address alone, and kept as long as they allow.

An address inside the own network is refused, whatever name leads to it, and a redirect is not followed: who registers
a client must not reach what only the gateway can.
"""

import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from gateway.auth.addresses import is_public
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Unauthorized
from gateway.core.issues import issue

if TYPE_CHECKING:
    from gateway.auth.fetching import Answer

MAX_KEPT_SECONDS: Final = 600
MIN_KEPT_SECONDS: Final = 10
"""A set is fetched at most this often, so that wrong assertions are no way to make the gateway send requests."""

_MAX_AGE: Final = re.compile(r"max-age=(\d{1,9})", re.ASCII)


Get: TypeAlias = Callable[[str], "Answer"]
"""What is at an address; raises `OSError` or `ValueError` when it cannot be had."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """The keys of a set, None when they could not be had; the Unix seconds at which it is asked for anew, and was."""

    keys: tuple[Mapping[str, Any], ...] | None
    until: float
    asked: float

    def has(self, kid: str) -> bool:
        return self.keys is None or not kid or any(key.get("kid") == kid for key in self.keys)


class KeySets:
    """The key sets at their addresses; `get` fetches one and may be replaced by another transport."""

    def __init__(self, clock: Clock, get: Get | None = None) -> None:
        self._clock = clock
        self._get = get or _get
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, threading.Lock] = {}

    def fetch(self, url: str, kid: str = "") -> tuple[Mapping[str, Any], ...]:
        """The public keys at a registered address, asked for anew when the one wanted is not among those known.

        Raises `Unauthorized` when they cannot be had. Nobody waits here for the server of another address.
        """
        with self._locks.setdefault(url, threading.Lock()):
            found = self._kept.get(url)
            now = self._clock().timestamp()
            if found is None or now >= found.until or not (found.has(kid) or now < found.asked + MIN_KEPT_SECONDS):
                found = self._kept[url] = self._again(url, found, now)
        if found.keys is None:
            raise Unauthorized(issue("auth.token-invalid"))
        return found.keys

    def _again(self, url: str, before: _Kept | None, now: float) -> _Kept:
        """The set as it is now; the one before, for the rest of its time, when it cannot be had."""
        found = self._asked(url, now)
        if found.keys is None and before is not None and now < before.until:
            return replace(before, asked=now)
        return found

    def _asked(self, url: str, now: float) -> _Kept:
        nothing = _Kept(None, now + MIN_KEPT_SECONDS, now)
        try:
            answer = self._get(url)
            tree = loads(answer.body) if answer.status == 200 else None
        except (OSError, ValueError, FhirError):
            return nothing
        keys = tree.get("keys") if isinstance(tree, dict) else None
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            return nothing
        return _Kept(tuple(keys), now + kept_seconds(answer.cache_control), now)


def kept_seconds(cache_control: str) -> int:
    """For how many seconds keys are kept that came with a `Cache-Control`: as it allows, within bounds."""
    return max(MIN_KEPT_SECONDS, min(_allowed(cache_control.lower()), MAX_KEPT_SECONDS))


def _allowed(control: str) -> int:
    if "no-store" in control or "no-cache" in control:
        return 0
    allowed = _MAX_AGE.search(control)
    return int(allowed[1]) if allowed else MAX_KEPT_SECONDS


def _get(url: str) -> "Answer":
    """The answer at an https address of the public network; raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise ValueError("an https address without a user")
    address = _public_address(parts.hostname, parts.port or 443)
    from gateway.auth.fetching import fetched  # hardly any process asks, and what it needs takes five megabytes

    shown = f"[{address}]" if ":" in address else address
    # The name is resolved once, and asked at that address: another answer later leads nowhere.
    return fetched(parts._replace(netloc=f"{shown}:{parts.port or 443}").geturl(), parts.netloc)


def _public_address(host: str, port: int) -> str:
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not found or not all(map(is_public, found)):
        raise ValueError("a name that resolves, to addresses of the public network")
    return sorted(found)[0]
