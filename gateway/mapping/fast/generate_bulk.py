"""The members of a grouped emit read as columns, `[item["a"]["b"] for item in members]`, where they allow it."""

import ast
from collections.abc import Sequence
from typing import TypeAlias

from gateway.fhirpath.syntax import nodes
from gateway.mapping.columns import column
from gateway.mapping.fast.bulk import are_absent, gathered
from gateway.mapping.fast.single_items import unwound
from gateway.mapping.fast.single_logic import logic
from gateway.mapping.fast.writer import Writer
from gateway.mapping.lineage import plain_path
from gateway.mapping.loose import ODDITIES
from gateway.mapping.plan import Emit, Formula, Group, Series

_Path: TypeAlias = tuple[str, ...]
_Paths: TypeAlias = tuple[_Path, tuple[_Path, bool], Sequence[_Path | None]]

_TRY = """
try:
    ...
except ODDITIES:
    FOUND = None
"""
_NARROW = """
try:
    MEMBERS = [ITEM for ITEM in MEMBERS if ITEM.get(NAME) is not None]
except ODDITIES:
    pass
"""


def write_bulk(writer: Writer, group: Group, members: str) -> str | None:
    """The local that holds the groups by their keys, None where the members must be taken one by one.

    None when the emit is of another kind than this is for.
    """
    series, code = group.series, writer.code
    if series is None or group.used or group.foreach is not None:
        return None
    time, value, needed = plain_path(series.time.expression.ast), _number(series), _needed(writer, group.when)
    keys = [_key(formula) for formula in group.by]
    if time is None or value is None or needed is None or None in keys:
        return None
    if any(path != time[: len(path)] for path in needed):
        return None
    found, narrow = code.fresh(), [path[0] for path in needed if len(path) == 1]
    _found(writer, group, (time, value, keys), members, found)
    if narrow:
        # A member that lacks what the condition wants has no time either: it is left out when that was found missing.
        with writer.single.inside(code.emit("if FOUND is None:\n    ...", FOUND=found)):
            for name in narrow:
                code.run(_NARROW, MEMBERS=members, ITEM=code.fresh(), NAME=code.bind(name),
                         ODDITIES=code.bind(ODDITIES))  # fmt: skip
            _found(writer, group, (time, value, keys), members, found)
    return found


def _found(writer: Writer, group: Group, paths: _Paths, members: str, found: str) -> None:
    """Writes one attempt to gather the members by the paths of time, value and keys."""
    code, (time, value, keys) = writer.code, paths
    with code.into(code.emit(_TRY, FOUND=found, ODDITIES=code.bind(ODDITIES))):
        below = members
        if len(time) > 1 and len(value[0]) > 1 and time[0] == value[0][0]:
            below, time, value = _column(writer, time[:1], members), time[1:], (value[0][1:], value[1])
        times, values = _column(writer, time, below), _column(writer, value[0], below)
        columns = {f"K{number}": _key_column(writer, key or (), members) for number, key in enumerate(keys)}
        listed = "".join(f"{name}," for name in columns)
        code.run(f"FOUND = GATHERED(T, V, ({listed}), MEMBERS, SERIES, DIGITS) if MEMBERS else {{}}", FOUND=found,
                 T=times, V=values, GATHERED=code.bind(gathered), MEMBERS=members, SERIES=code.bind(group.series),
                 DIGITS=code.bind(value[1]), **columns)  # fmt: skip


def _column(writer: Writer, path: tuple[str, ...], members: str) -> str:
    code, column = writer.code, writer.code.fresh("l")
    names: dict[str, str | ast.expr] = {f"N{number}": code.bind(name) for number, name in enumerate(path)}
    steps = "".join(f"[{name}]" for name in names)
    code.run(f"L = [ITEM{steps} for ITEM in MEMBERS]", L=column, ITEM=code.fresh(), MEMBERS=members, **names)
    return column


def _key_column(writer: Writer, path: tuple[str, ...], members: str) -> str:
    """The column of a part of the key; where the object that holds it is asked for by another emit, read once."""
    plan, holder = writer.plan, path[:-1]
    records = plain_path(plan.records.expression.ast if plan.records else None) or ()
    others = (unwound(emit.foreach.expression.ast) for emit in (*plan.before, *plan.after) if emit.foreach)
    asked = {found[0] for found in others if found and any(call.name == "distinct" for call in found[1])}
    if not holder or (*records, *holder) not in asked:
        return _column(writer, path, members)
    code, found = writer.code, writer.code.fresh("l")
    code.run("L = COLUMN(scope.columns, MEMBERS, NAMES)", L=found, COLUMN=code.bind(column), MEMBERS=members,
             NAMES=code.bind(holder))  # fmt: skip
    return _column(writer, path[-1:], found)


