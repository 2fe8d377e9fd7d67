"""The loop over rows once more, for the rows that are most: what goes before it in each turn.

Most results of a payload need the first branch of their choice alone, and what is said of few kinds (a second
identifier, a time of analysis) is not said of theirs. For a kind of which a row was found to be such, what few rows
need is left out: `folded` tells the statements again. A row of such a kind that is none after all goes the long way.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from gateway.fhirpath.emitter import Emitter
from gateway.mapping.fast.folded import Fact, Folding, StrangeError, is_pure, names_in
from gateway.mapping.fast.hoisted import hoisted
from gateway.mapping.fast.single_kind import Shared
from gateway.mapping.fast.tidied import nodes_of
from gateway.mapping.kinds import MAX_KINDS
from gateway.mapping.plan import remember

_LOOK_UP: Final = """
B = MEMORY.get(KIND)
if B is not None:
    ...
"""
_NOTE: Final = """
if TEST:
    KEEP(MEMORY, KIND, (LISTED))
"""
_NONE: Final[Mapping[Any, Any]] = MappingProxyType({})
_BLOCKS: Final = ("body", "orelse")

_Supposed: TypeAlias = dict[str, ast.Constant | Fact]


@dataclass(frozen=True, slots=True)
class _Turn:
    """The statements of a turn: `before` is told whether the first branch of the choice is taken, then `behind`.

    The latter have that branch in place of the choice; `branch` is its block in the loop, which ends with a `break`.
    """

    before: list[ast.stmt]
    test: ast.expr
    behind: list[ast.stmt]
    branch: list[ast.stmt]


def write_quick(
    code: Emitter, shared: Shared, start: Sequence[ast.stmt], there: set[str], loop: list[ast.stmt]
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What stands before the loop, and what comes first in each turn, where a choice has a branch that is told early.

    `start` are the statements that unpack a row, its kind first; of these locals those in `there` are not None. What
    is the same for all rows is taken out of the loop, and the first branch gets what notes a kind.
    """
    made = {*shared.made.values()}
    row = [one.id for one in names_in(start) if isinstance(one.ctx, ast.Store)]
    varying = {*row, *made, shared.row}
    outer = hoisted(loop, varying)
    turn = _turn(code, loop)
    if turn is None:
        return outer, []
    told = [*turn.before, ast.If(turn.test, [*turn.behind, ast.Continue()], [])]
    seldom = dict.fromkeys(_seldom(told, varying), Fact.FALSE)
    supposed = _supposed(turn.before, told, shared)
    known = {**dict.fromkeys(there, Fact.THERE), **_constants(outer), **seldom, **supposed}
    try:
        quick = _read(Folding(known, code.fresh).block(told))
    except StrangeError:
        return outer, []
    names = {f"V{number}": name for number, name in enumerate(sorted({one.id for one in names_in(quick)} & made))}
    listed = "".join(f"{name}, " for name in names)
    memory, some, bundle, noted = code.bind({}), code.fresh(), code.fresh(), list[ast.stmt]()
    with code.into(noted):
        code.run(_NOTE.replace("LISTED", listed), KEEP=code.bind(keep), MEMORY=memory, KIND=row[0],
                 TEST=_test(supposed), **names)  # fmt: skip
    turn.branch[-1:-1] = noted
    with code.into(outer):
        code.run("M = MEMORY if TEST else NONE", M=some, MEMORY=memory, NONE=code.bind(_NONE), TEST=_test(seldom))
    found: list[ast.stmt] = []
    with code.into(found):
        hole = code.emit(_LOOK_UP, B=bundle, MEMORY=some, KIND=row[0])
        with code.into(hole):
            if names:
                code.run(f"{listed} = B", B=bundle, **names)
            hole += map(ast.fix_missing_locations, quick)
    return outer, found


