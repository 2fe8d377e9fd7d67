"""Who asks, for which study, in which role and for what purpose."""

from dataclasses import dataclass
from typing import Final

SUBJECT: Final = "subject:"
"""How a `user` begins whom the token does not name as a resource; a digest of the subject follows."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, bound to one study; everything in it comes from the token or the registry.

    `organisation` is the id of an Organization resource of the study (Consent provisions name it as actor),
    `role` a role of the study file, `purpose` a v3-ActReason code such as HRESCH or TREAT, `scopes` SMART v2
    scopes such as `system/Observation.rs`. `source` is the ingest source key when the caller is a source, else "".
    `patient` is the id of the Patient that `patient/` scopes are about, "" for none; `user` the person who logged
    in, a reference or a `SUBJECT`, "" when the client acts for itself. `token` is a digest of the token's jti, for
    audit; "" for the command line. `site` is the trial site whose participants alone it may be concerned with, ""
    for all. `broken` is the id of the Patient whose Consents are not asked, as the caller broke the glass; "" for
    none.
    """

    client: str
    study: str
    organisation: str
    role: str
    purpose: str
    scopes: tuple[str, ...] = ()
    source: str = ""
    token: str = ""
    patient: str = ""
    user: str = ""
    site: str = ""
    broken: str = ""