def _number(series: Series) -> tuple[tuple[str, ...], bool] | None:
    """The path of the value, and whether it is read from a text of digits."""
    tree: nodes.Expr | None = series.value.expression.ast
    digits = isinstance(tree, nodes.Call) and tree.name == "toDecimal" and not tree.arguments
    if isinstance(tree, nodes.Call):
        tree = tree.target if digits else None
    path = plain_path(tree)
    return None if path is None else (path, digits)


def _key(formula: Formula) -> tuple[str, ...] | None:
    """The path of a key part: `a.b`, or `coalesce(a.b, '')`, which is the same where it is there."""
    tree = formula.expression.ast
    if isinstance(tree, nodes.Call) and tree.name == "coalesce" and tree.target is None:
        first, *rest = tree.arguments
        return plain_path(first) if all(isinstance(part, nodes.Literal) for part in rest) else None
    return plain_path(tree)


def _needed(writer: Writer, when: Formula | None) -> list[tuple[str, ...]] | None:
    """The paths that must exist for a member, its fixed conditions left out; None for other conditions."""
    found = []
    for part in conditions(when):
        if writer.single.is_fixed_test(part):
            continue
        path = plain_path(part.target) if isinstance(part, nodes.Call) and part.name == "exists" else None
        if path is None or (isinstance(part, nodes.Call) and part.arguments):
            return None
        found.append(path)
    return found


def conditions(when: Formula | None) -> tuple[nodes.Expr, ...]:
    """The parts of a condition that are joined by `and`."""
    if when is None:
        return ()
    tree = when.expression.ast
    return tree.operands if isinstance(tree, nodes.Chain) and tree.operator == "and" else (tree,)


def leading(writer: Writer, when: Formula | None) -> list[nodes.Call]:
    """The parts that a condition starts with, as far as they are `a.b.exists()` or the same in the unit.

    Where one of them is false nothing that stands behind it is evaluated, so that nothing can be to report.
    """
    found: list[nodes.Call] = []
    for part in conditions(when):
        if not isinstance(part, nodes.Call) or part.name not in ("exists", "empty") or part.arguments:
            break
        if not writer.single.is_fixed_test(part) and plain_path(part.target) is None:
            break
        found.append(part)
    return found


def write_wanted(writer: Writer, emits: Sequence[Emit]) -> bool:
    """Writes which records something may be made of: what the conditions of all emits start with tells it cheaply.

    Writes nothing of use, and returns False, where it cannot be told.
    """
    code = writer.code
    names: dict[str, str | ast.expr] = {
        "ITEM": code.fresh("item"),
        "NUMBER": code.fresh("n"),
        "NAMES": code.fresh("u"),
    }
    tests, asked = [], []
    for emit in emits:
        fixed, present = _tests(writer, emit, names)
        if not fixed and not present:
            return False
        tests.append(" and ".join([*fixed, *(f"ITEM.get({name}) is not None" for name in present)]))
        asked += [f"*([{name}] if {' and '.join(fixed) or True} else [])" for name in present[:1]]
    found = f"[NUMBER for NUMBER, ITEM in enumerate(records) if {' or '.join(tests)}]"
    if len(asked) == len(tests):
        code.run(f"NAMES = ({', '.join(asked)},)", **names)
        found = f"[] if ABSENT(records, NAMES) else {found}"
    code.run(f"return {found}", ABSENT=code.bind(are_absent), **names)
    return True


def _tests(writer: Writer, emit: Emit, names: dict[str, str | ast.expr]) -> tuple[list[str], list[str]]:
    """What must hold in the unit, and the names that a record must have, for an emit to make anything of it."""
    fixed: list[str] = []
    present: list[str] = []
    for part in leading(writer, None if emit.when_late else emit.when):
        name = f"X{len(names)}"
        if writer.single.is_fixed_test(part):
            names[name] = logic(writer.single, part, "None")
            fixed.append(name)
        elif part.name == "exists" and isinstance(part.target, nodes.Member) and part.target.target is None:
            names[name] = writer.code.bind(part.target.name)
            present.append(name)
    return fixed, present
