"""SMART App Launch, standalone: a person lets an app act for one participant, by a code that only the app can use.

PKCE with S256 is required of every app; a redirect address must be registered to the letter. Tickets, codes and
refresh tokens are random, kept as digests, good for one use, and short-lived; one that comes twice ends all that came
of its launch. See https://hl7.org/fhir/smart-app-launch/app-launch.html, RFC 6749 and RFC 7636.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from gateway.auth import jose
from gateway.auth.app_clients import AppClients
from gateway.auth.backend_services import TOKEN_SECONDS, Form, TokenRefused
from gateway.auth.port import GrantStore
from gateway.auth.scopes import IDENTITY, narrowed, understood
from gateway.auth.tokens import Issuer, IsUsable, Launch, token_digest
from gateway.core.clock import Clock
from gateway.core.codec import dumps, loads
from gateway.core.errors import FhirError
from gateway.core.issues import Issue, issue
from gateway.study import Client, Study

TICKET_SECONDS: Final = 600
CODE_SECONDS: Final = 60
REFRESH_SECONDS: Final = 86_400
MAX_STATE: Final = 1_000
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


EndTokens: TypeAlias = Callable[[str, str, int], None]
"""(study, what tokens are told by, the Unix second at which the last of them ends): none of them is good any more."""


class LaunchRefused(FhirError):
    """An app's request is refused; `back` is the address that tells the app, "" when it must not be told."""

    status = 400

    def __init__(self, back: str, found: Issue) -> None:
        super().__init__(found)
        self.back = back


@dataclass(frozen=True, slots=True)
class Ask:
    """What an app asks a person for, checked; then with the participant and the person, "" before."""

    study: str
    client: str
    redirect: str
    state: str
    challenge: str
    nonce: str
    scopes: tuple[str, ...]
    patient: str = ""
    user: str = ""

    @property
    def needs_patient(self) -> bool:
        """Whether a participant must be chosen."""
        return "launch/patient" in self.scopes or any(one.context == "patient" for one in understood(self.scopes))

    def back(self, **told: str) -> str:
        """The address of the app with an answer."""
        joint = "&" if "?" in self.redirect else "?"
        return f"{self.redirect}{joint}{urlencode({**told, 'state': self.state})}"


