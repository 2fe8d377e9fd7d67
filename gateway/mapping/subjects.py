"""Whose data a payload holds: records grouped by participant, verified before anything is made.

An unknown participant, or one that differs from what the payload says of it, blocks its unit: never a silent merge.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from gateway.core import Issue, issue
from gateway.fhirpath import FhirPathError
from gateway.mapping.explaining.positions import Positions
from gateway.mapping.facts import Place, Subject
from gateway.mapping.fast.compiled import FastPlan
from gateway.mapping.loose import ODDITIES, listed
from gateway.mapping.plan import Formula, Plan
from gateway.mapping.scope import Fault, Scope, Seen
from gateway.mapping.values import key_text

_TOLD: Final = (Fault, FhirPathError, *ODDITIES)


class Group(Struct, frozen=True, eq=False):
    """The records of one participant, who may be unknown; `issues` tell why."""

    subject: Subject | None
    place: Place
    records: list[Any]
    issues: tuple[Issue, ...] = ()


class SubjectSearch(Struct, eq=False):
    """Finds the participants of one payload; what the functions of `fast` raise at is evaluated.

    `seen` are the facts that expressions see before one is known.
    """

    plan: Plan
    resolve: Callable[[str, str], Subject | None]
    seen: Seen
    positions: Positions
    fast: FastPlan | None
    scope: Scope

    def groups(self, payload: Any, records: list[Any]) -> tuple[Group, ...]:
        """One group for the payload, or one for each identity in its records, in order of appearance.

        Called in a scope of its own.
        """
        if not self.plan.subject.per_record:
            return (self._group(self._identity(payload), payload, records, ()),)
        path = () if self.fast is None else self.fast.records
        if len(records) == 1:
            return (self._group(self._identity(records[0]), records[0], records, path),)
        found: dict[tuple[str, str] | Issue, list[Any]] = {}
        for record in records:
            found.setdefault(self._identity(record), []).append(record)
        return tuple([self._group(identity, rows[0], rows, path) for identity, rows in found.items()])

    def _identity(self, focus: Any) -> tuple[str, str] | Issue:
        """System and value of the participant's identifier; the issue where the payload does not say them."""
        parts: list[str] = []
        for part in (self.plan.subject.system, self.plan.subject.value):
            if isinstance(part, str):
                parts.append(part)
                continue
            told = self._text(part, focus)
            if told:
                parts.append(told)
                continue
            values = self._values(part, focus) or []
            text = key_text(values[0]) if len(values) == 1 else None
            if not text:
                rule = "mapping.multiple-values" if len(values) > 1 else "mapping.subject-empty"
                return issue(rule, mapping=part.position, source=self._source(part, focus))
            parts.append(text)
        return parts[0], parts[1]

    def _text(self, formula: Formula, focus: Any) -> str | None:
        """The one text of a formula, as it most often is; None for anything else."""
        if self.fast is None:
            return None
        seen = self.seen
        seen.variables["record"] = focus
        try:
            found = self.fast.asked[formula.position](focus, seen.variables, self.scope, seen.env)
        except _TOLD:
            return None
        return found if found.__class__ is str else None

    def _values(self, formula: Formula, focus: Any) -> list[Any] | None:
        """The values of a formula; None when it cannot be evaluated on this payload."""
        seen = self.seen
        seen.variables["record"] = focus
        try:
            if self.fast is not None:
                return listed(self.fast.asked[formula.position](focus, seen.variables, self.scope, seen.env))
        except _TOLD:
            pass
        try:
            return formula.expression.evaluate(focus, seen.env())
        except (Fault, FhirPathError):
            return None

    def _source(self, formula: Formula, focus: Any) -> str:
        payload = self.seen.variables["payload"]
        return self.positions.first(formula, {"focus": focus, "record": focus, "payload": payload})

    def _group(
        self, identity: tuple[str, str] | Issue, focus: Any, records: list[Any], path: tuple[str, ...]
    ) -> Group:
        place = Place(lambda: self.positions.at_path(focus, path) or "payload")
        if isinstance(identity, Issue):
            return Group(None, place, records, (identity,))
        subject = self.resolve(*identity)
        if subject is None:
            value, position = self.plan.subject.value, self.plan.subject.position
            source = self._source(value, focus) if isinstance(value, Formula) else ""
            return Group(None, place, records, (issue("mapping.subject-unknown", mapping=position, source=source),))
        issues: list[Issue] = []
        for record in records if self.plan.subject.per_record else (focus,):
            issues += self._verify(subject, record)
        return Group(subject, place, records, tuple(dict.fromkeys(issues)) if issues else ())

    def _verify(self, subject: Subject, focus: Any) -> list[Issue]:
        """Differences between what the payload says of the participant and what the study knows."""
        found = []
        for name, formula in self.plan.subject.verify:
            wanted = known_of(subject, name)
            if wanted is not None and self._text(formula, focus) == wanted:
                continue
            values = self._values(formula, focus)
            if values == []:
                continue
            if wanted is None:
                rule = "mapping.subject-unverified"
            elif (
                values is None
                or len(values) > 1
                or not _agree(str(values[0]), str(wanted), partial=name == "birthDate")
            ):
                rule = "mapping.subject-mismatch"
            else:
                continue
            found.append(issue(rule, mapping=formula.position, source=self._source(formula, focus), what=name))
        return found


def known_of(subject: Subject, name: str) -> Any:
    """What the study knows of that which `verify` names; None for nothing."""
    return subject.birth_date if name == "birthDate" else subject.site.get("id")


def _agree(given: str, known: str, *, partial: bool) -> bool:
    """True when both are the same; of dates, as far as the less precise one goes."""
    if partial and len(given) >= 4 and len(known) >= 4:
        return known.startswith(given) or given.startswith(known)
    return given == known
