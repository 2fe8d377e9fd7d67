"""The explaining walk over a plan: slow, total, and the definition of what a mapping means.

It runs where a fast function met something to report, and for traces. Every finding is an issue with the mapping's
position, the output path and the payload's position; what happens next is the policy of its rule.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.core import Issue, Resource, issue
from gateway.core.ids import resource_id
from gateway.core.instants import format_instant, from_micros, parse_interval
from gateway.fhirpath import FhirPathError
from gateway.mapping.budget import MAX_ITEMS, TooLarge, within_limits
from gateway.mapping.explaining.positions import Positions
from gateway.mapping.facts import Step
from gateway.mapping.grouping import RECORDS, sampled
from gateway.mapping.plan import (
    Branch,
    Choice,
    Constant,
    Emit,
    Formula,
    Guard,
    Items,
    Map,
    Node,
    Plan,
    Series,
    Target,
    Value,
)
from gateway.mapping.scope import Scope, Seen
from gateway.mapping.values import REFUSED, fitted, key_text

_SECOND = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:[0-5]\d(?:Z|[+-]\d\d:[0-5]\d)\Z", re.ASCII)
"""Whole seconds with an offset, no leap second: what Python reads by itself."""

_SEPARATORS, _INSTANT, _OFFSET = slice(4, 19, 3), slice(19), slice(19, None)
"""What is between the numbers of a time to the second, the time itself, and what follows it."""

_UTC = ("Z", "+00:00")

_SEVERITIES = {"warn": "warning", "keep-original": "warning", "drop-resource": "warning", "quarantine": "error"}


class Dropped(Exception):
    """The policy of a finding drops the resource that is being made."""


class Made(NamedTuple):
    """A resource as an emit made it; `order` is the instant of `version_order` or ""."""

    emit: str
    reference: str
    resource: Resource
    order: str


def one_true(values: list[Any]) -> bool | None:
    """The truth of a condition: empty is false; None when it is no single boolean."""
    if not values:
        return False
    return values[0] if len(values) == 1 and isinstance(values[0], bool) else None


def order_text(value: Any) -> str | None:
    """The instant in UTC that a date or time starts at, comparable as text; None when it is neither."""
    return instant_text(str(value))


@lru_cache(maxsize=256)
def instant_text(text: str) -> str | None:
    """The instant in UTC that a text stands for; None when it is no date or time, or before or after all years."""
    if text[_OFFSET] in _UTC and text[_SEPARATORS] == "--T::":
        told = text[_INSTANT]
        try:
            datetime.fromisoformat(told)
        except ValueError:
            pass
        else:
            return f"{told}.000Z"
    try:
        if _SECOND.match(text):
            instant = datetime.fromisoformat(text)
            told = text if text.endswith(_UTC) else instant.astimezone(UTC).isoformat()
            return f"{told[:19]}.000Z"
        interval = parse_interval(text)
        return format_instant(from_micros(interval.low)) if interval else None
    except (ValueError, OverflowError):
        return None


class Walk:
    """Maps the items of one unit; findings go to `issues`, and to `steps` what each element came from, if wanted."""

    __slots__ = (*("_path", "_place", "issues", "plan", "positions", "scope", "seen", "steps", "study", "variables"),)

    def __init__(
        self,
        plan: Plan,
        study: str,
        scope: Scope,
        seen: Seen,
        positions: Positions,
        steps: list[Step] | None = None,
    ) -> None:
        self.plan = plan
        self.study = study
        self.scope = scope
        self.variables = seen.variables
        self.seen = seen
        self.positions = positions
        self.steps = steps
        self.issues: list[Issue] = []
        self._place = ""
        self._path = ""

    # Findings

    def find(
        self, rule: str, position: str, formula: Formula | None, focus: Any, *, action: str = "", **names: Any
    ) -> None:
        """Notes a finding and does what its policy says; raises `Dropped` where that is to drop the resource."""
        action = action or self.plan.policy.get(rule.removeprefix("mapping."), "quarantine")
        roots = self._roots(focus)
        if formula is not None:
            source = self.positions.first(formula, roots)
        else:
            source = self.positions.of_node(roots["focus"], roots["item"], roots["record"])
        found = issue(rule, expression=self._path, source=source, mapping=position, **names)
        self.issues.append(replace(found, severity=_SEVERITIES[action]))  # type: ignore[arg-type]
        if action == "drop-resource":
            raise Dropped

    def _roots(self, focus: Any) -> dict[str, Any]:
        known = {name: self.variables.get(name) for name in ("record", "payload", "item", "first", "last")}
        return {**known, "focus": focus}

    def evaluate(self, formula: Formula, focus: Any) -> list[Any]:
        """The values of a formula; findings of its functions are noted, with what the functions give nevertheless."""
        collected: list[tuple[str, dict[str, Any]]] = []
        self.scope.collect = lambda rule, names: collected.append((rule, names))
        try:
            # A list within a list may hold nothing, which is no value.
            values = [value for value in formula.expression.evaluate(focus, self.seen.env()) if value is not None]
        except FhirPathError as error:
            collected.append(("mapping.evaluation", {"problem": error.issues[0].message}))
            values = []
        finally:
            self.scope.collect = None
        if formula.grows:
            within_limits(values)
        for rule, names in dict.fromkeys((rule, tuple(names.items())) for rule, names in collected):
            self.find(rule, formula.position, formula, focus, **dict(names))
        return values

    def holds(self, formula: Formula | None, focus: Any) -> bool:
        """Whether a condition is true; one that is absent is."""
        if formula is None:
            return True
        truth = one_true(self.evaluate(formula, focus))
        if truth is None:
            self.find("mapping.wrong-value", formula.position, formula, focus, what="a condition")
        return bool(truth)

    def items(self, formula: Formula | None, focus: Any) -> list[Any]:
        """What a `foreach` goes over; the focus alone where there is none. Raises `TooLarge`."""
        if formula is None:
            return [focus]
        values = self.evaluate(formula, focus)
        if len(values) > MAX_ITEMS:
            raise TooLarge(MAX_ITEMS, "items")
        if formula.is_wide:
            self.scope.work.spend(len(values))
        return values

    # Emits

    def assign(self, variables: tuple[tuple[str, Formula], ...], focus: Any) -> bool:
        """Evaluates variables in order, one that cannot be is empty; False where a finding drops the resource."""
        kept = True
        for name, formula in variables:
            try:
                self.variables[name] = self.evaluate(formula, focus)
            except Dropped:
                self.variables[name] = []
                kept = False
        return kept

    def run_record(self, emits: tuple[Emit, ...], record: Any) -> Iterator[Made]:
        """What the per-record emits make of a record; findings in its variables may drop all of it."""
        self.scope.made = {**self.scope.made, **{emit.id: [] for emit in emits}}
        self.variables |= {"record": record, "item": record}
        self._path = ""
        if not self.assign(self.plan.vars, record):
            return
        for emit in emits:
            yield from self.run_emit(emit, record)

    def run_emit(self, emit: Emit, focus: Any) -> Iterator[Made]:
        """What an emit makes of its focus, in order."""
        self.begin(emit)
        try:
            items = self.items(emit.foreach, focus)
        except Dropped:
            return
        yield from self.run_items(emit, items)

    def begin(self, emit: Emit) -> None:
        """Nothing is made by the emit yet; findings are about its type."""
        self._path = emit.type
        self.scope.made[emit.id] = []

    def run_items(self, emit: Emit, items: Iterable[Any]) -> Iterator[Made]:
        """What an emit makes of items, in order."""
        made, number = self.scope.made[emit.id], self.variables.get("index", 0)
        for index, item in enumerate(items):
            self.variables |= {"item": item, "index": index if emit.foreach else number}
            told = len(self.steps or ())
            try:
                found = self._item(emit, item)
            except Dropped:
                found = None
            if found is not None:
                made.append(found.reference)
                yield found
            elif self.steps is not None:
                del self.steps[told:]
        self.variables["index"] = number

    def _item(self, emit: Emit, item: Any) -> Made | None:
        self._path = emit.type
        if not emit.when_late and not self.holds(emit.when, item):
            return None
        if not self.assign(emit.vars, item):
            raise Dropped
        if emit.when_late and not self.holds(emit.when, item):
            return None
        key = self.key(emit, item)
        for guard in emit.guards:
            self._guard(emit, guard, item)
        order = self._order(emit, item)
        if key is None:
            return None
        identity = resource_id(self.study, self.plan.id, emit.id, key)
        self._place = f"{emit.type}/{identity}"
        fields = self._fields(emit.root, item, self._place)
        return Made(emit.id, self._place, {"resourceType": emit.type, "id": identity, **fields}, order)

    def key(self, emit: Emit, item: Any) -> tuple[str, ...] | None:
        """The texts of the key's parts; None, with a finding, when a part is not exactly one scalar."""
        parts: list[str] = []
        for number, part in enumerate(emit.key):
            if isinstance(part, str):
                parts.append(part)
                continue
            values = self.evaluate(part, item)
            text = key_text(values[0]) if len(values) == 1 else None
            if text is None:
                rule = "mapping.multiple-values" if len(values) > 1 else "mapping.key-empty"
                self.find(rule, part.position, part, item, action="quarantine", part=number + 1, emit=emit.id)
                return None
            parts.append(text)
        return tuple(parts)

    def _guard(self, emit: Emit, guard: Guard, item: Any) -> None:
        if one_true(self.evaluate(guard.formula, item)) is not True:
            formula, action = guard.formula, guard.action
            self.find("mapping.guard", formula.position, formula, item, action=action, code=guard.code, emit=emit.id)

    def _order(self, emit: Emit, item: Any) -> str:
        if emit.version_order is None:
            return ""
        values = self.evaluate(emit.version_order, item)
        text = order_text(values[0]) if len(values) == 1 else None
        if text is None:
            formula = emit.version_order
            self.find("mapping.wrong-value", formula.position, formula, item, what="version_order")
        return text or ""

    # Nodes

    def _fields(self, node: Map, focus: Any, place: str) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, child in node.fields:
            if isinstance(child, Choice):
                self._choice(child, focus, place, fields)
                continue
            if isinstance(child, Series):
                name, fields_of = sampled(child, key, focus)
                fields[name] = fields_of
                if self.steps is not None:
                    sources = self.positions.of_members(child.value, focus[RECORDS], self.variables["payload"])
                    self.steps.append(Step(f"{place}.{name}", child.position, child.value.text, sources))
                continue
            value = self._field(child, focus, f"{place}.{key}")
            if value is not None:
                fields[key] = value
        return fields

    def _field(self, node: Node, focus: Any, place: str) -> Any:
        """The value of a field, a list where the element repeats; None for nothing."""
        if isinstance(node, Constant):
            self._step(place, node.position, "", focus, None)
            return node.value
        target = node.target
        values = self._values(node, focus, place)
        formula = node.formula if isinstance(node, Value) else None
        position = formula.position if formula else getattr(node, "position", "")
        self._path = target.path
        if len(values) > 1 and not target.many:
            self.find("mapping.multiple-values", position, formula, focus)
            return None
        if not values:
            if target.required:
                self.find("mapping.required-missing", position, formula, focus, element=target.path)
            return None
        return values if target.many else values[0]

    def _values(self, node: Node, focus: Any, place: str) -> list[Any]:
        match node:
            case Value():
                return self._fitted(node.formula, node.target, focus, place)
            case Map():
                return self._objects(node, focus, place)
            case Items():
                found: list[Any] = []
                for child in node.nodes:
                    found += self._item_values(child, focus, f"{place}[{len(found)}]")
                return found
            case Constant():
                return [node.value]
        return []

    def _item_values(self, node: Node, focus: Any, place: str) -> list[Any]:
        if isinstance(node, Constant):
            self._step(place, node.position, "", focus, None)
            return [node.value]
        return self._values(node, focus, place)

    def _fitted(self, formula: Formula, target: Target, focus: Any, place: str) -> list[Any]:
        self._path = target.path
        found = []
        values = self.evaluate(formula, focus)
        if len(values) > 1:
            self.scope.work.spend(len(values))
        for value in values:
            made = fitted(value, target.type, target.primitive)
            if made is REFUSED:
                what = f"{target.path} ({target.type})"
                self.find("mapping.wrong-value", formula.position, formula, focus, what=what)
            elif made is not None:
                found.append(made)
        if found:
            self._step(place, formula.position, formula.text, focus, formula)
        return found

    def _objects(self, node: Map, focus: Any, place: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for item in self.items(node.foreach, focus):
            self._path = node.target.path
            if not self.holds(node.when, item):
                continue
            inner = f"{place}[{len(found)}]" if node.foreach else place
            fields = self._fields(node, item, inner)
            if fields and (not node.vital or node.vital in fields):
                found.append(fields)
        return found

    def _choice(self, node: Choice, focus: Any, place: str, fields: dict[str, Any]) -> None:
        self._path = node.target.path
        branch = next((branch for branch in node.branches if self.holds(branch.when, focus)), None)
        value = None
        if branch is not None and branch.refusal:
            self._refuse(node, branch, focus)
        elif branch is not None and branch.node is not None:
            value = self._field(branch.node, focus, f"{place}.{branch.key}")
            if value is not None:
                fields[branch.key] = value
        if value is None and node.target.required:
            self._path = node.target.path
            self.find("mapping.required-missing", node.position, None, focus, element=node.target.path)

    def _refuse(self, node: Choice, branch: Branch, focus: Any) -> None:
        formula = next((other.when for other in node.branches if other.when is not None), None)
        path = node.target.path
        self.find("mapping.branch-refused", branch.position, formula, focus, code=branch.refusal, element=path)

    def _step(self, place: str, position: str, text: str, focus: Any, formula: Formula | None) -> None:
        if self.steps is not None:
            sources = self.positions.of_formula(formula, self._roots(focus)) if formula is not None else ()
            self.steps.append(Step(place, position, text, sources))
