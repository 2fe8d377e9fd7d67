"""$validate-code as a pure function, for a ValueSet or a CodeSystem.

See https://hl7.org/fhir/R4/valueset-operation-validate-code.html and
https://hl7.org/fhir/R4/codesystem-operation-validate-code.html. A wrong code is an answer (`result` false with
issues), not an error; only what makes the question unanswerable raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.core import Resource
from gateway.core.errors import NotFound
from gateway.core.issues import Issue, issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.coding_check import CodingCheck, Options
from gateway.terminology.content import canonical_of, dicts
from gateway.terminology.expansion import wanted_languages
from gateway.terminology.findings import message, outcome
from gateway.terminology.languages import Languages
from gateway.terminology.membership import Membership

Form = Literal["code", "coding", "codeableConcept"]


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """What $validate-code takes: a Coding (or a code with its system), or a CodeableConcept.

    `form` tells which of them it was, so that issues name the right element.
    """

    form: Form
    value: Mapping[str, Any]
    infer_system: bool = False
    abstract: bool | None = None
    active_only: bool = False
    lenient_display: bool = False
    membership_only: bool = False
    display_language: str | None = None
    language: str = ""
    supplements: Sequence[str] = ()


def validate_code(catalog: Catalog, value_set: Resource | None, request: ValidateRequest) -> Resource:
    """The Parameters that tell whether the code is right: of its system, and in `value_set` when one is given.

    Raises `NotFound` and `Unprocessable` when a part of the definition of `value_set` is missing or wrong.
    """
    membership = Membership(catalog, request.supplements)
    membership.begin(value_set or {})
    asked = wanted_languages(value_set or {}, request.display_language, request.language)
    options = Options(
        languages=Languages.parse(asked),
        infer_system=request.infer_system,
        abstract=request.abstract,
        active_only=request.active_only,
        lenient_display=request.lenient_display,
        membership_only=request.membership_only,
        in_concept=request.form == "codeableConcept",
    )
    try:
        checks = _checks(membership, value_set, request, options)
    except NotFound as error:
        return _unanswered(request, error.issues)
    return _answer(value_set, request, checks)


def _checks(
    membership: Membership, value_set: Resource | None, request: ValidateRequest, options: Options
) -> list[CodingCheck]:
    if request.form != "codeableConcept":
        root = "Coding" if request.form == "coding" else ""
        return [CodingCheck.of(membership, value_set, request.value, root, options)]
    return [
        CodingCheck.of(membership, value_set, coding, f"CodeableConcept.coding[{place}]", options)
        for place, coding in enumerate(dicts(request.value.get("coding")))
    ]


def _unanswered(request: ValidateRequest, issues: Sequence[Issue]) -> Resource:
    """What is answered when an import of the value set is missing."""
    entries: list[Resource] = [
        {"name": "result", "valueBoolean": False},
        {"name": "issues", "resource": outcome(issues)},
        {"name": "message", "valueString": message(issues)},
    ]
    if request.form == "codeableConcept":
        entries.append({"name": "codeableConcept", "valueCodeableConcept": request.value})
    return {"resourceType": "Parameters", "parameter": entries}


def _answer(value_set: Resource | None, request: ValidateRequest, checks: Sequence[CodingCheck]) -> Resource:
    issues = [found for check in checks for found in check.issues]
    good = [check for check in checks if check.is_in]
    if request.form == "codeableConcept":
        if value_set is not None and not good:
            name = canonical_of(value_set) or "(unidentified)"
            issues.insert(0, issue("terminology.none-in-vs", value_set=name))
        shown = good[0] if good else None
    else:
        shown = checks[0]
    result = bool(good) and not any(found.blocks for found in issues)
    entries: list[Resource] = [{"name": "result", "valueBoolean": result}]
    if shown is not None:
        entries += shown.parameters()
    unknown = next((check for check in checks if check.unknown_system), None)
    if unknown is not None:
        entries.append({"name": unknown.unknown_parameter, "valueCanonical": unknown.unknown_system})
    if issues:
        text = message(issues)
        entries.append({"name": "issues", "resource": outcome(issues)})
        if text:
            entries.append({"name": "message", "valueString": text})
    if request.form == "codeableConcept":
        entries.append({"name": "codeableConcept", "valueCodeableConcept": request.value})
    return {"resourceType": "Parameters", "parameter": entries}