@dataclass(frozen=True, slots=True)
class AppLaunch:
    """The authorization endpoint's decisions, and the token endpoint's for apps."""

    studies: Mapping[str, Study]
    base_url: str
    issuer: Issuer
    clients: AppClients
    store: GrantStore
    clock: Clock
    is_usable: IsUsable
    end_tokens: EndTokens

    def begin(self, form: Form) -> tuple[str, Ask]:
        """A ticket for the page, and what the app asks for; raises `LaunchRefused`."""
        ask = self._asked(form)
        return self._give("ticket", ask, "", TICKET_SECONDS), ask

    def decide(self, ticket: str, patient: str, *, is_allowed: bool) -> tuple[str, Ask]:
        """The address to send the person to, and what was given: to nobody where no code is in the address.

        `patient` is the id of a participant of the study, "" where none is needed. Raises `LaunchRefused` for a stale
        ticket.
        """
        _, ask = self._take("ticket", ticket) or (None, None)
        if ask is None:
            raise LaunchRefused("", issue("auth.launch-ticket"))
        if not is_allowed or (ask.needs_patient and patient not in self.studies[ask.study].by_patient):
            return ask.back(error="access_denied"), ask
        chosen = patient if ask.needs_patient else ""
        user = f"Patient/{chosen}" if chosen else "Practitioner/developer"
        given = replace(ask, patient=chosen, user=user)
        return given.back(code=self._give("code", given, "", CODE_SECONDS)), given

    def exchange(self, form: Form, authorization: str = "") -> tuple[str, Client, dict[str, Any]]:
        """The study, the client and the token response for a code or a refresh token; raises `TokenRefused`.

        `authorization` is the header of a client that has a secret.
        """
        is_code = form.get("grant_type") == "authorization_code"
        secret = form.get("code" if is_code else "refresh_token", "")
        study = secret.partition(".")[0]
        is_anonymous = not is_code and not authorization and not {"client_id", "client_assertion"} & set(form)
        named = None if is_anonymous else self.clients.proved(form, authorization, study)
        family, ask = self._take("code" if is_code else "refresh", secret) or (None, None)
        # A public app need not say who it is to refresh (RFC 6749, 6): its token tells.
        client = named or (self.clients.public(study, ask.client) if ask else None)
        if ask is None or family is None or client is None or ask.client != client.id:
            raise TokenRefused("invalid_grant", issue("auth.grant"))
        if is_code and (form.get("redirect_uri") != ask.redirect or not _proves(form, ask.challenge)):
            raise TokenRefused("invalid_grant", issue("auth.grant"))
        if not is_code and form.get("scope"):
            ask = replace(ask, scopes=narrowed(form["scope"].split(), ask.scopes))
        if not ask.scopes:
            raise TokenRefused("invalid_scope", issue("auth.no-scope"))
        return ask.study, client, self._tokens(ask, client, family, is_first=is_code)

    def revoke(self, form: Form, authorization: str = "") -> tuple[str, Client]:
        """Ends the refresh token of the asking client and all that came of its launch.

        Raises `TokenRefused`, for another client's token too: it stays as it is.
        """
        secret = form.get("token", "")
        study = secret.partition(".")[0]
        client = self.clients.proved(form, authorization, study)
        found = self.store.look(study, _digest("refresh", secret))
        if found is None:
            return study, client
        family, body = found
        if _ask(body).client != client.id:
            raise TokenRefused("unauthorized_client", issue("auth.revoke"))
        self.store.end(study, family)
        self._end_tokens(study, family)
        return study, client

    def _tokens(self, ask: Ask, client: Client, family: str, *, is_first: bool) -> dict[str, Any]:
        launch = Launch(ask.patient, ask.user, token_digest(family))
        told: dict[str, Any] = {
            "access_token": self.issuer.issue(client, ask.study, TOKEN_SECONDS, ask.scopes, launch),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(ask.scopes),
        }
        if ask.patient:
            told["patient"] = ask.patient
        if is_first and "openid" in ask.scopes:
            told["id_token"] = self._id_token(ask)
        if "offline_access" in ask.scopes:
            told["refresh_token"] = self._give("refresh", ask, family, REFRESH_SECONDS)
        return told

    def _id_token(self, ask: Ask) -> str:
        now = int(self.clock().timestamp())
        claims = {"iss": self.issuer.url, "sub": ask.user, "aud": ask.client, "iat": now, "exp": now + TOKEN_SECONDS}
        if "fhirUser" in ask.scopes or "profile" in ask.scopes:
            claims["fhirUser"] = f"{self.base_url}/studies/{ask.study}/fhir/{ask.user}"
        if ask.nonce:
            claims["nonce"] = ask.nonce
        return jose.sign(claims, self.issuer.keys.signing_key(), "JWT")

    def _asked(self, form: Form) -> Ask:
        base = form.get("aud", "").rstrip("/")
        prefix = f"{self.base_url}/studies/"
        study = self.studies.get(base.removeprefix(prefix).removesuffix("/fhir"))
        if study is None or base != f"{prefix}{study.id}/fhir":
            raise LaunchRefused("", issue("auth.launch-audience"))
        client = self.clients.registered(study.id, form.get("client_id", ""))
        redirect = form.get("redirect_uri", "")
        if client is None or redirect not in client.redirect_uris:
            raise LaunchRefused("", issue("auth.launch-redirect"))
        asked = narrowed(form.get("scope", "").split(), client.scopes)
        scopes = tuple(scope for scope in asked if self._may_be_given(study.id, scope))
        challenge, state = form.get("code_challenge", ""), form.get("state", "")
        ask = Ask(study.id, client.id, redirect, state[:MAX_STATE], challenge, form.get("nonce", ""), scopes)
        if form.get("response_type") != "code":
            raise LaunchRefused(ask.back(error="unsupported_response_type"), issue("auth.launch-request"))
        if form.get("code_challenge_method") != "S256" or not CHALLENGE.match(challenge):
            raise LaunchRefused(ask.back(error="invalid_request"), issue("auth.launch-request"))
        if not state or len(state) > MAX_STATE:
            raise LaunchRefused(ask.back(error="invalid_request"), issue("auth.launch-request"))
        if not any(understood(scopes)) and "openid" not in scopes:
            raise LaunchRefused(ask.back(error="invalid_scope"), issue("auth.no-scope"))
        return ask

    def _may_be_given(self, study: str, text: str) -> bool:
        """A person gives no rights of a system, and nobody launches from a record here."""
        known = tuple(understood((text,)))
        if known:
            return all(one.context != "system" for one in known) and self.is_usable(study, text)
        return text in IDENTITY and text != "launch"

    def _give(self, kind: str, ask: Ask, family: str, seconds: int) -> str:
        """A secret of a kind for what is asked; it begins a family where it is of none."""
        secret = f"{ask.study}.{secrets.token_urlsafe(32)}"
        digest = _digest(kind, secret)
        until = int(self.clock().timestamp()) + seconds
        self.store.keep(ask.study, digest, family or digest, until, dumps(asdict(ask)))
        return secret

    def _take(self, kind: str, secret: str) -> tuple[str, Ask] | None:
        study = secret.partition(".")[0]
        if study not in self.studies or len(secret) > MAX_STATE:
            return None
        found = self.store.take(study, _digest(kind, secret), int(self.clock().timestamp()))
        if found is None:
            return None
        family, body = found
        if body is None:
            self._end_tokens(study, family)
            return None
        return family, _ask(body)

    def _end_tokens(self, study: str, family: str) -> None:
        """The access tokens of a launch, which would live on for their time; those too that a refresh token brings
        which was given out in the same moment."""
        until = int(self.clock().timestamp()) + REFRESH_SECONDS + TOKEN_SECONDS
        self.end_tokens(study, token_digest(token_digest(family)), until)


def _ask(body: bytes) -> Ask:
    kept = loads(body)
    return Ask(**{**kept, "scopes": tuple(kept["scopes"])})


def _digest(kind: str, secret: str) -> str:
    """What stands for a secret; one of another kind is another one."""
    return sha256(f"{kind}\x1f{secret}".encode("utf-8", "replace")).hexdigest()


def _proves(form: Form, challenge: str) -> bool:
    """RFC 7636, 4.6."""
    verifier = form.get("code_verifier", "")
    if not VERIFIER.match(verifier):
        return False
    made = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)
