"""Who an app is: a public client by its id alone, a confidential one by its secret or its key.

See https://hl7.org/fhir/smart-app-launch/client-confidential-symmetric.html.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import unquote_plus

from gateway.auth.assertions import ASSERTION_TYPE, Assertions
from gateway.auth.backend_services import Form, TokenRefused
from gateway.auth.tokens import ClientOf
from gateway.core.errors import Unauthorized
from gateway.core.issues import issue
from gateway.study import Client


@dataclass(frozen=True, slots=True)
class AppClients:
    """The apps of the studies: clients with redirect addresses."""

    client_of: ClientOf
    assertions: Assertions

    def registered(self, study: str, identity: str) -> Client | None:
        """The app of this id, None when there is none."""
        client = self.client_of(study, identity)
        return client if client and client.redirect_uris else None

    def public(self, study: str, identity: str) -> Client | None:
        """The app of this id if it has nothing to prove itself by, else None."""
        client = self.registered(study, identity)
        return client if client and not (client.jwks or client.jwks_url or client.secret_sha256) else None

    def proved(self, form: Form, authorization: str, study: str) -> Client:
        """The app of a study that a form, or the `Authorization` header beside it, proves; raises `TokenRefused`.

        An app that has a key or a secret must prove itself by it.
        """
        if "client_assertion" in form:
            return self._by_key(form, study)
        identity, secret = _basic(authorization) if authorization else (form.get("client_id", ""), "")
        client = self.registered(study, identity)
        if client is None or client.jwks or client.jwks_url or form.get("client_id", identity) != identity:
            raise _refused()
        digest = sha256(secret.encode()).hexdigest() if secret else ""
        if not hmac.compare_digest(digest, client.secret_sha256):
            raise _refused()
        return client

    def _by_key(self, form: Form, study: str) -> Client:
        try:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise _refused()
            found, client = self.assertions.client(form["client_assertion"])
        except Unauthorized:
            raise _refused() from None
        if found != study or not client.redirect_uris:
            raise _refused()
        return client


def _refused() -> TokenRefused:
    return TokenRefused("invalid_client", issue("auth.app-client"))


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of an `Authorization: Basic` header (RFC 6749, 2.3.1); raises `TokenRefused`."""
    scheme, _, text = authorization.partition(" ")
    try:
        pair = base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _refused() from None
    identity, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon or not secret:
        raise _refused()
    return unquote_plus(identity), unquote_plus(secret)
