"""Whose Consent or enrolment a resource is, and the term that finds the Consents of one participant."""

import re
from typing import Final

from gateway.core import Resource
from gateway.store.sql.terms import term

CONSENT: Final = "Consent"
SUBJECT: Final = "ResearchSubject"
WHOSE: Final = {CONSENT: "patient", SUBJECT: "individual"}
"""The types that grants are made of, and the element that says whose they are."""

_PATIENT = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?\Z")


def consent_subject(resource: Resource) -> str:
    """The id of the Patient whose Consent or ResearchSubject this is; "" for what is neither, or names none by a
    relative reference."""
    patient = resource.get(WHOSE.get(resource.get("resourceType", ""), ""))
    reference = patient.get("reference") if isinstance(patient, dict) else None
    found = _PATIENT.match(reference) if isinstance(reference, str) else None
    return found[1] if found else ""


def consent_term(subject: str) -> int:
    """The index hash by which the current Consents of a subject are found, whatever else is indexed."""
    return term(CONSENT, "_subject", "reference", subject)
