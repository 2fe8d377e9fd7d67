"""Access tokens of the local issuer: made for a registered client of one study, and turned into a principal.

A token says who its client is and which of the client's scopes it carries. Organisation, role, purpose and source
come from the study's registry at each use, so that a client that was taken out is refused at once.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias

from gateway.auth import jose
from gateway.auth.external import ExternalIssuers
from gateway.auth.external_claims import Told, external_claims
from gateway.auth.keys import KeyFolder
from gateway.auth.scopes import narrowed
from gateway.core.clock import Clock
from gateway.core.errors import Unauthorized, Unprocessable
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.study import Client, Study

ClientOf: TypeAlias = Callable[[str, str], Client | None]
"""(study, client id) -> the registered client, None when there is none."""

IsUsable: TypeAlias = Callable[[str, str], bool]
"""(study, scope as text) -> whether it can be kept to: one with a query that is not understood cannot."""

IsRevoked: TypeAlias = Callable[[str, str], bool]
"""(study, `token_digest`) -> whether the token was revoked."""

MAX_TOKEN_SECONDS: Final = 86_400
_MEDIA_TYPE: Final = "at+jwt"
_MEDIA_TYPES: Final = (_MEDIA_TYPE, f"application/{_MEDIA_TYPE}")
EXTERNAL_ALGORITHMS: Final = ("ES256", "ES384", "RS256", "RS384")
_KEPT_TOKENS: Final = 4096
_KEPT: Final = timedelta(minutes=1)


def audience(issuer: str, study: str) -> str:
    """What a token for a study is meant for: the study's FHIR base."""
    return f"{issuer}/studies/{study}/fhir"


