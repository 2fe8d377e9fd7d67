"""Whose data a resource is: the one Patient of its compartment."""

import re
from functools import cache
from typing import Final

from gateway.core import Resource
from gateway.definitions import r4
from gateway.fhirpath import Expression, FhirPathError, compile

_PATIENT: Final = re.compile(r"(?:https?://[^?#]*/)?Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?\Z")


def subject_of(resource: Resource) -> str:
    """The id of the Patient, "" when the resource belongs to none or to several.

    See https://hl7.org/fhir/R4/compartmentdefinition-patient.html.
    """
    kind = resource.get("resourceType")
    if kind == "Patient":
        found = {resource.get("id")}
    else:
        found = (
            {key for path in _paths(kind) for key in _patients(path, resource)} if isinstance(kind, str) else set()
        )
    only = found.pop() if len(found) == 1 else ""
    return only if isinstance(only, str) else ""


def _patients(path: Expression, resource: Resource) -> list[str]:
    try:
        references = path.evaluate(resource)
    except FhirPathError:
        return []
    texts = [one.get("reference") for one in references if isinstance(one, dict)]
    return [found[1] for text in texts if isinstance(text, str) and (found := _PATIENT.match(text))]


@cache
def _paths(kind: str) -> tuple[Expression, ...]:
    """The expressions that lead to a Patient in resources of a type, as the Patient compartment names them."""
    definitions = r4()
    known = definitions.search_parameters(kind)
    codes = {*definitions.compartment("Patient").get(kind, ()), *({"patient"} & known.keys())}
    texts = (
        known[code].expression.replace(".where(resolve() is Patient)", "") for code in sorted(codes) if code in known
    )
    return tuple(compile(text, base=kind, strict=False) for text in texts if text and "resolve()" not in text)