def _constants(statements: Sequence[ast.stmt]) -> _Supposed:
    """The locals that are assigned a constant."""
    return {one.targets[0].id: one.value for one in statements if isinstance(one, ast.Assign)
            and isinstance(one.targets[0], ast.Name) and isinstance(one.value, ast.Constant)}  # fmt: skip


def keep(memory: dict[Any, Any], kind: Any, made: tuple[Any, ...]) -> None:
    """Notes a kind with what its rows need; where there are too many, all others are forgotten."""
    if len(memory) >= MAX_KINDS:
        memory.clear()
    memory[kind] = made


def _turn(code: Emitter, loop: Sequence[ast.stmt]) -> _Turn | None:
    """The parts of a loop with a choice; None where what asks for its first branch comes too late."""
    at = next((number for number, one in enumerate(loop) if isinstance(one, ast.While)), None)
    choice = None if at is None else loop[at]
    if at is None or not isinstance(choice, ast.While) or not _is_true(choice.test):
        return None
    count = next((number for number, one in enumerate(choice.body) if isinstance(one, ast.If)), 0)
    asking, first = choice.body[:count], choice.body[count]
    if not isinstance(first, ast.If) or first.orelse or not _breaks_last(first.body):
        return None
    test = _joined(asking, first.test)
    if test is None:
        return None
    needed = {one.id for one in names_in([test])}
    ready = max((number for number, one in enumerate(loop[:at], 1) if needed & _stored(one)), default=0)
    counts = [one for one in loop[:ready] if isinstance(one, ast.AugAssign)]
    before = [one for one in loop[:ready] if not isinstance(one, ast.AugAssign)]
    counted = {name for one in counts for name in _stored(one)}
    if counted & {one.id for one in names_in(before)} or not all(_may_come_twice(code, one) for one in before):
        return None
    return _Turn(before, test, [*counts, *loop[ready:at], *first.body[:-1], *loop[at + 1 :]], first.body)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _breaks_last(block: Sequence[ast.stmt]) -> bool:
    """True where a block ends with its only `break`."""
    return isinstance(block[-1], ast.Break) and not any(map(_breaks, block[:-1]))


def _breaks(node: ast.stmt) -> bool:
    if isinstance(node, ast.Break):
        return True
    if isinstance(node, ast.While | ast.For):
        return False
    return any(_breaks(one) for name in _BLOCKS for one in getattr(node, name, ()))


def _joined(asking: Sequence[ast.stmt], test: ast.expr) -> ast.expr | None:
    """A test that is a local, or what is assigned to it just before; None where that does anything else."""
    match asking, test:
        case [], _ if is_pure(test):
            return test
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)], ast.Name(id=other) if name == other:
            return value if is_pure(value) else None
    return None


def _stored(statement: ast.stmt) -> set[str]:
    return {one.id for one in names_in([statement]) if isinstance(one.ctx, ast.Store)}


def _may_come_twice(code: Emitter, statement: ast.stmt) -> bool:
    """True for statements that assign locals alone, or keep what is remembered: they may be done once more."""
    match statement:
        case ast.Assign(targets=targets):
            return not any(isinstance(one, ast.Subscript | ast.Attribute) for one in targets)
        case ast.If(body=body, orelse=orelse):
            return all(_may_come_twice(code, one) for one in (*body, *orelse))
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return code.globals.get(name) is remember
    return isinstance(statement, ast.Raise | ast.Pass | ast.Continue)


# What is supposed of a kind


