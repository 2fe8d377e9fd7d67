"""The gate before mapping, record by record: what fits of a payload that does not fit its schema as a whole.

One record of a wrong form must not keep its page out. The records are taken out of a copy; where the rest fits, they
are put back in halves, until those are found with which it does not. How the schema is built is not looked at, so any
one will do, and what comes out fits all of it, or there is nothing. A payload that fits never comes here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from gateway.core import Issue, issue
from gateway.formats import Decoded, Pointer
from gateway.mapping.facts import MappedUnit
from gateway.mapping.language.payload_schema import Schema
from gateway.mapping.scope import Spent, Work, size_of

MAX_LEFT_OUT: Final = 1_000
"""With more records than this that do not fit, it is not the records: the payload is refused."""

MAX_ISSUES: Final = 1_000
"""How many differences of the records of one payload are listed."""

_MAX_DEPTH: Final = 64
"""How deep in a payload records are looked for."""

Locate: TypeAlias = Callable[[Pointer], str]
_Holder: TypeAlias = list[Any] | dict[str, Any]


class Fitting(Struct, frozen=True):
    """The payload without the records that do not fit, positions as the sender knows them, and the unit of those."""

    decoded: Decoded
    left_out: MappedUnit


def fitting(schema: Schema, decoded: Decoded, records: Sequence[Any], work: Work) -> Fitting | None:
    """What fits of a payload that does not; None where no record stands, or where it is not its records.

    `records` are nodes of the payload, or what `entries()` made of such; others are part of the rest.
    """
    tree = decoded.tree
    pointers = _places(tree, records)
    if not pointers:
        return None
    judge = _Judge(schema, tree, pointers, work)
    try:
        wrong = judge.wrong()
    except Spent:
        return None
    if wrong is None or len(wrong) == len(pointers):
        return None
    rest = _without(tree, _branches(wrong), {}, ())
    if not schema.accepts(rest):
        return None
    issues = tuple(judge.told(wrong, decoded.locate))
    unit = MappedUnit(None, decoded.locate(wrong[0]), len(wrong), issues=issues)
    return Fitting(Decoded(rest, _as_sent(tree, wrong, decoded.locate)), unit)


def _places(tree: Any, records: Sequence[Any]) -> list[Pointer]:
    """Where the records are, level by level, those in others left aside; [] where the payload is one of them.

    A value that is no object, in a list of records, is a record that is none.
    """
    sought = {id(one) for one in records if isinstance(one, dict | list)}
    sought |= {id(one["value"]) for one in records if isinstance(one, dict) and one.keys() == {"key", "value"}}
    found: list[Pointer] = []
    level: list[tuple[Pointer, Any]] = []
    if isinstance(tree, dict | list) and id(tree) not in sought:
        level.append(((), tree))
    for _ in range(_MAX_DEPTH):
        below = []
        for pointer, node in level:
            children = list(node.items() if isinstance(node, dict) else enumerate(node))
            holds = isinstance(node, list) and any(id(child) in sought for _, child in children)
            for key, child in children:
                inner = isinstance(child, dict | list)
                if id(child) in sought if inner else holds:
                    found.append((*pointer, key))
                elif inner:
                    below.append(((*pointer, key), child))
        level = below
    return found


class _Judge:
    """Judges records of a payload beside all of it that is no record."""

    def __init__(self, schema: Schema, tree: Any, pointers: Sequence[Pointer], work: Work) -> None:
        self._schema = schema
        self._holders: dict[Pointer, _Holder] = {}
        self._bare = _without(tree, _branches(pointers), self._holders, ())
        self._pointers = pointers
        self._nodes = {pointer: _at(tree, pointer) for pointer in pointers}
        self._work = work
        self._size = size_of(self._bare)

    def wrong(self) -> list[Pointer] | None:
        """The records that do not fit; None where the rest alone does not, or there are too many."""
        found: list[Pointer] = []
        waiting: list[Sequence[Pointer]] = [self._pointers]
        if not self._fits(()):
            return None
        while waiting:
            some = waiting.pop()
            if self._fits(some):
                continue
            if len(some) > 1:
                half = len(some) // 2
                waiting += (some[half:], some[:half])
                continue
            found.append(some[0])
            if len(found) > MAX_LEFT_OUT:
                return None
        return found

    def told(self, wrong: Sequence[Pointer], locate: Locate) -> Iterator[Issue]:
        """How the records differ, in the order of the payload; those that are not listed are counted."""
        count = 0
        for pointer in wrong:
            for path, problem in self._differences(pointer):
                count += 1
                if count <= MAX_ISSUES:
                    yield issue("mapping.record-invalid", source=locate(path), problem=problem)
        if count > MAX_ISSUES:
            yield issue("mapping.more-findings", count=count - MAX_ISSUES)

    def _differences(self, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
        """Position and problem: in the record, or its own position for one that is told of what it is in."""
        self._put((pointer,))
        holder, depth = self._holders[pointer[:-1]], len(pointer)
        key = len(holder) - 1 if isinstance(holder, list) else pointer[-1]
        try:
            for found in self._schema.differences(self._bare):
                inside = len(found.path) > depth and found.path[depth - 1] == key
                yield (*pointer, *(found.path[depth:] if inside else ())), found.problem
        finally:
            self._take((pointer,))

    def _fits(self, some: Sequence[Pointer]) -> bool:
        self._work.spend(self._size + len(some))
        self._put(some)
        try:
            return self._schema.accepts(self._bare)
        finally:
            self._take(some)

    def _put(self, some: Sequence[Pointer]) -> None:
        for pointer in some:
            holder = self._holders[pointer[:-1]]
            if isinstance(holder, list):
                holder.append(self._nodes[pointer])
            else:
                holder[str(pointer[-1])] = self._nodes[pointer]

    def _take(self, some: Sequence[Pointer]) -> None:
        for pointer in some:
            holder = self._holders[pointer[:-1]]
            if isinstance(holder, list):
                holder.pop()
            else:
                del holder[str(pointer[-1])]


def _branches(pointers: Sequence[Pointer]) -> dict[Any, Any]:
    """The pointers as a tree: what is below a key, None where one ends."""
    tree: dict[Any, Any] = {}
    for pointer in pointers:
        node = tree
        for step in pointer[:-1]:
            node = node.setdefault(step, {})
        node[pointer[-1]] = None
    return tree


def _without(node: Any, branches: dict[Any, Any], holders: dict[Pointer, _Holder], pointer: Pointer) -> Any:
    """The node without what the branches end at: a copy as far as they go; `holders` gets the copies."""
    children: Iterable[tuple[Any, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
    kept = [
        (key, _without(child, branches[key], holders, (*pointer, key)) if key in branches else child)
        for key, child in children
        if branches.get(key, ...) is not None
    ]
    made: _Holder = dict(kept) if isinstance(node, dict) else [child for _, child in kept]
    holders[pointer] = made
    return made


def _at(tree: Any, pointer: Pointer) -> Any:
    for step in pointer:
        tree = tree[step]
    return tree


def _as_sent(tree: Any, gone: Sequence[Pointer], locate: Locate) -> Locate:
    """What locates the nodes of the tree without the records that are gone."""
    lists: dict[Pointer, set[str | int]] = {}
    for pointer in gone:
        lists.setdefault(pointer[:-1], set()).add(pointer[-1])
    kept = {
        pointer: [number for number in range(len(holder)) if number not in left_out]
        for pointer, left_out in lists.items()
        if isinstance(holder := _at(tree, pointer), list)
    }

    def found(pointer: Pointer) -> str:
        sent: Pointer = ()
        for step in pointer:
            numbers = kept.get(sent, ())
            sent = (*sent, numbers[step] if isinstance(step, int) and step < len(numbers) else step)
        return locate(sent)

    return found
