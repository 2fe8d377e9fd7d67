"""What a terminology answer says is wrong: issues of the catalogue with the codes that terminology servers share.

The codes are those of http://hl7.org/fhir/tools/CodeSystem/tx-issue-type.
"""

from collections.abc import Iterable, Mapping

from gateway.core import Resource
from gateway.core.issues import Issue, operation_outcome

ISSUE_TYPES = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"

TYPE_OF_RULE: Mapping[str, str] = {
    "terminology.not-in-vs": "not-in-vs",
    "terminology.none-in-vs": "not-in-vs",
    "terminology.this-not-in-vs": "this-code-not-in-vs",
    "terminology.unknown-code": "invalid-code",
    "terminology.unknown-code-in-fragment": "invalid-code",
    "terminology.unknown-system": "not-found",
    "terminology.unknown-system-version": "not-found",
    "terminology.unknown-value-set": "not-found",
    "terminology.supplement-unknown": "not-found",
    "terminology.cannot-infer": "cannot-infer",
    "terminology.several-systems": "cannot-infer",
    "terminology.no-system": "invalid-data",
    "terminology.relative-system": "invalid-data",
    "terminology.system-is-value-set": "invalid-data",
    "terminology.system-is-supplement": "invalid-data",
    "terminology.wrong-display": "invalid-display",
    "terminology.wrong-display-in-language": "invalid-display",
    "terminology.display-of-other-language": "invalid-display",
    "terminology.withdrawn-display": "display-comment",
    "terminology.not-active": "code-rule",
    "terminology.abstract-code": "code-rule",
    "terminology.inactive-code": "code-comment",
    "terminology.deprecated-code": "code-comment",
    "terminology.deprecated-here": "code-comment",
    "terminology.filter-no-value": "vs-invalid",
    "terminology.filter-unknown": "vs-invalid",
    "terminology.circular": "vs-invalid",
    "terminology.too-costly": "too-costly",
}

REMARKS = frozenset({"terminology.withdrawn-display", "terminology.deprecated-here"})
"""Rules that are told in the issues alone, not in the message of the answer."""


def outcome(issues: Iterable[Issue]) -> Resource:
    """The OperationOutcome of `issues`, with the shared code of each after the code of our rule."""
    listed = list(issues)
    made = operation_outcome(listed)
    for found, entry in zip(listed, made["issue"], strict=False):
        kind = TYPE_OF_RULE.get(found.rule)
        if kind is not None:
            entry["details"]["coding"].append({"system": ISSUE_TYPES, "code": kind})
    return made


def message(issues: Iterable[Issue]) -> str:
    """The texts of `issues` in the order of the alphabet, as terminology servers join them."""
    return "; ".join(sorted(found.message for found in issues if found.rule not in REMARKS))
