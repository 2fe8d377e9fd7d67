"""One unit: the records of one subject into resources, with the fast functions where nothing is to report."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from gateway.core import Issue, issue
from gateway.core.issues import any_blocks
from gateway.fhirpath import FhirPathError
from gateway.formats import Decoded
from gateway.mapping.budget import TooLarge
from gateway.mapping.explaining.gathering import explained
from gateway.mapping.explaining.positions import Positions
from gateway.mapping.explaining.walk import Walk
from gateway.mapping.facts import MappedUnit, Place, Step, Subject
from gateway.mapping.fast.compiled import EMIT, ORDER, REFERENCE, RESOURCE, Bound, FastPlan, Generated, Parts, Run
from gateway.mapping.loose import ODDITIES
from gateway.mapping.plan import Emit, Plan
from gateway.mapping.references import References
from gateway.mapping.scope import Fault, Scope, Seen, Spent, Work, current

MAX_RESOURCES = 200_000
"""How many resources one payload may make."""

MAX_ISSUES = 1_000
"""How many findings of one unit are listed."""


class Budget(Struct, eq=False):
    """How many resources the payload may still make, and the work that it may cause."""

    work: Work
    left: int = MAX_RESOURCES

    def take(self, count: int) -> None:
        """Takes `count`; raises `TooLarge` when that is more than is left."""
        self.left -= count
        if self.left < 0:
            raise TooLarge(MAX_RESOURCES, "resources")


class UnitRun(Struct, eq=False):
    """Maps one unit. `variables` are the facts that all its expressions see.

    `seen` is what they see at a moment, filled anew for each pass.
    """

    plan: Plan
    fast: FastPlan | None
    study: str
    subject: Subject
    payload: Decoded
    records: Sequence[Any]
    variables: dict[str, Any]
    seen: Seen
    zone: str | None
    positions: Positions
    budget: Budget
    steps: list[Step] | None = None
    issues: list[Issue] = field(default_factory=list)
    _first: Sequence[Parts] = ()
    _told: Mapping[str, None] = MappingProxyType({})
    _made: dict[str, Parts] = field(default_factory=dict)
    _given: int = 0
    _unlisted: int = 0

    def run(self, place: Place) -> MappedUnit:
        """The mapped unit; raises `TooLarge`, and `Spent` where the explaining walk comes to that."""
        scope, self._given = self._scope(None), len(self.issues)
        told = len(self.steps or ()), self.budget.left, self.budget.work.done
        try:
            self._pass(scope, explain=self.steps is not None)
        except Spent:
            if self.steps is not None:
                raise
            self._forget(*told)
            scope = self._scope(None)
            self._pass(scope, explain=True)
        if scope.wanted and not scope.wanted <= self._kept().keys():
            known = frozenset(self._made)
            self._forget(*told)
            self._pass(self._scope(known), explain=True)
        if self._unlisted:
            self.issues.append(issue("mapping.more-findings", count=self._unlisted))
        made = self._first or [*self._made.values()]
        references: Iterable[str] = self._told if self._first else self._made
        return MappedUnit(
            subject=self.subject,
            place=place,
            records=len(self.records),
            resources=tuple(map(RESOURCE, made)),
            issues=tuple(self.issues),
            orders=orders_of(references, made),
        )

    def _forget(self, steps: int, left: int, done: int) -> None:
        """Nothing is mapped yet: the unit begins again."""
        self.budget.left, self.budget.work.done = left, done
        self.issues[:] = self.issues[: self._given]
        self._unlisted = 0
        self._first = ()
        self._made.clear()
        if self.steps is not None:
            del self.steps[steps:]

    def _scope(self, known: frozenset[str] | None) -> Scope:
        zone, payload = self.plan.zone, self.payload
        references = References(self.plan, self.study, self.variables)
        return Scope(self.zone, zone.ambiguous, zone.gap, reference=references.to, known=known, rows=payload.rows,
                     fill=payload.fill, work=self.budget.work)  # fmt: skip

    def _pass(self, scope: Scope, *, explain: bool) -> None:
        """Maps all records; where `explain`, or where a fast function gives up, by the explaining walk."""
        if explain:
            self.payload.fill()
        token = current.set(scope)
        variables = self.seen.variables
        variables.clear()
        variables.update(self.variables)
        walk = Walk(self.plan, self.study, scope, self.seen, self.positions, self.steps)
        fast = None if explain else self.fast
        try:
            if self.plan.before:
                self._payload_emits(self.plan.before, () if fast is None else fast.before, walk)
            self._records(walk, fast)
            if self.plan.after:
                scope.made = self._made_so_far()
                self._payload_emits(self.plan.after, () if fast is None else fast.after, walk)
        finally:
            current.reset(token)

    def _records(self, walk: Walk, fast: FastPlan | None) -> None:
        """Maps the records that anything may be made of."""
        numbers = self._wanted(walk, fast)
        if not numbers:
            return
        each, variables = self._bound(None if fast is None else fast.record, walk), walk.variables
        for index in numbers:
            variables["index"], record = index, self.records[index]
            made = self._quick(each, record, walk)
            self._keep(walk, list(walk.run_record(self.plan.each, record)) if made is None else made)
        variables["index"] = 0

    def _wanted(self, walk: Walk, fast: FastPlan | None) -> Sequence[int]:
        """The numbers of the records that something may be made of."""
        if not self.plan.each:
            return ()
        if fast is not None and fast.wanted is not None:
            try:
                return fast.wanted(self.records, walk.variables, walk.seen.env)
            except (*ODDITIES, Fault, FhirPathError):
                pass
        return range(len(self.records))

    def _bound(self, function: Generated | None, walk: Walk) -> Bound | None:
        """The fast function in this unit; None where what is the same in the whole unit has a finding already."""
        if function is None:
            return None
        try:
            return Bound(function, (walk.variables, walk.scope, walk.seen.env, self.study))
        except (Fault, FhirPathError):
            return None

    def _made_so_far(self) -> dict[str, list[str]]:
        """The references of the whole unit by emit: what emits after the records may refer to."""
        found: dict[str, list[str]] = {}
        for reference, made in self._kept().items():
            found.setdefault(EMIT(made), []).append(reference)
        return found

    def _payload_emits(self, emits: tuple[Emit, ...], fast: tuple[Generated, ...], walk: Walk) -> None:
        for number, emit in enumerate(emits):
            walk.variables["item"] = walk.variables["record"] = self.payload.outline
            walk.scope.made[emit.id] = []
            made = self._quick(self._bound(fast[number] if fast else None, walk), self.payload.outline, walk)
            self._keep(walk, list(explained(walk, emit, self.payload.outline)) if made is None else made)

    def _quick(self, run: Bound | None, focus: Any, walk: Walk) -> list[Parts] | None:
        """What the fast function made; None when there is none, or when it met something to report."""
        if run is None:
            return None
        variables, work = walk.variables, self.budget.work
        index, done = variables["index"], work.done
        try:
            try:
                made = None if run.of_rows is None else self._of_rows(run.of_rows, focus)
                variables["index"] = index
                return run.usual()(focus) if made is None else made
            except ODDITIES:
                variables["index"] = index
                work.done = done
                general = run.general()
                return None if general is None else general(focus)
        except (Fault, FhirPathError):
            variables["index"] = index
            work.done = done
            self.payload.fill()
            return None

    def _of_rows(self, run: Run, focus: Any) -> list[Parts] | None:
        """What was made of rows; else None, and the payload is whole."""
        try:
            return run(focus)
        except ODDITIES:
            self.payload.fill()
            return None

    def _keep(self, walk: Walk, made: list[Parts]) -> None:
        self.budget.take(len(made))
        if walk.issues:
            self._note(walk.issues)
            walk.issues.clear()
        if not self._made and not self._first:
            references = dict.fromkeys(map(REFERENCE, made))
            if len(references) == len(made):
                self._first, self._told = made, references
                return
        kept = self._kept() if self._first else self._made
        for new in made:
            old = kept.setdefault(REFERENCE(new), new)
            if old is not new and RESOURCE(old) != RESOURCE(new):
                self._settle(walk, old, new)

    def _kept(self) -> dict[str, Parts]:
        """What was made so far, by reference; what the first record makes is only a list until somebody asks."""
        if self._first:
            self._made = {new[1]: new for new in self._first}
            self._first = ()
        return self._made

    def _note(self, found: Sequence[Issue]) -> None:
        """Lists findings, up to the limit; beyond it one that blocks is listed when none does yet."""
        for one in found:
            if len(self.issues) < MAX_ISSUES or (one.blocks and not any_blocks(self.issues)):
                self.issues.append(one)
            else:
                self._unlisted += 1

    def _settle(self, walk: Walk, old: Parts, new: Parts) -> None:
        """Which of two different resources with one id stays: the newer; without an order the first, and an issue."""
        name, reference, _, order = new
        if ORDER(old) and order and ORDER(old) != order:
            self._made[reference] = max(old, new, key=ORDER)
            return
        emit = next(emit for emit in (*self.plan.before, *self.plan.each, *self.plan.after) if emit.id == name)
        source = self.positions.of_node(walk.variables.get("item"), walk.variables.get("record"))
        place = {"expression": emit.type, "source": source, "mapping": emit.position}
        found = issue("mapping.duplicate-key", emit=name, **place)
        if self.plan.policy.get("duplicate-key") == "drop-resource":
            found = replace(found, severity="warning")
        self._note((found,))


def orders_of(references: Iterable[str], made: Collection[Parts]) -> dict[str, str]:
    """What is told of the order by reference; most often all records of a payload say the same."""
    told = set(map(ORDER, made))
    if len(told) == 1:
        (order,) = told
        return dict.fromkeys(references, order) if order else {}
    return {new[1]: new[3] for new in made if new[3]}
