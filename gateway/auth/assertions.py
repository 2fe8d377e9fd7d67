"""Client assertions: a client proves who it is with a token that its own key signed (private_key_jwt).

See https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html and RFC 7523. Every check that fails is
the same refusal: what was wrong with a credential helps only who has none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

from gateway.auth import jose
from gateway.auth.port import CredentialStore
from gateway.auth.tokens import ClientOf
from gateway.core.clock import Clock
from gateway.core.errors import Unauthorized
from gateway.core.issues import issue
from gateway.study import Client

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("ES384", "RS384")
MAX_SECONDS: Final = 300
"""How long an assertion may be valid."""

_FORGET_AFTER: Final = 60
"""Seconds after its end for which the use of an assertion is remembered: clocks differ."""

FetchKeys: TypeAlias = Callable[[str, str], Iterable[jose.Jwk]]
"""The keys of the set at a registered URL, for a token with a `kid`; raises `Unauthorized` when it cannot be had."""


@dataclass(frozen=True, slots=True)
class Assertions:
    """Checks client assertions whose audience is `endpoint`, the exact URL of the token endpoint."""

    studies: Iterable[str]
    client_of: ClientOf
    endpoint: str
    store: CredentialStore
    fetch: FetchKeys
    clock: Clock

    def client(self, assertion: str) -> tuple[str, Client]:
        """The study and the client that an assertion proves; it cannot be used again.

        Its `iss` and `sub` are the client's id, or `ID@STUDY` for a client that several studies know. Raises
        `Unauthorized`.
        """
        name = jose.unverified_issuer(assertion)
        study, client = self._registered(name)
        keys = client.jwks
        if not keys and client.jwks_url:
            keys = tuple(self.fetch(client.jwks_url, jose.key_id(assertion)))
        claims = jose.verify(
            assertion,
            keys,
            token_types=("", "JWT"),
            algorithms=ALGORITHMS,
            issuer=name,
            audience=self.endpoint,
            now=self.clock().timestamp(),
            max_seconds=MAX_SECONDS,
            may_lack_issue_time=True,
            key_set=client.jwks_url or None,
        )
        if claims["sub"] != name:
            raise Unauthorized(issue("auth.token-invalid"))
        digest = sha256(f"{client.id}\x1f{claims['jti']}".encode()).hexdigest()
        if not self.store.claim(study, digest, claims["exp"] + _FORGET_AFTER):
            raise Unauthorized(issue("auth.token-invalid"))
        return study, client

    def _registered(self, name: str) -> tuple[str, Client]:
        identity, _, wanted = name.partition("@")
        found = [
            (study, client)
            for study in self.studies
            if wanted in ("", study) and (client := self.client_of(study, identity))
        ]
        if len(found) != 1:
            raise Unauthorized(issue("auth.token-invalid"))
        return found[0]
