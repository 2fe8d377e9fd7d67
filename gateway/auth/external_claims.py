"""What the token of another issuer says, in the gateway's words."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

from gateway.core.principal import SUBJECT

Told: TypeAlias = tuple[str, str, str, str]
"""Client, scopes with spaces between, the id of the Patient or "", the person or "": as `Principal.user`."""

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_USER: Final = re.compile(r"(Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/[A-Za-z0-9\-.]{1,64}\Z")


def external_claims(claims: Mapping[str, Any], base: str) -> Told | None:
    """What verified claims of an access token say (RFC 9068); None for claims of another shape.

    `client_id` or `azp` is the client, and both name the same one where they are there; `scope`, else the list `scp`,
    what it may do; `patient` the participant; `fhirUser` the person, whose address may start with the FHIR `base` of
    the study. A token without it whose subject is not its client is a person's, too: `subject:` and a digest of
    issuer and subject tell one person from another, and not who it is.
    """
    client = claims.get("client_id", claims.get("azp"))
    if claims.get("azp", client) != client:
        return None
    scope = claims.get("scope", claims.get("scp"))
    if isinstance(scope, list) and all(isinstance(one, str) for one in scope):
        scope = " ".join(scope)
    patient, user = claims.get("patient", ""), claims.get("fhirUser", "")
    if not all(isinstance(text, str) for text in (client, scope, patient, user)) or not client:
        return None
    user = str(user).removeprefix(f"{base}/")
    if (patient and not _ID.match(patient)) or (user and not _USER.match(user)):
        return None
    return str(client), str(scope), str(patient), user or _unnamed(claims, str(client))


def _unnamed(claims: Mapping[str, Any], client: str) -> str:
    subject = str(claims.get("sub", ""))
    if subject in ("", client):
        return ""
    told = sha256(f"{claims.get('iss', '')}\x1f{subject}".encode()).hexdigest()
    return f"{SUBJECT}{told[:32]}"
