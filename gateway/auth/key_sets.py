"""Key sets that clients publish: fetched from the registered https address alone, and kept as long as they allow.

An address inside the own network is refused, whatever name leads to it, and a redirect is not followed: who registers
a client must not reach what only the gateway can.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Unauthorized
from gateway.core.issues import issue

if TYPE_CHECKING:
    import httpx

MAX_BYTES: Final = 100_000
MAX_KEPT_SECONDS: Final = 600
MIN_KEPT_SECONDS: Final = 10
"""A set is fetched at most this often, so that wrong assertions are no way to make the gateway send requests."""

_MAX_AGE: Final = re.compile(r"max-age=(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: tuple[Mapping[str, Any], ...] | None
    until: float


class KeySets:
    """The key sets at their addresses; `get` fetches one and may be replaced by another transport."""

    def __init__(self, clock: Clock, get: "Callable[[str], httpx.Response] | None" = None) -> None:
        self._clock = clock
        self._get = get or _get
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def fetch(self, url: str) -> tuple[Mapping[str, Any], ...]:
        """The public keys at a registered address; raises `Unauthorized` when they cannot be had."""
        with self._lock:
            found = self._kept.get(url)
            now = self._clock().timestamp()
            if found is None or now >= found.until:
                found = self._kept[url] = self._asked(url, now)
        if found.keys is None:
            raise Unauthorized(issue("auth.token-invalid"))
        return found.keys

    def _asked(self, url: str, now: float) -> _Kept:
        import httpx  # hardly any process asks, and it takes five megabytes

        try:
            response = self._get(url)
            tree = loads(response.content) if response.status_code == 200 else None
        except (httpx.HTTPError, OSError, ValueError, FhirError):
            return _Kept(None, now + MIN_KEPT_SECONDS)
        keys = tree.get("keys") if isinstance(tree, dict) else None
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            return _Kept(None, now + MIN_KEPT_SECONDS)
        control = response.headers.get("cache-control", "")
        allowed = _MAX_AGE.search(control)
        seconds = 0 if "no-store" in control else int(allowed[1]) if allowed else MAX_KEPT_SECONDS
        return _Kept(tuple(keys), now + max(MIN_KEPT_SECONDS, min(seconds, MAX_KEPT_SECONDS)))


def _get(url: str) -> "httpx.Response":
    """The answer at an https address of the public network; raises ValueError for any other."""
    import httpx

    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise ValueError("an https address without a user")
    address = _public_address(parts.hostname, parts.port or 443)
    shown = f"[{address}]" if ":" in address else address
    # The name is resolved once, and asked at that address: another answer later leads nowhere.
    pinned = parts._replace(netloc=f"{shown}:{parts.port or 443}").geturl()
    with httpx.Client(timeout=5.0, follow_redirects=False, trust_env=False) as client:
        extensions = {"sni_hostname": parts.hostname}
        request = client.build_request("GET", pinned, headers={"Host": parts.netloc}, extensions=extensions)
        with_body = client.send(request, stream=True)
        try:
            body = b""
            for chunk in with_body.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("a key set of a sensible size")
        finally:
            with_body.close()
    return httpx.Response(
        with_body.status_code, headers={"cache-control": with_body.headers.get("cache-control", "")}, content=body
    )


def _public_address(host: str, port: int) -> str:
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not mapped.is_global or mapped.is_multicast:
            raise ValueError("an address of the public network")
    if not found:
        raise ValueError("a name that resolves")
    return sorted(found)[0]
