"""A study's business rules: FHIRPath over a resource and what the study knows around it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from gateway.core.issues import Issue, issue
from gateway.core.types import Resource
from gateway.fhirpath import Env, Expression, FhirPathError, compile
from gateway.ingest.facts import FACTS, StoredFacts
from gateway.study import Study
from gateway.study.parts import BusinessRule, Participant

VARIABLES: Final = frozenset({"study", "site", "participant", *FACTS})
"""What the expressions may name.

`%study` (its facts and period), `%site` (id, name, zone, country, organisation) and `%participant` (id, arm,
enrolled, devices), the last two empty where the resource is about no known participant; `%visits`, `%devices` and
`%enrolments`, the participant's Encounters, Devices and ResearchSubjects, of the store and beside the resource.
"""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its expressions compiled."""

    rule: BusinessRule
    where: Expression | None
    expression: Expression
    facts: tuple[str, ...] = ()


class BusinessRules:
    """The rules of one study, compiled once."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._facts = {**study.facts, "period": dict(study.period)}
        self._rules: dict[str, list[Compiled]] = {}
        for rule in study.validation.rules:
            where = compile(rule.where, base=rule.type, variables=VARIABLES) if rule.where else None
            expression = compile(rule.expression, base=rule.type, variables=VARIABLES)
            facts = tuple(name for name in FACTS if re.search(rf"%{name}\b", f"{rule.where} {rule.expression}"))
            self._rules.setdefault(rule.type, []).append(Compiled(rule, where, expression, facts))

    def check(
        self,
        resource: Resource,
        around: Sequence[Resource],
        now: datetime | None,
        stored: StoredFacts | None = None,
    ) -> Iterator[Issue]:
        """The rules that a resource breaks; `resolve()` finds what it comes with (`around`) and what is `stored`.

        A rule holds when its expression is true: nothing, or anything else, is a break. One that names stored facts
        has no answer where nobody can read them.
        """
        rules = self._rules.get(resource["resourceType"])
        if not rules:
            return
        person = _patient_of(resource)
        plain = self._env(person, around, now, stored)
        for compiled in rules:
            rule = compiled.rule
            env = _with_facts(plain, compiled.facts, person, around, stored)
            if env is None:
                yield issue("study.rule-not-evaluated", expression=rule.type, id=rule.id)
                continue
            try:
                if compiled.where is not None and compiled.where.evaluate(resource, env) != [True]:
                    continue
                holds = compiled.expression.evaluate(resource, env) == [True]
            except (FhirPathError, RecursionError):
                yield issue("study.rule-not-evaluated", expression=rule.type, id=rule.id)
                continue
            if not holds:
                found = issue("study.rule-broken", expression=rule.type, id=rule.id, message=rule.message)
                yield replace(found, severity=rule.severity)

    def _env(self, patient: str, around: Sequence[Resource], now: datetime | None, stored: StoredFacts | None) -> Env:
        person = self._study.by_patient.get(patient)
        site = self._study.sites.get(person.site) if person else None
        variables = {
            "study": self._facts,
            "site": asdict(site) if site else None,
            "participant": _facts_of(person) if person else None,
        }

        @cache  # few rules follow a reference, and what comes along may be long
        def known() -> dict[str, Resource]:
            return {f"{entry['resourceType']}/{entry.get('id')}": entry for entry in around}

        def resolve(reference: str) -> Resource | None:
            found = known().get(reference)
            return stored.resolve(reference) if found is None and stored is not None else found

        return Env(variables=variables, now=now, resolve=resolve)


def _with_facts(
    env: Env, names: tuple[str, ...], patient: str, around: Sequence[Resource], stored: StoredFacts | None
) -> Env | None:
    """The environment with the facts that a rule names; None when they cannot be told."""
    if not names:
        return env
    found: dict[str, Any] = {}
    for name in names:
        known = stored.of(patient, name) if stored is not None else None
        if known is None:
            return None
        beside = [entry for entry in around if entry["resourceType"] == FACTS[name] and _patient_of(entry) == patient]
        newer = {entry.get("id") for entry in beside}
        found[name] = [*(entry for entry in known if entry.get("id") not in newer), *beside]
    return replace(env, variables={**env.variables, **found})


def _patient_of(resource: Resource) -> str:
    """The id of the Patient that a resource is, or is about; "" for none."""
    if resource["resourceType"] == "Patient":
        return str(resource.get("id", ""))
    for name in ("subject", "patient", "individual"):
        reference = resource.get(name)
        text = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(text, str) and text.startswith("Patient/"):
            return text.removeprefix("Patient/")
    return ""


def _facts_of(person: Participant) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": person.id, "arm": person.arm or None, "enrolled": person.enrolled}
    return facts | {"devices": list(person.devices)}
