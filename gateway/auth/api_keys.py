"""Keys of vendors that cannot sign: a secret that delivers payloads of one source, from some networks, for a while.

A key reads nothing but its own receipts. It is `gwk_<id>_<secret>`; the gateway keeps the SHA-256 of the secret (256
random bits need no slow digest). It is bound to a client of the study that delivers a source, and may be bound to
resource types: it is then good as long as the source's mappings make no others. Two keys of a client may live at
once, so that one replaces the other without a gap.
"""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from gateway.auth.tokens import ClientOf, clients_of
from gateway.core.clock import Clock
from gateway.core.errors import Conflict, Forbidden, NotFound, Unauthorized, Unprocessable
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.study import Study

PREFIX: Final = "gwk_"
MAX_DAYS: Final = 90
MAX_LIVE: Final = 2
USED_SECONDS: Final = 3_600
"""How often it is noted that a key is in use."""

_KEY = re.compile(r"gwk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})\Z")


class ApiKeyStore(Protocol):
    """What is kept of keys; never a secret."""

    def put(self, study: str, id: str, body: bytes) -> None:
        """Keeps a key, in the place of what was kept by its id; durable when it returns."""

    def get(self, study: str, id: str) -> bytes | None:
        """What was kept by an id."""

    def all(self, study: str) -> list[tuple[bytes, int]]:
        """Every key, with the Unix second it was last used at, 0 for never."""

    def used(self, study: str, id: str, at: int) -> None:
        """Notes that a key is in use."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key: `digest` is that of its secret (hex), the times are Unix seconds, `revoked` is 0 while it is not.

    Without `networks` it may come from anywhere, without `types` the source may make whatever its mappings make.
    """

    id: str
    study: str
    client: str
    digest: str
    not_before: int
    not_after: int
    networks: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    revoked: int = 0

    def lives(self, now: float) -> bool:
        """Whether it will be good at some time from now on."""
        return not self.revoked and now < self.not_after


class ApiKeys:
    """The keys of all studies. `types_of` tells which resource types the mappings of a study's source make,
    `client_of` which clients may be used; without it those of the study files."""

    def __init__(
        self,
        store: ApiKeyStore,
        studies: Mapping[str, Study],
        types_of: Callable[[str, str], frozenset[str]],
        clock: Clock,
        client_of: ClientOf | None = None,
    ) -> None:
        self._store = store
        self._studies = studies
        self._client_of = client_of or clients_of(studies)
        self._types_of = types_of
        self._clock = clock
        self._noted: dict[str, int] = {}

    def issue(
        self,
        study: str,
        client: str,
        *,
        days: int = MAX_DAYS,
        start: datetime | None = None,
        networks: Iterable[str] = (),
        types: Iterable[str] = (),
    ) -> tuple[str, ApiKey]:
        """A new key: its text, which nobody sees again, and what is kept of it.

        Raises `Unprocessable` for a client that delivers nothing, a lifetime or network that is none, and types that
        lack some of what the source makes, and `Conflict` when the client has two living keys.
        """
        now = self._clock()
        registered = self._client_of(study, client)
        if registered is None or not registered.source:
            raise Unprocessable(issue("auth.key-client"))
        if not 0 < days <= MAX_DAYS:
            raise Unprocessable(issue("auth.key-days", limit=MAX_DAYS))
        kept = tuple(types)
        if kept and not self._types_of(study, registered.source) <= set(kept):
            raise Unprocessable(issue("auth.key-types"))
        if sum(key.client == client and key.lives(now.timestamp()) for key, _ in self.all(study)) >= MAX_LIVE:
            raise Conflict(issue("auth.key-two", limit=MAX_LIVE))
        begin = start or now
        secret = secrets.token_urlsafe(32)
        key = ApiKey(
            id=secrets.token_hex(6),
            study=study,
            client=client,
            digest=_digest(secret),
            not_before=int(begin.timestamp()),
            not_after=int((begin + timedelta(days=days)).timestamp()),
            networks=tuple(_network(text) for text in networks),
            types=kept,
        )
        self._keep(key)
        return f"{PREFIX}{key.id}_{secret}", key

    def rotate(self, study: str, id: str, overlap: timedelta) -> tuple[str, ApiKey]:
        """A new key bound as the old one, which ends after `overlap`.

        Raises as `issue` does, and `Conflict` for a key that is over: who revoked it did not want another.
        """
        old = self._known(study, id)
        if not old.lives(self._clock().timestamp()):
            raise Conflict(issue("auth.key-over"))
        days = max(1, round((old.not_after - old.not_before) / 86_400))
        made = self.issue(study, old.client, days=min(days, MAX_DAYS), networks=old.networks, types=old.types)
        end = int((self._clock() + overlap).timestamp())
        self._keep(replace(old, not_after=min(old.not_after, end)))
        return made

    def revoke(self, study: str, id: str) -> ApiKey:
        """Ends a key at once, for every process; raises `NotFound` for one that is none."""
        key = replace(self._known(study, id), revoked=int(self._clock().timestamp()))
        self._keep(key)
        return key

    def all(self, study: str) -> list[tuple[ApiKey, int]]:
        """Every key of a study, and the Unix second it was last used at, 0 for never."""
        return [(msgspec.json.decode(body, type=ApiKey), used) for body, used in self._store.all(study)]

    def authenticate(self, text: str, study: str, address: str) -> Principal:
        """Who delivers with this key from a network address; `Unauthorized` with no detail of what was wrong,
        `Forbidden` when the source makes other types than the key is for."""
        key = self._genuine(text, study, address)
        found = self._studies.get(study)
        client = self._client_of(study, key.client)
        if found is None or client is None or not client.source:
            raise Unauthorized(issue("auth.key-invalid"))
        if key.types and not self._types_of(study, client.source) <= set(key.types):
            raise Forbidden(issue("auth.key-types"))
        self._note(key)
        return replace(found.principal(client), token=key.id)

    def _genuine(self, text: str, study: str, address: str) -> ApiKey:
        parts = _KEY.match(text)
        body = self._store.get(study, parts[1]) if parts else None
        key = msgspec.json.decode(body, type=ApiKey) if body else None
        known = key.digest if key else _digest("")
        is_same = hmac.compare_digest(known, _digest(parts[2] if parts else ""))
        now = self._clock().timestamp()
        if (
            key is None
            or not is_same
            or not key.lives(now)
            or now < key.not_before
            or not is_within(address, key.networks)
        ):
            raise Unauthorized(issue("auth.key-invalid"))
        return key

    def _known(self, study: str, id: str) -> ApiKey:
        body = self._store.get(study, id)
        if body is None:
            raise NotFound(issue("auth.key-unknown"))
        return msgspec.json.decode(body, type=ApiKey)

    def _keep(self, key: ApiKey) -> None:
        self._store.put(key.study, key.id, msgspec.json.encode(key))

    def _note(self, key: ApiKey) -> None:
        now = int(self._clock().timestamp())
        if now - self._noted.get(key.id, 0) >= USED_SECONDS:
            self._noted[key.id] = now
            self._store.used(key.study, key.id, now)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an IP address is in one of the networks; any address is when there are none."""
    allowed = tuple(networks)
    if not allowed:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(one) for one in allowed)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise Unprocessable(issue("auth.key-network")) from None


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
