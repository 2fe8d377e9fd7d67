"""What a mapping reads and writes, element by element, from its plan: for specifications and coverage."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from gateway.core import dumps
from gateway.mapping.lineage import asked_of
from gateway.mapping.plan import Choice, Constant, Emit, Formula, Items, Map, Node, Plan, Series, Source, Value
from gateway.mapping.tools.entries import ANY, entries_read

Path: TypeAlias = tuple[str, ...]
"""Names from the root of a payload; lists have no name of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: the element that it writes, from which expression (or constant) and payload paths, and when."""

    emit: str
    element: str
    expression: str
    paths: tuple[str, ...]
    condition: str
    position: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the paths of an expression start."""

    record: Path
    item: Path
    focus: Path


def rows(plan: Plan) -> tuple[Row, ...]:
    """Every rule of the templates and keys, in the order of the file."""
    record = _records(plan)[0]
    return tuple(row for emit in emits_of(plan) for row in _Account(plan, emit, record).rows())


def paths_read(plan: Plan) -> frozenset[Path]:
    """Every path whose value the mapping uses; what only leads to records or items is none.

    `*` in a path is any name. To ask whether there are records reads none of them, and what `match` alone asks for is
    read where nothing below it is.
    """
    found: set[Path] = set()
    for record in _records(plan):
        found.update(_read_from(plan, record))
    found.difference_update(record[:length] for record in _records(plan) for length in range(len(record) + 1))
    above = {path[:length] for path in found for length in range(len(path))}
    asked = _absolute(plan.match, _Place((), (), ())) if plan.match else []
    return frozenset(found.union(path for path in asked if path not in above)) - {()}


def _read_from(plan: Plan, record: Path) -> Iterator[Path]:
    place = _Place(record, record, record if plan.subject.per_record else ())
    for formula in plan.subject.formulas:
        yield from _absolute(formula, place)
    if plan.records is not None:
        yield from (_path(one, _Place((), (), ())) for one in asked_of(plan.records.expression.ast, {}))
    for emit in emits_of(plan):
        yield from _Account(plan, emit, record).read()


def is_read(leaf: Path, read: frozenset[Path]) -> bool:
    """True when the value itself, or an object that holds it, is read."""
    return any(leaf[:length] in read for length in range(1, len(leaf) + 1)) or any(
        len(path) <= len(leaf) and all(name in (ANY, own) for name, own in zip(path, leaf, strict=False))
        for path in read
        if ANY in path
    )


def emits_of(plan: Plan) -> tuple[Emit, ...]:
    """Every emit, in the order of the file."""
    found = (*plan.before, *plan.each, *plan.after)
    return tuple(sorted(found, key=lambda emit: [int(part) for part in emit.position.rsplit(":", 2)[1:]]))


def _records(plan: Plan) -> tuple[Path, ...]:
    """Where the records are: at the first of these paths that the payload has; also below any name."""
    if plan.records is None or not plan.records.sources:
        return ((),)
    paths = [source.names for source in plan.records.sources]
    walked = [source.names for source in entries_read(plan.records, {})]
    return (*(path for path in paths if len(path) < 2 or path[:-1] not in paths), *walked)


def _absolute(formula: Formula, place: _Place) -> list[Path]:
    return [_path(source, place) for source in formula.sources]


def _path(source: Source, place: _Place) -> Path:
    bases = {"focus": place.focus, "item": place.item, "payload": ()}
    base = bases.get(source.root, place.record)
    of_entry = base[-1:] == (ANY,) and source.names[:1] == ("value",)
    return (*base, *source.names[1:]) if of_entry else (*base, *source.names)


