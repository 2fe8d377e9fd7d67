"""A compiled mapping: payload trees and facts into units of FHIR resources."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from gateway.core import Issue, issue
from gateway.core.issues import any_blocks
from gateway.fhirpath import Env, FhirPathError
from gateway.formats import FORMATS, Decoded, Pointer, json_pointer
from gateway.mapping.assets import Asset
from gateway.mapping.budget import TooLarge
from gateway.mapping.explaining.positions import Positions
from gateway.mapping.facts import Facts, Mapped, MappedUnit, Step
from gateway.mapping.fast.compiled import FastPlan
from gateway.mapping.fast.single_items import spread
from gateway.mapping.gate import Fitting, fitting
from gateway.mapping.given import base_facts, default_zone, missing_context, unit_facts
from gateway.mapping.language.payload_schema import Schema
from gateway.mapping.loose import ODDITIES
from gateway.mapping.match import Match
from gateway.mapping.plan import Formula, Plan
from gateway.mapping.scope import GRANTED, Fault, Scope, Seen, Spent, Work, current
from gateway.mapping.short_way import FEW, ShortWay
from gateway.mapping.subjects import Group, SubjectSearch
from gateway.mapping.unit import Budget, UnitRun

Locate = Callable[[Pointer], str]


@dataclass(frozen=True, slots=True)
class Source:
    """What a mapping says of its payloads: decoder options, whether there is a schema, and which members are its own.

    `members` is empty where a payload is the mapping's as a whole.
    """

    format: str
    options: Names[str, Any]
    schema: bool
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file, compiled. Safe to use from several threads; holds no state of its runs.

    `folder` names its folder below the mapping roots, `google-health/heart-rate`; `assets` are the files that it was
    made of, itself the first; `granted` is the work of any payload, and for each of its nodes.
    """

    id: str
    version: str
    status: Literal["draft", "active", "retired"]
    describe: str
    folder: str
    source: Source
    plan: Plan
    fast: FastPlan | None
    short: ShortWay | None
    match: Match | None
    schema: Schema | None
    warnings: tuple[Issue, ...] = ()
    tests: tuple[Names[str, Any], ...] = field(default=(), repr=False)
    assets: tuple[Asset, ...] = ()
    granted: tuple[int, int] = GRANTED

    @property
    def format(self) -> str:
        """The name of the payload's format in `gateway.formats`."""
        return self.source.format

    @property
    def canonical(self) -> str:
        """`id|version`, as Provenance and receipts state it."""
        return f"{self.id}|{self.version}"

    @property
    def types(self) -> frozenset[str]:
        """The resource types that it can make, Provenance aside."""
        return frozenset(emit.type for emit in (*self.plan.before, *self.plan.each, *self.plan.after))

    def takes(self, tree: Any) -> bool:
        """True when the payload is one for this mapping: `match` holds, or there is none."""
        return self.match is None or self.match.of_tree(tree)

    def reads(self, decoded: Decoded) -> bool:
        """As `takes`, of its tree, which is filled only where `match` may look at that."""
        return self.match is None or self.match.of_payload(decoded)

    def check_payload(self, tree: Any, locate: Locate = json_pointer) -> list[Issue]:
        """How the payload differs from its schema, at most 20 issues; [] when it fits or there is no schema."""
        if self.schema is None:
            return []
        return [
            issue("mapping.payload-invalid", source=locate(found.path), problem=found.problem)
            for found in self.schema.differences(tree)
        ]

    def map(self, decoded: Decoded, facts: Facts, *, trace: bool = False) -> Mapped:
        """Judges a decoded payload by its schema and maps what fits, as `apply_to` does.

        Records of a wrong form are a unit of their own, the last one, that is kept out; where the policy of
        `record-invalid` is `quarantine`, or it is not records that are wrong, the issues of the payload tell how it
        differs, and there are no units.
        """
        if self.schema is None or self.schema.fits(decoded, FORMATS[self.format].alike):
            return self.apply_to(decoded, facts, trace=trace)
        found = self._fitting(decoded, facts)
        if found is None:
            return Mapped((), tuple(self.check_payload(decoded.tree, decoded.locate)))
        mapped = self.apply_to(found.decoded, facts, trace=trace)
        return Mapped((*mapped.units, found.left_out), mapped.issues, mapped.trace)

    def _fitting(self, decoded: Decoded, facts: Facts) -> Fitting | None:
        """What fits, where records can be told, and the rest is of the same participant and for this mapping."""
        if self.plan.records is None or self.plan.policy.get("record-invalid") == "quarantine":
            return None
        records = _Run(self, decoded, facts).told((self.plan.records,))
        found = fitting(self.schema, decoded, records[0], self.work(decoded)) if records and self.schema else None
        if found is None or not self.takes(found.decoded.tree):
            return None
        if not self.plan.subject.per_record:
            told = [_Run(self, one, facts).told(self.plan.subject.formulas) for one in (decoded, found.decoded)]
            if None in told or told[0] != told[1]:
                return None
        return found

    def work(self, decoded: Decoded) -> Work:
        """How much work the payload may cause; none is done."""
        limit, grant = self.granted
        return Work(limit, grant, lambda: decoded.tree)

    def apply(self, tree: Any, facts: Facts, *, trace: bool = False, locate: Locate = json_pointer) -> Mapped:
        """The units that the payload makes, as `apply_to` gives them; `locate` is that of the decoded payload."""
        return self.apply_to(Decoded(tree, locate), facts, trace=trace)

    def apply_to(self, decoded: Decoded, facts: Facts, *, trace: bool = False) -> Mapped:
        """The units that a decoded payload makes. Issues are values; nothing is raised for data.

        With `trace`, by the slow explaining walk, every element is accounted for in `Mapped.trace`. Resources share
        constant parts: do not change them in place. The tree is completed only as far as something looks at it.
        """
        if decoded.rows and (trace or self.fast is None or self.fast.record is None or not self.fast.record.of_rows):
            decoded = Decoded(decoded.tree, decoded.locate)
        elif self.fast is None or self.fast.record is None or not self.fast.record.reads_told:
            decoded.fill_records()
        try:
            return _Run(self, decoded, facts, [] if trace else None).run()
        except TooLarge as large:
            return Mapped((), (issue("mapping.too-large", limit=large.limit, what=large.what),))
        except Spent:
            return Mapped((), (issue("mapping.budget", mapping=self.plan.file),))


