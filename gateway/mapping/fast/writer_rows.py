"""The writer of the loop over rows, what is the same for a kind moved out of it; see `single_shared`."""

import ast
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from operator import itemgetter

from gateway.fhirpath.syntax import nodes
from gateway.formats import Alike
from gateway.mapping.fast.folded import names_in
from gateway.mapping.fast.remembering import PURE
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_items import unwound
from gateway.mapping.fast.single_kind import NoRowsError, Shared, Unfilled
from gateway.mapping.fast.single_logic import holds
from gateway.mapping.fast.single_outer import Outer
from gateway.mapping.fast.single_rows import function_of_kind
from gateway.mapping.fast.writer_quick import write_quick
from gateway.mapping.kinds import Nevers, OfKinds
from gateway.mapping.lineage import plain_path, variables_of, walk
from gateway.mapping.loose import Odd
from gateway.mapping.plan import Emit, Formula, Plan

_START = """
L = focus.get(ITEMS)
R = () if L is None else scope.rows.get(id(L))
if R is None:
    raise ODD
K = set(map(KIND, R))
NONE = ALL.hold(K)
"""
_LOOP = """
SAVED = variables["index"]
INDEX = -1
"""
_FILL = "scope.fill()"
_HARMLESS = PURE | {"hl7Date", "hl7Time", "hl7TimeOfDay"}


def reads_rows(plan: Plan, alike: Alike) -> bool:
    """True for a plan that maps items which may be rows, and looks at them while it maps a record only.

    The last of its emits is about the record: that is where things made twice are told.
    """
    asked = [asked_of_rows(alike, emit.foreach) for emit in plan.each]
    first = next((number for number, found in enumerate(asked) if found is not None), None)
    path = plain_path(plan.records.expression.ast) if plan.records is not None else None
    if first is None or path is None or alike.items in path or plan.before or plan.after:
        return False
    later = [emit.foreach for emit in plan.each[first + 1 :] if emit.foreach is not None]
    zone = plan.zone.default
    return (
        plan.subject.per_record
        and plan.each[-1].foreach is None
        and not any("item" in variables_of(formula.expression.ast) for formula in later)
        and all(_is_of_others(formula, alike.items) for formula in _of_subject(plan))
        and (not isinstance(zone, Formula) or zone.fixed)
    )


def asked_of_rows(alike: Alike, foreach: Formula | None) -> tuple[nodes.Expr, ...] | None:
    """What rows are asked by a `foreach` over them, () for nothing; None where it goes over something else."""
    found = None if foreach is None or foreach.fixed else unwound(foreach.expression.ast)
    if found is None or found[0] != (alike.items,) or any(call.name != "where" for call in found[1]):
        return None
    return tuple(call.arguments[0] for call in found[1]) if len(found[1]) < 2 else None


def _of_subject(plan: Plan) -> list[Formula]:
    parts = (plan.subject.system, plan.subject.value, *(formula for _, formula in plan.subject.verify))
    return [part for part in parts if isinstance(part, Formula)]


def _is_of_others(formula: Formula, items: str) -> bool:
    """True for a formula that does not look at the items."""
    for node in walk(formula.expression.ast):
        match node:
            case nodes.Member(name=name) if name == items:
                return False
            case nodes.Call(name=name) if name not in _HARMLESS:
                return False
            case nodes.Variable() | nodes.Indexer() | nodes.TypeTest():
                return False
    return True


def start_rows(single: Singles, alike: Alike, module: list[ast.stmt]) -> None:
    """Writes what all reading of rows needs: the record's list, its rows, their kinds."""
    code = single.code
    single.unfilled = unfilled = Unfilled(
        alike, module, code.fresh("l"), code.fresh("l"), code.fresh(), code.fresh("g"), code.fresh("b")
    )
    with code.into(module):
        code.run("ALL = NEVERS()", ALL=unfilled.nevers, NEVERS=code.bind(Nevers))
    code.run(_START, L=unfilled.listed, R=unfilled.rows, K=unfilled.kinds, NONE=unfilled.none, ALL=unfilled.nevers,
             ITEMS=code.bind(alike.items), ODD=code.bind(Odd), KIND=code.bind(itemgetter(0)))  # fmt: skip