def _supposed(first: Sequence[ast.stmt], others: Sequence[ast.stmt], shared: Shared) -> _Supposed:
    """What is supposed of a kind: what is done for some kinds only is not, and what is asked `first` holds.

    To suppose what seldom holds costs no more than the long way.
    """
    made, kinds = {*shared.made.values()}, shared.known.kinds
    stand_for = {one.targets[0].id: one.value for one in first
                 if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)}  # fmt: skip
    found: dict[str, set[bool | Fact]] = {}
    for said, statements in ((_asked_by, first), (_done_by, others)):
        for node in (node for one in statements for node in nodes_of(one)):
            for test, fact in said(node):
                asked = stand_for.get(test.id, test) if isinstance(test, ast.Name) else test
                for name in _names_of(asked if fact is Fact.TRUE else test, fact):
                    if name in made and (kinds.get(name) is bool or isinstance(node, ast.IfExp)):
                        found.setdefault(name, set()).add(fact)
    facts = {name: one.pop() for name, one in found.items() if len(one) == 1}
    return {name: one if isinstance(one, Fact) else ast.Constant(one) for name, one in facts.items()}


def _asked_by(node: ast.AST) -> Iterator[tuple[ast.expr, bool | Fact]]:
    """Without what a value is None, or nothing is made of the row."""
    match node:
        case ast.IfExp(test=test, orelse=ast.Constant(value=None)):
            yield test, Fact.TRUE
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test), body=[ast.Continue()]):
            yield test, Fact.TRUE


def _done_by(node: ast.AST) -> Iterator[tuple[ast.expr, bool | Fact]]:
    """For what alone something is done: `if A`, `B = A` which is asked next, `if A is False` before what is."""
    match node:
        case ast.If(test=ast.Compare(left=test, ops=[ast.Is()], comparators=[ast.Constant(value=bool() as value)])):
            yield test, value
        case ast.If(test=test, orelse=[]) | ast.Assign(value=test) | ast.IfExp(test=test, body=ast.JoinedStr()):
            yield test, Fact.FALSE


def _names_of(test: ast.expr, fact: bool | Fact) -> Iterator[str]:
    """The locals of which all are true where a test is, or all false where it is false."""
    operator = ast.And if fact is Fact.TRUE else ast.Or
    for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, operator) else [test]:
        if isinstance(part, ast.Name):
            yield part.id


def _seldom(statements: Sequence[ast.stmt], varying: Collection[str]) -> Iterator[str]:
    """The locals that are the same for all rows, and on which alone depends what fills the lists."""
    stored = {*varying, *(name for one in statements for name in _stored(one))}
    for node in (node for one in statements for node in nodes_of(one)):
        if isinstance(node, ast.If) and not node.orelse:
            names = [*_names_of(node.test, Fact.FALSE)]
            if names and stored.isdisjoint(names) and any(map(_fills, nodes_of(node))):
                yield from names


def _fills(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="scope"), attr="fill"))):
            return True
    return False


def _test(supposed: Mapping[str, ast.Constant | Fact]) -> ast.expr:
    """What asks whether all that is supposed is so."""
    parts: list[ast.expr] = []
    for name, fact in supposed.items():
        read = ast.Name(name, ast.Load())
        if isinstance(fact, ast.Constant):
            parts.append(ast.Compare(read, [ast.Is()], [fact]))
        else:
            parts.append(read if fact is Fact.TRUE else ast.UnaryOp(ast.Not(), read))
    found = ast.BoolOp(ast.And(), parts) if len(parts) > 1 else parts[0] if parts else ast.Constant(True)
    return ast.fix_missing_locations(found)


# What is not read


def _read(block: list[ast.stmt]) -> list[ast.stmt]:
    """The same block without what only assigns to a local that nothing in it reads."""
    while _drop(block, {one.id for one in names_in(block) if isinstance(one.ctx, ast.Load)}):
        pass
    return block


def _drop(block: list[ast.stmt], read: set[str]) -> bool:
    """Drops statements from a block and those in it; whether there were any."""
    dropped = False
    for statement in block:
        for name in _BLOCKS:
            dropped |= _drop(getattr(statement, name, []), read)
    left = [one for one in block if not _is_idle(one, read)]
    dropped |= len(left) < len(block)
    block[:] = left
    return dropped


def _is_idle(statement: ast.stmt, read: set[str]) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name not in read and is_pure(value)
        case ast.If(test=test, body=[], orelse=[]):
            return is_pure(test)
    return False
