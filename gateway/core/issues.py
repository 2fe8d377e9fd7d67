"""Faults of data as values, and the OperationOutcome they become.

Every issue carries the id of a rule in `gateway.core.rules`; its message is that rule's template, filled with
names only (elements, parameters, units), never with a participant's data.
See https://hl7.org/fhir/R4/operationoutcome.html.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.core.rules import RULES
from gateway.core.types import Resource

Severity = Literal["fatal", "error", "warning", "information"]

RULE_SYSTEM = "urn:trial-fhir-gateway:rule"
SOURCE_EXTENSION = "urn:trial-fhir-gateway:extension:payload-position"
MAPPING_EXTENSION = "urn:trial-fhir-gateway:extension:mapping-position"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding: what is wrong, where, and what to do about it.

    `code` is an IssueType (https://hl7.org/fhir/R4/valueset-issue-type.html), `rule` a stable dotted id,
    `expression` the FHIRPath of the element, `source` the position in the payload (JSON Pointer, `OBX[3].5.1`,
    `row 3, column HR`, DICOM tag) and `mapping` the position in the mapping file (`mapping.yaml:41:12`).
    An empty string means that the position does not apply.
    """

    severity: Severity
    code: str
    rule: str
    message: str
    expression: str = ""
    source: str = ""
    hint: str = ""
    mapping: str = ""

    @property
    def blocks(self) -> bool:
        """True when data with this issue must not be stored: severity is error or fatal."""
        return self.severity in ("error", "fatal")


def issue(
    rule: str, *, expression: str = "", source: str = "", mapping: str = "", hint: str = "", **names: object
) -> Issue:
    """The issue that `rule` of the catalogue describes, its templates filled with `names`.

    `names` must hold names of things (an element, a unit, a parameter), never values of a participant.
    An unknown rule id is a programming error and raises KeyError. `hint` replaces the rule's own hint.
    """
    entry = RULES[rule]
    return Issue(
        severity=entry.severity,
        code=entry.code,
        rule=rule,
        message=entry.message.format_map(names) if names else entry.message,
        expression=expression,
        source=source,
        hint=hint or (entry.hint.format_map(names) if names else entry.hint),
        mapping=mapping,
    )


def any_blocks(issues: Iterable[Issue]) -> bool:
    """True when at least one issue is an error or fatal."""
    return any(found.blocks for found in issues)


def _outcome_issue(found: Issue) -> Resource:
    entry: Resource = {
        "severity": found.severity,
        "code": found.code,
        "details": {"coding": [{"system": RULE_SYSTEM, "code": found.rule}], "text": found.message},
    }
    if found.hint:
        entry["diagnostics"] = found.hint
    if found.expression:
        entry["expression"] = [found.expression]
    positions = [(SOURCE_EXTENSION, found.source), (MAPPING_EXTENSION, found.mapping)]
    extensions = [{"url": url, "valueString": text} for url, text in positions if text]
    if extensions:
        entry["extension"] = extensions
    return entry


def operation_outcome(issues: Iterable[Issue]) -> Resource:
    """The OperationOutcome of `issues`, in their order; an `all-ok` information issue when there are none."""
    entries = [_outcome_issue(found) for found in issues]
    if not entries:
        entries = [{"severity": "information", "code": "informational", "details": {"text": "All OK"}}]
    return {"resourceType": "OperationOutcome", "issue": entries}
