"""Refusals of the token and authorization endpoints, on record in the study that they are about.

Who was refused is who the request claims to be, as far as a study knows such a client: nothing of it is proved.
"""

import base64
import binascii

from starlette.requests import Request

from gateway.auth import Form
from gateway.auth.jose import claimed_issuer
from gateway.core.errors import NotFound
from gateway.core.principal import Principal
from gateway.rest.events import event_of
from gateway.rest.layers.edge import note
from gateway.rest.parts import Parts

SECRETS = ("code", "refresh_token", "token", "ticket")
"""Fields that begin with the study that made them."""


def note_refusal(parts: Parts, request: Request, form: Form, rule: str) -> None:
    """Puts a refused request on record; one that names no study of this installation is in the log alone."""
    who = _by_assertion(parts, form) or _by_secret(parts, request, form) or _by_audience(parts, form)
    if who is not None:
        note(request.scope, study=who.study, **({"client": who.client} if who.client else {}))
        parts.note_failure(event_of(parts, request, who, "login", "failure", rule))


def _by_assertion(parts: Parts, form: Form) -> Principal | None:
    identity, _, wanted = claimed_issuer(form.get("client_assertion", "")).partition("@")
    found = [one for study in parts.studies if wanted in ("", study) and (one := _known(parts, study, identity))]
    return found[0] if len(found) == 1 else None


def _by_secret(parts: Parts, request: Request, form: Form) -> Principal | None:
    identity = _basic_identity(request) or form.get("client_id", "")
    studies = (form.get(name, "").partition(".")[0] for name in SECRETS)
    return next((_claimed(parts, study, identity) for study in studies if study in parts.studies), None)


def _by_audience(parts: Parts, form: Form) -> Principal | None:
    """Of a launch: it says which study it is for."""
    given = form.get("aud", "").rstrip("/")
    study = next((study for study in parts.studies if given == parts.fhir_base(study)), None)
    return _claimed(parts, study, form.get("client_id", "")) if study else None


def _claimed(parts: Parts, study: str, identity: str) -> Principal:
    return _known(parts, study, identity) or Principal("", study, "", "", "")


def _known(parts: Parts, study: str, identity: str) -> Principal | None:
    """A client of the study, whatever state it is in."""
    try:
        return parts.studies[study].principal(parts.clients.registered(study, identity))
    except NotFound:
        return None


def _basic_identity(request: Request) -> str:
    try:
        pair = base64.b64decode(request.headers.get("authorization", "").partition(" ")[2], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(b":")[0].decode("latin-1")
