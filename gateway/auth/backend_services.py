"""SMART Backend Services: access tokens for clients that prove who they are, told about and revoked on request.

See https://hl7.org/fhir/smart-app-launch/backend-services.html, RFC 7662 (introspection) and RFC 7009 (revocation).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.auth.assertions import ASSERTION_TYPE, Assertions
from gateway.auth.port import CredentialStore
from gateway.auth.scopes import narrowed
from gateway.auth.tokens import Authenticator, Issuer, token_digest
from gateway.core.errors import FhirError, Unauthorized
from gateway.core.issues import Issue, issue
from gateway.study import Client

TOKEN_SECONDS: Final = 300
"""How long a token of the token endpoint is valid."""

_TOLD: Final = ("scope", "client_id", "exp", "iat", "iss", "sub", "aud", "patient", "fhirUser")

Form: TypeAlias = Mapping[str, str]


class TokenRefused(FhirError):
    """The token endpoint refuses; `error` is the code of RFC 6749, section 5.2."""

    status = 400

    def __init__(self, error: str, found: Issue) -> None:
        super().__init__(found)
        self.error = error


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and to whom it was given."""

    study: str
    client: Client
    token: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Introspected:
    """What a client is told about a token, and the digest of the token when it is good and another client's."""

    study: str
    client: Client
    told: Mapping[str, Any]
    foreign: str = ""


@dataclass(frozen=True, slots=True)
class BackendServices:
    """The token endpoint's three services."""

    assertions: Assertions
    issuer: Issuer
    authenticator: Authenticator
    store: CredentialStore

    def is_usable(self, study: str, client: str) -> bool:
        """Whether a client may act at all: it is known and not suspended."""
        return self.assertions.client_of(study, client) is not None

    def grant(self, form: Form) -> Granted:
        """A token for the client that the form's assertion proves, with what it asks for and is registered for.

        Raises `TokenRefused`.
        """
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", issue("auth.grant-type"))
        study, client = self.authenticated(form)
        scopes = narrowed(form.get("scope", "").split(), client.scopes)
        if not scopes:
            raise TokenRefused("invalid_scope", issue("auth.no-scope"))
        return Granted(study, client, self.issuer.issue(client, study, TOKEN_SECONDS, scopes), scopes)

    def authenticated(self, form: Form) -> tuple[str, Client]:
        """The study and client that the form's assertion proves; raises `TokenRefused`.

        A `client_id` beside it must be the same client's (RFC 7521, 4.2); a secret beside it is one proof too many.
        """
        assertion = form.get("client_assertion", "")
        if "client_secret" in form:
            raise TokenRefused("invalid_request", issue("auth.assertion"))
        if form.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
            raise TokenRefused("invalid_request" if not assertion else "invalid_client", issue("auth.assertion"))
        try:
            study, client = self.assertions.client(assertion)
        except Unauthorized:
            raise TokenRefused("invalid_client", issue("auth.assertion")) from None
        if form.get("client_id", client.id) not in (client.id, f"{client.id}@{study}"):
            raise TokenRefused("invalid_client", issue("auth.assertion"))
        return study, client

    def introspect(self, form: Form) -> Introspected:
        """What a token of the asking client says; `{"active": false}` for any other, whatever is wrong with it.

        Raises `TokenRefused` when the asking client does not prove who it is.
        """
        study, client = self.authenticated(form)
        try:
            claims = self.authenticator.claims(form.get("token", ""), study)
        except Unauthorized:
            return Introspected(study, client, {"active": False})
        if claims["client_id"] != client.id:
            return Introspected(study, client, {"active": False}, token_digest(claims["jti"]))
        told = {name: claims[name] for name in _TOLD if name in claims}
        return Introspected(study, client, {"active": True, "token_type": "Bearer", **told})

    def revoke(self, form: Form) -> tuple[str, Client, str]:
        """Revokes a token of the asking client: study, client, and the token's digest or "" when it was none.

        Other processes that have just seen the token let it pass for up to a minute. Raises `TokenRefused`, for the
        token of another client too (RFC 7009, 2.1).
        """
        study, client = self.authenticated(form)
        token = form.get("token", "")
        try:
            claims = self.authenticator.claims(token, study)
        except Unauthorized:
            return study, client, ""
        if claims["client_id"] != client.id:
            raise TokenRefused("unauthorized_client", issue("auth.revoke"))
        digest = token_digest(claims["jti"])
        self.end(study, digest, claims["exp"])
        return study, client, digest

    def end(self, study: str, digest: str, until: int) -> None:
        """The token of a digest, or those of a session, is not good any more; see `Authenticator.forget`."""
        self.store.revoke(study, digest, until)
        self.authenticator.forget(digest)
