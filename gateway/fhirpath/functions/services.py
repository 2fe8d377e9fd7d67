"""FHIR's functions that ask a service: terminology and validation.

See https://hl7.org/fhir/R4/fhirpath.html#functions. A service that is missing is a fault, never an empty answer: a
rule that cannot be judged must not pass.
"""

from typing import Any

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import Data, function
from gateway.fhirpath.kinds import BOOLEAN
from gateway.fhirpath.runtime import listed
from gateway.fhirpath.values.items import raw
from gateway.terminology.port import Terminology


def _terminology(data: Data, name: str) -> Terminology:
    if data.env is None or data.env.terminology is None:
        raise Fault("fhirpath.unavailable", name=name)
    return data.env.terminology


def _codings(item: Any) -> list[tuple[str | None, str]]:
    """The (system, code) pairs of a code, Coding or CodeableConcept."""
    tree = raw(item)
    if tree.__class__ is str:
        return [(None, tree)]
    if tree.__class__ is not dict:
        return []
    if "coding" in tree:
        return [pair for coding in listed(tree["coding"]) for pair in _codings(coding)]
    return [(tree.get("system"), tree["code"])] if tree.get("code").__class__ is str else []


@function(
    "memberOf",
    "FHIR: memberOf",
    focus="Items",
    takes=("String",),
    returns=BOOLEAN,
    needs="data",
    examples=("{}.memberOf('urn:x').empty()",),
)
def member_of(data: Data, items: list[Any], value_set: str | None) -> bool | None:
    """Whether a code, Coding or CodeableConcept is in a value set; nothing where that cannot be decided."""
    if not items or value_set is None:
        return None
    if len(items) > 1:
        raise Fault("fhirpath.several")
    terminology = _terminology(data, "memberOf")
    answers = [terminology.validate_code(system, code, value_set).result for system, code in _codings(items[0])]
    return True if True in answers else None if None in answers or not answers else False


def _subsumes(data: Data, name: str, ancestors: list[Any], items: list[Any]) -> bool | None:
    if not items or not ancestors:
        return None
    if len(items) > 1 or len(ancestors) > 1:
        raise Fault("fhirpath.several")
    terminology = _terminology(data, name)
    answers = [
        terminology.subsumes(system, ancestor, code) in ("equivalent", "subsumes")
        for system, ancestor in _codings(ancestors[0])
        for other, code in _codings(items[0])
        if system is not None and system == other
    ]
    return any(answers)


@function(
    "subsumes",
    "FHIR: subsumes",
    focus="Items",
    takes=("Items",),
    returns=BOOLEAN,
    needs="data",
    examples=("{}.subsumes({}).empty()",),
)
def subsumes(data: Data, items: list[Any], other: list[Any]) -> bool | None:
    """Whether the focus is the other coded value or an ancestor of it."""
    return _subsumes(data, "subsumes", items, other)


@function(
    "subsumedBy",
    "FHIR: subsumedBy",
    focus="Items",
    takes=("Items",),
    returns=BOOLEAN,
    needs="data",
    examples=("{}.subsumedBy({}).empty()",),
)
def subsumed_by(data: Data, items: list[Any], other: list[Any]) -> bool | None:
    """Whether the other coded value is the focus or an ancestor of it."""
    return _subsumes(data, "subsumedBy", other, items)


@function(
    "slice",
    "FHIR: slice",
    focus="Items",
    takes=("String", "String"),
    returns=None,
    needs="data",
    examples=("{}.slice('urn:x', 'a').empty()",),
)
def in_slice(data: Data, items: list[Any], structure: str | None, name: str | None) -> list[Any]:
    """The items that are in the slice of a profile; an unknown profile or slice is a fault."""
    if not items:
        return []
    judge = None if data.env is None else data.env.in_slice
    answers = [judge(raw(item), structure, name) if judge and structure and name else None for item in items]
    if None in answers:
        raise Fault("fhirpath.unavailable", name="slice")
    return [item for item, answer in zip(items, answers, strict=True) if answer]


@function(
    "conformsTo",
    "FHIR: conformsTo",
    focus="Items",
    takes=("String",),
    returns=BOOLEAN,
    needs="data",
    examples=("{}.conformsTo('urn:x').empty()",),
)
def conforms_to(data: Data, items: list[Any], profile: str | None) -> bool | None:
    """Whether a single resource or element conforms to a profile; an unknown profile is a fault."""
    if not items or profile is None:
        return None
    if len(items) > 1:
        raise Fault("fhirpath.several")
    if data.env is None or data.env.conforms is None:
        raise Fault("fhirpath.unavailable", name="conformsTo")
    answer = data.env.conforms(raw(items[0]), profile)
    if answer is None:
        raise Fault("fhirpath.unavailable", name="conformsTo")
    return answer
