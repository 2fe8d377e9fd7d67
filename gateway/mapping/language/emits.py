"""The `emit` part of a file: checked emits, and the order in which they run.

Emits that are referred to without a key run before those that refer to them. Per-payload emits that need no record
come first, then the per-record ones for each record, then per-payload emits that refer to them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.mapping.language.faults import FileFaults, Place
from gateway.mapping.language.formulas import FACTS, RESERVED, Formulas, Names, is_expression, literal
from gateway.mapping.language.groups import GroupReader
from gateway.mapping.language.template import Templates
from gateway.mapping.lineage import UNIT_FACTS, joins, variables_of
from gateway.mapping.plan import Emit, Formula, Guard, Source
from gateway.mapping.shape import UNKNOWN


@dataclass(frozen=True, slots=True)
class EmitReader:
    """Reads the emits of one file."""

    templates: Templates
    formulas: Formulas
    faults: FileFaults
    outer: dict[str, Formula] = field(default_factory=dict)
    many: bool = False

    def read(self, tree: dict[str, Any], index: int, names: Names) -> Emit | None:
        """The emit at `index`; None when its template has no usable type."""
        place: Place = ("emit", index)
        mode = tree.get("mode", "per-record")
        if (mode == "grouped") != ("group" in tree):
            self.faults.add("mapping.structure", place, problem="`mode: grouped` and `group` go together")
            return None
        if mode == "grouped":
            return self._grouped(tree, index, names)
        if mode == "per-payload":
            names = replace(names, variables={}, shape=names.shape.of_payload())
        foreach = self.optional(tree, "foreach", place, names)
        names = names.at(foreach)
        root = "item" if "foreach" in tree else "payload" if mode == "per-payload" else "record"
        variables, names = self.variables(tree.get("vars", {}), (*place, "vars"), names, root)
        key = self._key(tree["key"], (*place, "key"), names)
        built = self.templates.resource(tree["resource"], (*place, "resource"), names)
        when = self.optional(tree, "when", place, names)
        late = when is not None and not variables_of(when.expression.ast).isdisjoint(dict(variables))
        order = self.optional(tree, "version_order", place, names)
        guards = self._guards(tree.get("guard", ()), (*place, "guard"), names)
        if built is None or key is None:
            return None
        varying = tuple(number for number, part in enumerate(key) if isinstance(part, Formula) and not part.fixed)
        if not varying and (foreach is not None or (mode == "per-record" and self.many)):
            self.faults.add("mapping.key-constant", (*place, "key"), emit=tree["id"])
        return Emit(
            id=tree["id"],
            mode=mode,
            type=built[0],
            root=built[1],
            key=key,
            varying=varying,
            position=self.faults.position(place),
            when=when,
            when_late=late,
            foreach=foreach,
            vars=variables,
            version_order=order,
            guards=guards,
        )

    def _grouped(self, tree: dict[str, Any], index: int, names: Names) -> Emit | None:
        """A grouped emit: its variables and `when` are of the members, its key, guards and resource of a run."""
        place: Place = ("emit", index)
        reader = GroupReader(self.formulas, self.faults)
        at_payload = replace(names, shape=names.shape.of_payload()).only("payload", *UNIT_FACTS)
        foreach = self.optional(tree, "foreach", place, at_payload)
        of = "item" if foreach else "record"
        outer = {} if foreach else self.outer
        of_member = replace(names, variables=names.variables if outer else {}).at(foreach)
        variables, of_member = self.variables(tree.get("vars", {}), (*place, "vars"), of_member, of)
        variables = (*outer.items(), *variables)
        when = self.optional(tree, "when", place, of_member)
        group = reader.read(tree, place, of_member, foreach, when, variables)
        inside = reader.inside(names, variables, of)
        resource = reader.without_series(tree["resource"])
        key = self._key(tree["key"], (*place, "key"), inside)
        built = self.templates.resource(resource, (*place, "resource"), inside)
        order = self.optional(tree, "version_order", place, inside)
        guards = self._guards(tree.get("guard", ()), (*place, "guard"), inside)
        if built is None or key is None or group is None:
            return None
        varying = tuple(number for number, part in enumerate(key) if isinstance(part, Formula) and not part.fixed)
        root = reader.with_series(built[1], group, tree["resource"])
        return Emit(tree["id"], "grouped", built[0], root, key, varying, self.faults.position(place),
                    version_order=order, guards=guards, group=group)  # fmt: skip

    def optional(self, tree: dict[str, Any], key: str, place: Place, names: Names) -> Formula | None:
        """The formula under `key`, None when it is absent or faulty."""
        return self.formulas.compile(tree[key], (*place, key), names) if key in tree else None

    def variables(
        self, tree: dict[str, str], place: Place, names: Names, root: str
    ) -> tuple[tuple[tuple[str, Formula], ...], Names]:
        """The variables in their order, and the names with them; `root` says what their focus is."""
        found: list[tuple[str, Formula]] = []
        for name, text in tree.items():
            if name in names.variables or name in FACTS:
                self.faults.add_at_key("mapping.structure", (*place, name), problem=f"%{name} is there already")
            elif name in RESERVED:
                self.faults.add_at_key("mapping.structure", (*place, name), problem=f"%{name} is FHIRPath's own")
            formula = self.formulas.compile(text, (*place, name), names)
            sources: tuple[Source, ...] = ()
            if formula is not None:
                found.append((name, formula))
                if joins(formula.expression.ast) or not self.formulas.joined.isdisjoint(
                    variables_of(formula.expression.ast)
                ):
                    self.formulas.joined.add(name)
                sources = tuple(
                    replace(source, root=root) if source.root == "focus" else source for source in formula.sources
                )
            names = names.with_variable(name, sources, formula.found if formula else UNKNOWN)
        return tuple(found), names

    def _key(self, parts: Sequence[str], place: Place, names: Names) -> tuple[str | Formula, ...] | None:
        found: list[str | Formula | None] = []
        for index, part in enumerate(parts):
            if is_expression(part):
                found.append(self.formulas.compile(part, (*place, index), names))
            else:
                self.formulas.check_literal(part, (*place, index))
                found.append(str(literal(part)))
        return None if None in found else tuple(part for part in found if part is not None)

    def _guards(self, entries: Iterable[dict[str, str]], place: Place, names: Names) -> tuple[Guard, ...]:
        found = []
        for index, entry in enumerate(entries):
            formula = self.formulas.compile(entry["assert"], (*place, index, "assert"), names)
            if formula is not None:
                found.append(Guard(formula, entry["else"], entry["code"]))  # type: ignore[arg-type]
        return tuple(found)


def check_twins(trees: Sequence[dict[str, Any]], faults: FileFaults) -> None:
    """Notes emits that are the same but for their id: each resource would be made twice."""
    known: dict[str, str] = {}
    for index, tree in enumerate(trees):
        name = repr({key: value for key, value in tree.items() if key != "id"})
        if known.get(name, tree["id"]) != tree["id"]:
            faults.add("mapping.same-key", ("emit", index), emit=tree["id"], other=known[name])
        known.setdefault(name, tree["id"])


def order_emits(
    emits: Sequence[Emit], refs: Sequence[tuple[str, int, Place]], faults: FileFaults
) -> tuple[tuple[Emit, ...], tuple[Emit, ...], tuple[Emit, ...]]:
    """The emits before the records, for each record, and after the records, each in running order."""
    by_id = {emit.id: emit for emit in emits}
    places = _places(emits, refs, faults)
    needs = _needs(emits, refs, by_id, faults)
    ordered = _sorted(list(by_id), needs)
    if ordered is None:
        circle = _circle(needs)
        faults.add("mapping.emit-cycle", places[circle[0]], names=", ".join(circle))
        return (), tuple(emits), ()
    each = {emit.id for emit in emits if emit.mode == "per-record"}
    after: set[str] = set()
    for name in ordered:
        if name not in each and needs[name] & (each | after):
            after.add(name)
    for name in each:
        for needed in needs[name] & after:
            faults.add("mapping.emit-cycle", places[name], names=f"{name}, {needed}")
    return (
        tuple(by_id[name] for name in ordered if name not in each | after),
        tuple(by_id[name] for name in ordered if name in each),
        tuple(by_id[name] for name in ordered if name in after),
    )


def _needs(
    emits: Sequence[Emit], refs: Sequence[tuple[str, int, Place]], by_id: dict[str, Emit], faults: FileFaults
) -> dict[str, set[str]]:
    """Emit id -> ids of the emits that must have run; wrong uses of ref() are noted."""
    positions = {emit.position: emit.id for emit in emits}
    needs: dict[str, set[str]] = {name: set() for name in by_id}
    for name, given, place in refs:
        owner = positions.get(faults.position(place[:2])) if place[0] == "emit" else None
        if owner is None:
            if place[0] != "emit":
                faults.add("mapping.structure", place, problem="ref() belongs into an emit")
            continue
        if given == 0:
            needs[owner].add(name)
        elif name in by_id and given != len(by_id[name].varying):
            faults.add("mapping.ref-parts", place, name=name, wanted=len(by_id[name].varying), given=given)
    return {name: {needed for needed in wanted if needed in by_id} for name, wanted in needs.items()}


def _places(emits: Sequence[Emit], refs: Sequence[tuple[str, int, Place]], faults: FileFaults) -> dict[str, Place]:
    """Where the emits that refer to others stand."""
    positions = {emit.position: emit.id for emit in emits}
    found = [place[:2] for _, _, place in refs if place[0] == "emit"]
    return {positions[position]: place for place in found if (position := faults.position(place)) in positions}


def _circle(needs: dict[str, set[str]]) -> list[str]:
    """Emits that need each other in a circle, the first in the file first; there is one."""
    needs = {name: set(needed) for name, needed in needs.items()}
    while free := [name for name, needed in needs.items() if not needed]:
        needs = {name: needed - set(free) for name, needed in needs.items() if name not in free}
    name, walked = next(iter(needs)), list[str]()
    while name not in walked:
        walked.append(name)
        name = min(needs[name])
    circle = walked[walked.index(name) :]
    return sorted(circle, key=list(needs).index)


def _sorted(names: list[str], needs: dict[str, set[str]]) -> list[str] | None:
    """The names in the order of the file as far as needs allow; None when they form a circle."""
    ordered: list[str] = []
    left = list(names)
    while left:
        ready = next((name for name in left if needs[name] <= set(ordered)), None)
        if ready is None:
            return None
        ordered.append(ready)
        left.remove(ready)
    return ordered