def write_rows(
    single: Singles, unfilled: Unfilled, emit: Emit, asked: tuple[nodes.Expr, ...], body: Callable[[str], None]
) -> Outer:
    """The loop over the rows; `body` writes what is made of an item. Raises `NoRowsError`.

    Returns what was made before it, which is known behind it as well.
    """
    code = single.code
    index, saved, row = code.fresh("n"), code.fresh(), code.fresh("row")
    code.run(_LOOP, SAVED=saved, INDEX=index)
    single.outer = outer = Outer([], single.known.copy(), emit.id)
    start = len(code.block)
    hole = code.emit("for ROW in ROWS:\n    ...", ROW=row, ROWS=unfilled.rows)
    with single.inside(hole, loop=True):
        single.shared = shared = Shared(unfilled.alike, code.fresh("item"), code.fresh("item"), row)
        kind, there = _unpack(single, shared), {*single.known.there}
        behind = len(hole)
        for test in asked:
            code.run("if not C:\n    continue", C=holds(single, test, shared.item))
        code.run("INDEX += 1", INDEX=index)
        single.place(index=index, item=shared.item)
        body(shared.item)
        single.shared = single.of_record
        turn = hole[behind:]
        before, quick = write_quick(code, shared, hole[:behind], there, turn)
        outer.block += before
        hole[behind:] = turn
        hole[behind:behind] = [*quick, *recalled(single, unfilled, shared, kind, hole)]
    if {shared.item, shared.base} & {node.id for node in names_in(hole)}:
        raise NoRowsError
    single.outer = None
    code.block[start:start] = outer.block
    code.run('variables["index"] = SAVED', SAVED=saved)
    single.known = outer.known
    return outer


def _unpack(single: Singles, shared: Shared) -> str:
    """Writes the locals of a row, and notes what is known of them; returns that of its kind."""
    locals_of = unpacked(single, shared.row, max(shared.alike.texts.values()) + 1)
    stand_for(single, shared.item, shared.alike.base, shared.base)
    single.known.there.add(shared.item)
    single.made(shared.item, dict)
    note_texts(single, shared.base, shared.alike.texts, locals_of, shared.alike.sure)
    return locals_of[0]


def unpacked(single: Singles, row: str, count: int) -> list[str]:
    """Writes the locals of a row."""
    code = single.code
    names = {f"T{number}": code.fresh() for number in range(count)}
    code.run(f"{', '.join(names)} = ROW", ROW=row, **names)
    return [*names.values()]


def stand_for(single: Singles, item: str, name: str, local: str) -> None:
    """Notes that a local stands for the object of an item."""
    single.known.paths[item, name] = local
    single.known.there.add(single.made(local, dict))


def note_texts(
    single: Singles, base: str, texts: Mapping[str, int], locals_of: Sequence[str], sure: Container[str]
) -> None:
    """Notes which locals of a row are the texts of an object; those that are `sure` are there, and not empty."""
    known = single.known
    for name, position in texts.items():
        local = known.paths[base, name] = single.made(locals_of[position], str)
        if name in sure:
            known.there.add(single.sure(local))


def recalled(single: Singles, unfilled: Unfilled, shared: Shared, kind: str, loop: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that look up what is the same for the kind; its function is written."""
    code = single.code
    often = _read_often(loop)
    made = [*dict.fromkeys(shared.made.values())]
    names = {f"M{number}": local for number, local in enumerate(made) if local in often}
    rest = {f"M{number}": local for number, local in enumerate(made) if local not in often}
    listed, seldom = (", ".join(some) + "," if some else "" for some in (names, rest))
    with code.into(shared.block):
        code.run(f"return ({listed} ({seldom}))", **names, **rest)
    remembered = function_of_kind(single, unfilled, shared.block, OfKinds)
    bundle = code.fresh()
    found: list[ast.stmt] = []
    with code.into(found):
        # A dict with `__missing__` is slow at `[]`.
        code.run(f"{listed} B = G.get(KIND) or G[KIND]".lstrip(), G=remembered, KIND=kind, B=bundle, **names)
    for block in _filling(loop) if rest else ():
        unpacked: list[ast.stmt] = []
        with code.into(unpacked):
            code.run(f"{seldom} = B", B=bundle, **rest)
        block[:0] = unpacked
    return found


def _filling(block: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The blocks that fill the lists, which few payloads ask for."""
    for statement in block:
        for inner in (getattr(statement, "body", []), getattr(statement, "orelse", [])):
            if any(isinstance(one, ast.Expr) and ast.unparse(one) == _FILL for one in inner):
                yield inner
            else:
                yield from _filling(inner)


def _read_often(block: Sequence[ast.stmt]) -> set[str]:
    """The names that are read elsewhere."""
    seldom = Counter(_names([one for inner in _filling(block) for one in inner]))
    return {*(Counter(_names(block)) - seldom)}


def _names(block: Sequence[ast.stmt]) -> Iterator[str]:
    return (node.id for node in names_in(block))
