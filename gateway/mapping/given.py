"""What expressions of a mapping may read beside the payload: envelope, study, participant and site, and the zone."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core import Issue, issue
from gateway.core.instants import format_instant
from gateway.fhirpath import Env
from gateway.mapping.facts import Facts, Subject
from gateway.mapping.fast.compiled import FastPlan
from gateway.mapping.loose import fact
from gateway.mapping.plan import Plan
from gateway.mapping.values import plain


def base_facts(payload: Any, facts: Facts, fast: FastPlan | None) -> dict[str, Any]:
    """What is known before the participant is; left out what no expression of `fast` reads."""
    base = {"payload": payload}
    if fast is None or "envelope" in fast.facts:
        sent = {"receivedAt": format_instant(facts.received), "payloadSha256": facts.sha256}
        base["envelope"] = {**facts.envelope, **sent}
    if fast is None or "study" in fast.facts:
        base["study"] = plain(facts.study)
    return base


def unit_facts(base: Mapping[str, Any], subject: Subject, records: list[Any]) -> dict[str, Any]:
    """What all expressions of a unit may read: `base`, the participant, the site, the records."""
    site = plain(subject.site)
    known = {"id": subject.id, "reference": subject.reference, "zone": subject.zone, "site": site}
    if subject.birth_date is not None:
        known["birthDate"] = subject.birth_date
    if subject.subject_id is not None:
        known["subjectId"] = subject.subject_id
    return {**base, "subject": known, "site": site, "records": records, "index": 0}


def default_zone(plan: Plan, subject: Subject, variables: Mapping[str, Any], env: Callable[[], Env]) -> str | None:
    """The zone of local times; the participant's where the file states none. `env` has the same `variables`."""
    default = plan.zone.default
    if default is None:
        return subject.zone or None
    if isinstance(default, str):
        return default
    found = fact(variables, default.fact, default.expression.evaluate, env)
    if found.__class__ is str:
        return found
    return subject.zone or None if found is None or found.__class__ is list else str(found)


def missing_context(plan: Plan, base: Mapping[str, Any]) -> tuple[Issue, ...]:
    """An issue for each fact that the file declares, that is not optional, and that was not handed in."""
    found = []
    for name, declared in (plan.context or {}).items():
        given = base.get(name)
        for one, kind in declared.items():
            if given is not None and not kind.endswith("?") and given.get(one) in (None, ""):
                found.append(issue("mapping.context-missing", mapping=plan.file, name=f"{name}.{one}"))
    return tuple(found)
