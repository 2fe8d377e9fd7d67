"""Bindings by strength: required ones decide, extensible ones advise, others are guidance and leave no finding.

See https://hl7.org/fhir/R4/terminologies.html#strength.
"""

from collections.abc import Callable
from typing import Any

from gateway.conformance.run import Check, Location, Run
from gateway.definitions import Binding
from gateway.definitions.element import SYSTEM_TYPE
from gateway.terminology import Terminology

TEXTUAL = frozenset({"code", "string", "uri", "url", "canonical", "oid", "uuid", "id", "markdown"})
ENFORCED = {"required": True, "maximum": True, "extensible": False}
"""Strengths and purposes that are checked, and whether the code must be in the value set."""

KNOWN_LIMIT = 4096
"""How many good codes a binding remembers; a grammar (units, languages) has more than anyone could count."""

Judge = Callable[[str | None, str], bool | None]


def binding_check(terminology: Terminology, binding: Binding, type_name: str) -> Check | None:
    """The check of a binding on values of a type; None when the binding, or the type, asks for none."""
    stated = [(binding.strength, binding.value_set), ("maximum", binding.max_value_set), *binding.additional]
    wanted = [(ENFORCED[strength], value_set) for strength, value_set in stated if value_set and strength in ENFORCED]
    found = [_for_type(type_name, _judge(terminology, url), url, required) for required, url in wanted]
    checks = [check for check in found if check is not None]
    if len(checks) < 2:
        return checks[0] if checks else None

    def several(value: Any, at: Location, run: Run) -> None:
        for check in checks:
            check(value, at, run)

    return several


def _for_type(type_name: str, judge: Judge, value_set: str, required: bool) -> Check | None:
    if type_name in TEXTUAL:
        return _textual(judge, value_set, required)
    if type_name == "Coding":
        return _coding(judge, value_set, required)
    if type_name == "CodeableConcept":
        return _concept(judge, value_set, required)
    if type_name in ("Quantity", "SimpleQuantity", "Age", "Duration", "Distance", "Count", "MoneyQuantity"):
        return _coding(judge, value_set, required)
    return None


def _judge(terminology: Terminology, value_set: str) -> Judge:
    known: set[tuple[str | None, str]] = set()

    def judge(system: str | None, code: str) -> bool | None:
        if (system, code) in known:
            return True
        verdict = terminology.validate_code(system, code, value_set).result
        if verdict and len(known) < KNOWN_LIMIT:
            known.add((system, code))
        return verdict

    return judge


def _report(run: Run, at: Location, verdict: bool | None, value_set: str, required: bool) -> None:
    if verdict is None:
        run.report("conformance.code-unchecked", at, value_set=value_set)
    elif required:
        run.report("conformance.binding-required", at, value_set=value_set)
    else:
        run.report("conformance.binding-extensible", at, value_set=value_set)


def _textual(judge: Judge, value_set: str, required: bool) -> Check:
    def check(value: Any, at: Location, run: Run) -> None:
        # Types of FHIRPath stand where R4's own definitions have no type of FHIR.
        if isinstance(value, str) and not value.startswith(SYSTEM_TYPE):
            verdict = judge(None, value)
            if verdict is not True:
                _report(run, at, verdict, value_set, required)

    return check


def _parts(node: Any) -> tuple[str | None, str] | None:
    """System and code of a Coding or Quantity; the system is "" when there is none."""
    if not isinstance(node, dict):
        return None
    code, system = node.get("code"), node.get("system", "")
    return (system, code) if isinstance(code, str) and isinstance(system, str) else None


def _coding(judge: Judge, value_set: str, required: bool) -> Check:
    def check(value: Any, at: Location, run: Run) -> None:
        parts = _parts(value)
        if parts is not None:
            verdict = judge(*parts)
            if verdict is not True:
                _report(run, at, verdict, value_set, required)

    return check


def _concept(judge: Judge, value_set: str, required: bool) -> Check:
    def check(value: Any, at: Location, run: Run) -> None:
        if not isinstance(value, dict):
            return
        codings = value.get("coding")
        parts = [_parts(node) for node in codings] if isinstance(codings, list) else []
        verdicts = [judge(*part) for part in parts if part is not None]
        if True in verdicts:
            return
        if not verdicts:
            if required and "extension" not in value:
                run.report("conformance.code-missing", at, value_set=value_set)
            return
        _report(run, at, None if None in verdicts else False, value_set, required)

    return check
