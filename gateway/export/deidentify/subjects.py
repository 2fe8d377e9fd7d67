"""Whose data a resource is: the one Patient of its compartment."""

import re
from functools import cache
from typing import Any, Final

from gateway.core import Resource
from gateway.definitions import r4
from gateway.export.deidentify.reach import Reach, reach_of, united
from gateway.fhirpath import Expression, FhirPathError, compile

_PATIENT: Final = re.compile(r"(?:https?://[^?#]*/)?Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?\Z")


def subject_of(resource: Resource) -> str:
    """The id of the Patient, "" when the resource belongs to none or to several.

    See https://hl7.org/fhir/R4/compartmentdefinition-patient.html.
    """
    kind = resource.get("resourceType")
    if kind == "Patient":
        only = resource.get("id")
        return only if isinstance(only, str) else ""
    found = {key for path in _paths(kind) for key in _patients(path, resource)} if isinstance(kind, str) else set()
    return found.pop() if len(found) == 1 else ""


@cache
def subject_reach(kind: str) -> Reach:
    """What `subject_of` looks at in resources of a type."""
    if kind == "Patient":
        return frozenset(("id",))
    return united(frozenset((path,)) if isinstance(path, str) else reach_of(path.ast) for path in _paths(kind))


def _patients(path: "Expression | str", resource: Resource) -> list[str]:
    if isinstance(path, str):
        value = resource.get(path)
        references: Any = value if value.__class__ is list else () if value is None else (value,)
    else:
        try:
            references = path.evaluate(resource)
        except FhirPathError:
            return []
    texts = [one.get("reference") for one in references if one.__class__ is dict]
    return [found[1] for text in texts if text.__class__ is str and (found := _PATIENT.match(text))]


@cache
def _paths(kind: str) -> "tuple[Expression | str, ...]":
    """What leads to a Patient in resources of a type, as the Patient compartment names it."""
    definitions = r4()
    known = definitions.search_parameters(kind)
    codes = {*definitions.compartment("Patient").get(kind, ()), *({"patient"} & known.keys())}
    named = [known[code].expression for code in sorted(codes) if code in known]
    texts = dict.fromkeys(text.replace(".where(resolve() is Patient)", "") for text in named)
    return tuple(_path(kind, text) for text in texts if text and "resolve()" not in text)


def _path(kind: str, text: str) -> "Expression | str":
    """An element's name where the expression is no more than that: it is looked up at a tenth of the price."""
    simple = re.fullmatch(rf"{kind}\.(\w+)", text)
    return simple[1] if simple else compile(text, base=kind, strict=False)