class _Account:
    """The rules of one emit."""

    def __init__(self, plan: Plan, emit: Emit, record: Path) -> None:
        start = record if emit.mode == "per-record" else ()
        foreach = emit.group.foreach if emit.group else emit.foreach
        members = record if emit.group and foreach is None else start
        outside = _Place(record, start, start)
        item = _below(foreach, outside) if foreach else members
        self.emit = emit
        self._known = _paths_of(plan.vars, "record") | _paths_of(emit.vars, "item")
        self._taken = list(self._walked(foreach, outside)) if foreach else []
        self.place = _Place(item if emit.group else record, item, item)
        self._vars = plan.vars if emit.mode == "per-record" else ()

    def rows(self) -> Iterator[Row]:
        for number, part in enumerate(self.emit.key):
            yield self._row(f"(key {number + 1})", part, self.place, "")
        yield from self._node(self.emit.root, self.emit.type, self.place, "")

    def read(self) -> Iterator[Path]:
        emit, group = self.emit, self.emit.group
        formulas = [emit.when, emit.version_order, *(guard.formula for guard in emit.guards)]
        formulas += [formula for _, formula in (*self._vars, *emit.vars)]
        if group:
            formulas += [group.when, group.order, *group.by, *(formula for _, formula in group.vars)]
        for formula in (*formulas, *(part for part in emit.key if isinstance(part, Formula))):
            if formula is not None:
                yield from self._of(formula, self.place)
        yield from self._taken
        yield from self._read(emit.root, self.place)

    def _walked(self, foreach: Formula, place: _Place) -> Iterator[Path]:
        """What a loop reads itself: the entries that it walks, and what its filters ask for."""
        tree = foreach.expression.ast
        yield from (_path(one, place) for one in entries_read(foreach, self._known))
        yield from (_path(one, place) for one in asked_of(tree, self._known))

    def _of(self, formula: Formula, place: _Place) -> Iterator[Path]:
        """What the formula reads: a variable that holds entries was read where it was made."""
        taken = [_path(source, place) for source in entries_read(formula, self._known)]
        yield from taken or _absolute(formula, place)

    def _read(self, node: Node | Series, place: _Place) -> Iterator[Path]:
        match node:
            case Value(formula=formula):
                yield from self._of(formula, place)
            case Series(time=time, value=value):
                yield from (*self._of(time, place), *self._of(value, place))
            case Items(nodes=children):
                for child in children:
                    yield from self._read(child, place)
            case Choice(branches=branches):
                for branch in branches:
                    yield from self._of(branch.when, place) if branch.when else ()
                    yield from self._read(branch.node, place) if branch.node else ()
            case Map():
                inner = _inside(node, place)
                if node.foreach:
                    yield from self._walked(node.foreach, place)
                yield from self._of(node.when, inner) if node.when else ()
                for _, below in node.fields:
                    yield from self._read(below, inner)

    def _node(self, node: Node | Series, path: str, place: _Place, condition: str) -> Iterator[Row]:
        match node:
            case Constant(value=value, position=position):
                yield Row(self.emit.id, path, dumps(value).decode(), (), condition, position)
            case Value(formula=formula):
                yield self._row(path, formula, place, condition)
            case Series(value=value, position=position):
                yield replace(self._row(path, value, place, condition), position=position)
            case Items(nodes=children):
                for child in children:
                    yield from self._node(child, f"{path}[]", place, condition)
            case Choice():
                yield from self._choice(node, path.rpartition(".")[0], place, condition)
            case Map(fields=fields, when=when, foreach=foreach):
                inner, told = _inside(node, place), _both(condition, when)
                repeats = foreach is not None and not path.endswith("[]")
                for name, below in fields:
                    yield from self._node(below, f"{path}{'[]' if repeats else ''}.{name}", inner, told)

    def _choice(self, node: Choice, stem: str, place: _Place, condition: str) -> Iterator[Row]:
        for branch in node.branches:
            if branch.node is not None:
                told = _both(condition, branch.when)
                yield from self._node(branch.node, f"{stem}.{branch.key}", place, told)

    def _row(self, path: str, part: str | Formula, place: _Place, condition: str) -> Row:
        if isinstance(part, str):
            return Row(self.emit.id, path, part, (), condition, self.emit.position)
        found = dict.fromkeys(".".join(one) for one in _absolute(part, place) if one)
        return Row(self.emit.id, path, f"={part.text}", tuple(found), condition, part.position)


def _paths_of(variables: Iterable[tuple[str, Formula]], root: str) -> dict[str, tuple[Source, ...]]:
    """The paths of variables, those from the focus at what it is: the record, or the item."""
    return {
        name: tuple(replace(source, root=root) if source.root == "focus" else source for source in formula.sources)
        for name, formula in variables
    }


def _inside(node: Map, place: _Place) -> _Place:
    return _Place(place.record, place.item, _below(node.foreach, place)) if node.foreach else place


def _below(formula: Formula | None, place: _Place) -> Path:
    found = _absolute(formula, place) if formula else []
    return found[0] if found else place.focus


def _both(condition: str, when: Formula | None) -> str:
    return " and ".join(part for part in (condition, when.text if when else "") if part)