def token_digest(jti: str) -> str:
    """What stands for a token in audit events and the list of revoked ones: it does not tell the token."""
    return sha256(jti.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Launch:
    """For whom an app was launched: the id of the Patient of `patient/` scopes, "" for none, and the reference of the
    person who logged in (`Patient/1`, `Practitioner/2`); `session` tells all tokens of the launch."""

    patient: str
    user: str
    session: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs access tokens; `url` is the `iss` claim, without a final slash."""

    keys: KeyFolder
    url: str
    clock: Clock

    def issue(
        self,
        client: Client,
        study: str,
        seconds: int,
        scopes: Iterable[str] | None = None,
        launch: Launch | None = None,
    ) -> str:
        """A token for `client` and `study`, with all scopes of the client or only `scopes`; `launch` for an app.

        Raises `Unprocessable` when `seconds` is not from 1 to a day.
        """
        if not 0 < seconds <= MAX_TOKEN_SECONDS:
            raise Unprocessable(issue("auth.lifetime", limit=MAX_TOKEN_SECONDS))
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.url,
            "sub": client.id,
            "client_id": client.id,
            "aud": audience(self.url, study),
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_urlsafe(16),
            "scope": " ".join(client.scopes if scopes is None else scopes),
        }
        if launch:
            claims |= {
                "sub": launch.user,
                "fhirUser": launch.user,
                "sid": launch.session,
                **({"patient": launch.patient} if launch.patient else {}),
            }
        return jose.sign(claims, self.keys.signing_key(), _MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a genuine token says; `issuer` is "" for the own one."""

    issuer: str
    client: str
    study: str
    scopes: tuple[str, ...]
    patient: str
    user: str
    digest: str
    session: str
    expires: datetime
    kept_until: datetime


class Authenticator:
    """Turns bearer tokens into principals; that one was verified is remembered for at most a minute."""

    def __init__(
        self,
        keys: KeyFolder,
        issuer: str,
        client_of: ClientOf,
        clock: Clock,
        is_revoked: IsRevoked | None = None,
        is_usable: IsUsable | None = None,
        externals: ExternalIssuers | None = None,
    ) -> None:
        self._externals = externals
        self._is_revoked = is_revoked
        self._is_usable = is_usable
        self._keys = keys
        self._issuer = issuer
        self._client_of = client_of
        self._clock = clock
        self._known: dict[str, _Verified] = {}
        self._principals: dict[str, tuple[Client, Principal]] = {}

    def authenticate(self, token: str, study: str) -> Principal:
        """The principal of a token for `study`; raises `Unauthorized`, with no detail of what was wrong."""
        if len(token) > jose.MAX_TOKEN_BYTES:
            raise Unauthorized(issue("auth.token-invalid"))
        now = self._clock()
        verified = self._known.get(token)
        if verified is None or now >= verified.kept_until:
            verified = self._verify(token, study, now)
            self._keep(token, verified)
        elif now >= verified.expires:
            raise Unauthorized(issue("auth.token-expired"))
        if verified.study != study:
            raise Unauthorized(issue("auth.token-invalid"))
        client = self._client_of(study, verified.client)
        kept = self._principals.get(token)
        if kept and kept[0] is client:
            return kept[1]
        return self._principal(token, verified, study, client)

    def forget(self, digest: str) -> None:
        """Verifies the token of a digest anew when it comes next, as after its revocation, or those of a session.

        Every spelling of it: who holds an ECDSA signature can write down a second one that fits as well.
        """
        for token, verified in tuple(self._known.items()):
            if digest in (verified.digest, verified.session):
                self._known.pop(token, None)
                self._principals.pop(token, None)

    def claims(self, token: str, study: str) -> Mapping[str, Any]:
        """What a genuine and valid token of the own issuer for a study says; raises `Unauthorized`."""
        return self._own(token, study, self._clock().timestamp())

    def _genuine(self, token: str, study: str, now: float) -> Mapping[str, Any]:
        """The claims of a token of the own issuer, or of an external one that the operator named."""
        issuer = jose.unverified_issuer(token) if self._externals else self._issuer
        if not self._externals or issuer not in self._externals:
            return self._own(token, study, now)
        claims = jose.verify(
            token,
            self._externals.keys(issuer, jose.key_id(token)),
            token_types=_MEDIA_TYPES,
            algorithms=EXTERNAL_ALGORITHMS,
            issuer=issuer,
            audience=self._externals.audience(study),
            now=now,
            max_seconds=MAX_TOKEN_SECONDS,
        )
        return self._unrevoked(claims, study)

    def _own(self, token: str, study: str, now: float) -> Mapping[str, Any]:
        claims = jose.verify(
            token,
            self._keys.public_keys(),
            token_types=(_MEDIA_TYPE,),
            issuer=self._issuer,
            audience=audience(self._issuer, study),
            now=now,
            max_seconds=MAX_TOKEN_SECONDS,
        )
        if "sid" in claims:
            self._require_good(claims["sid"], study)
        return self._unrevoked(claims, study)

    def _unrevoked(self, claims: Mapping[str, Any], study: str) -> Mapping[str, Any]:
        self._require_good(claims["jti"], study)
        return claims

    def _require_good(self, name: str, study: str) -> None:
        if self._is_revoked and self._is_revoked(study, token_digest(name)):
            raise Unauthorized(issue("auth.token-invalid"))

    def _verify(self, token: str, study: str, now: datetime) -> _Verified:
        claims = self._genuine(token, study, now.timestamp())
        is_own = claims["iss"] == self._issuer
        told = _own_claims(claims) if is_own else self._told_elsewhere(claims, study)
        if told is None:
            raise Unauthorized(issue("auth.token-invalid"))
        client, scope, patient, user = told
        return _Verified(
            issuer="" if is_own else claims["iss"],
            client=client,
            patient=patient,
            user=user,
            study=study,
            scopes=tuple(scope.split(" ")),
            digest=token_digest(claims["jti"]),
            session=token_digest(claims["sid"]) if is_own and "sid" in claims else "",
            expires=datetime.fromtimestamp(claims["exp"], UTC),
            kept_until=now + _KEPT,
        )

    def _told_elsewhere(self, claims: Mapping[str, Any], study: str) -> Told | None:
        return external_claims(claims, self._externals.audience(study)) if self._externals else None

    def _keep(self, token: str, verified: _Verified) -> None:
        """Remembers a verified token; tokens that were refused are not kept, so that they cannot push others out."""
        self._known.pop(token, None)
        while len(self._known) >= _KEPT_TOKENS:
            oldest = next(iter(self._known))
            self._known.pop(oldest, None)
            self._principals.pop(oldest, None)
        self._known[token] = verified

    def _principal(self, token: str, verified: _Verified, study: str, client: Client | None) -> Principal:
        """The principal as the registry knows the client now; made again when the client changed."""
        if client is None or (verified.issuer and client.issuer != verified.issuer):
            raise Unauthorized(issue("auth.client-unknown"))
        principal = Principal(
            client=client.id,
            study=study,
            organisation=client.organisation,
            role=client.role,
            purpose=client.purpose,
            scopes=self._usable(study, narrowed(verified.scopes, client.scopes)),
            source=client.source,
            token=verified.digest,
            patient=verified.patient,
            user=verified.user,
            site=client.site,
        )
        self._principals[token] = (client, principal)
        return principal

    def _usable(self, study: str, scopes: tuple[str, ...]) -> tuple[str, ...]:
        is_usable = self._is_usable
        return tuple(scope for scope in scopes if is_usable(study, scope)) if is_usable else scopes


def _own_claims(claims: Mapping[str, Any]) -> Told | None:
    """Client, scopes, participant and user of a token of the own issuer; None for what it does not make."""
    told = [claims.get("client_id"), claims.get("scope"), claims.get("patient", ""), claims.get("fhirUser", "")]
    if not all(isinstance(text, str) for text in told):
        return None
    client, scope, patient, user = (str(text) for text in told)
    if claims["sub"] != (user or client) or (patient and not user):
        return None
    return client, scope, patient, user


def clients_of(studies: Mapping[str, Study]) -> ClientOf:
    """The look-up of clients in study files."""

    def client_of(study: str, client: str) -> Client | None:
        found = studies.get(study)
        return found.clients.get(client) if found else None

    return client_of