class _Run(Struct, eq=False):
    mapping: Mapping
    payload: Decoded
    facts: Facts
    steps: list[Step] | None = None

    def told(self, formulas: Sequence[Formula]) -> list[list[Any]] | None:
        """What the whole payload says, before the participant is known; None where that cannot be told."""
        token = current.set(Scope(work=self.mapping.work(self.payload)))
        tree = self.payload.tree
        try:
            env = Env(variables={**base_facts(self.payload.bare, self.facts, self.mapping.fast), "record": tree})
            return [formula.expression.evaluate(tree, env) for formula in formulas]
        except (Fault, FhirPathError, Spent, TooLarge):
            return None
        finally:
            current.reset(token)

    def run(self) -> Mapped:
        """The units of the payload: in short where that can be, else by its participants one after the other."""
        mapping, payload = self.mapping, self.payload
        base = base_facts(payload.bare, self.facts, mapping.fast)
        missing = missing_context(mapping.plan, base) if mapping.plan.context else ()
        if missing:
            return Mapped((), missing)
        work = mapping.work(payload)
        records, problem = self._records(base, work)
        if not records:
            return Mapped((), (problem or issue("mapping.no-records", source=payload.locate(())),))
        if mapping.short is not None and self.steps is None and len(records) <= FEW:
            done = work.done
            unit = mapping.short.unit(payload, records, base, self.facts, work)
            if unit is not None:
                return Mapped((unit,))
            work.done = done
            if payload.rows:  # what is mapped of rows would give up once more
                self.payload = Decoded(payload.tree, payload.locate)
        return self._units(base, records, work)

    def _records(self, base: dict[str, Any], work: Work) -> tuple[list[Any], Issue | None]:
        formula = self.mapping.plan.records
        if formula is None:
            return [self.payload.tree], None
        path = () if self.mapping.fast is None else self.mapping.fast.records
        if path:
            try:
                return spread(self.payload.bare, path), None
            except ODDITIES:
                pass
        token = current.set(Scope(work=work))
        try:
            return formula.expression.evaluate(self.payload.tree, Env(variables=base)), None
        except (Fault, FhirPathError) as error:
            problem = error.issues[0].message if isinstance(error, FhirPathError) else error.rule
            return [], issue("mapping.evaluation", mapping=formula.position, problem=problem)
        finally:
            current.reset(token)

    def _units(self, base: dict[str, Any], records: list[Any], work: Work) -> Mapped:
        """A unit for each participant in the records."""
        mapping, seen = self.mapping, Seen(dict(base))
        positions, scope = Positions(self.payload.bare, self.payload.locate), Scope(work=work)
        token = current.set(scope)
        try:
            search = SubjectSearch(mapping.plan, self.facts.resolve, seen, positions, mapping.fast, scope)
            groups = search.groups(self.payload.bare, records)
        finally:
            current.reset(token)
        budget = Budget(work)
        units = tuple([self._unit(group, base, seen, positions, budget) for group in groups])
        return Mapped(units, (), tuple(self.steps or ()))

    def _unit(
        self, group: Group, base: dict[str, Any], seen: Seen, positions: Positions, budget: Budget
    ) -> MappedUnit:
        if group.subject is None or (group.issues and any_blocks(group.issues)):
            return MappedUnit(group.subject, group.place, len(group.records), issues=group.issues)
        plan, subject = self.mapping.plan, group.subject
        variables = unit_facts(base, subject, group.records)
        missing = missing_context(plan, {"site": variables["site"]}) if plan.context else ()
        if missing:
            return MappedUnit(subject, group.place, len(group.records), issues=missing)
        run = UnitRun(
            plan=plan,
            fast=self.mapping.fast,
            study=str(self.facts.study["id"]),
            subject=subject,
            payload=self.payload,
            records=group.records,
            variables=variables,
            seen=seen,
            zone=default_zone(plan, subject, variables, lambda: Env(variables)),
            positions=positions,
            budget=budget,
            steps=self.steps,
            issues=list(group.issues),
        )
        return run.run(group.place)
