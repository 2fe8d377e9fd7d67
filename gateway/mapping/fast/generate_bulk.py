"""The members of a grouped emit read into columns in one pass, where they allow it."""

import ast
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.bulk import are_absent, gathered, keys_below
from gateway.mapping.fast.single_items import unwound
from gateway.mapping.fast.single_logic import logic
from gateway.mapping.fast.writer import Writer
from gateway.mapping.lineage import plain_path
from gateway.mapping.loose import ODDITIES
from gateway.mapping.plan import Emit, Formula, Group, Series
from gateway.mapping.scope import current

_Path: TypeAlias = tuple[str, ...]
_Paths: TypeAlias = tuple[_Path, tuple[_Path, bool], Sequence[_Path]]

_MOST_ASKED: Final = 2
"""Of how many names a pass over the members also tells whether they are there."""

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
    paths = time, value, [key for key in keys if key is not None]
    _found(writer, group, paths, members, found, _asked_later(writer, time))
    if narrow:
        # A member that lacks what the condition wants has no time either: it is left out when that was found missing.
        with writer.single.inside(code.emit("if FOUND is None:\n    ...", FOUND=found)):
            for name in narrow:
                code.run(_NARROW, MEMBERS=members, ITEM=code.fresh(), NAME=code.bind(name),
                         ODDITIES=code.bind(ODDITIES))  # fmt: skip
            _found(writer, group, paths, members, found)
    return found


def _found(writer: Writer, group: Group, paths: _Paths, members: str, found: str, absent: Sequence[str] = ()) -> None:
    """Writes one attempt to gather the members by the paths of time, value and keys, which are read in one pass.

    The pass also tells whether no member has one of the names `absent`.
    """
    code, (time, value, keys) = writer.code, paths
    holders = {path: path[:-1] for path in keys if _is_held(writer, path)}
    columns = {path: code.fresh("l") for path in (time, value[0], *(holders.get(path, path) for path in keys))}
    with code.into(code.emit(_TRY, FOUND=found, ODDITIES=code.bind(ODDITIES))):
        for column in columns.values():
            code.run("L = []", L=column)
        item, left = code.fresh("item"), code.fresh("u")
        if absent:
            asked: dict[str, str | ast.expr] = {f"N{number}": code.bind(name) for number, name in enumerate(absent)}
            code.run(f"LEFT = {{{', '.join(asked)}}}", LEFT=left, **asked)
        with code.into(code.emit("for ITEM in MEMBERS:\n    ...", ITEM=item, MEMBERS=members)):
            for name in absent:
                code.run("if NAME in ITEM:\n    LEFT.discard(NAME)", NAME=code.bind(name), ITEM=item, LEFT=left)
            _read(writer, columns, item)
        if absent:
            code.run("scope.columns.keep_absent(MEMBERS, LEFT)", MEMBERS=members, LEFT=left)
        parts: dict[str, str | ast.expr] = {}
        for number, path in enumerate(keys):
            part = parts[f"K{number}"] = columns[holders.get(path, path)]
            if path in holders:
                part = parts[f"K{number}"] = code.fresh("l")
                code.run("K = KEYS(scope.columns, MEMBERS, NAMES, L, NAME)", K=part, KEYS=code.bind(keys_below),
                         MEMBERS=members, NAMES=code.bind(holders[path]), L=columns[holders[path]],
                         NAME=code.bind(path[-1]))  # fmt: skip
        listed = "".join(f"{name}," for name in parts)
        code.run(f"FOUND = GATHERED(T, V, ({listed}), MEMBERS, SERIES, DIGITS) if MEMBERS else {{}}", FOUND=found,
                 T=columns[time], V=columns[value[0]], GATHERED=code.bind(gathered), MEMBERS=members,
                 SERIES=code.bind(group.series), DIGITS=code.bind(value[1]), **parts)  # fmt: skip


def _read(writer: Writer, columns: Mapping[_Path, str], item: str) -> None:
    """Writes how what stands at each path below an item comes into its column; no step is made twice."""
    code = writer.code
    for name in dict.fromkeys(path[0] for path in columns):
        below = {path[1:]: column for path, column in columns.items() if path[0] == name}
        steps: dict[str, str | ast.expr] = {"N": code.bind(name)}
        if len(below) > 1:
            step = code.fresh()
            code.run("V = ITEM[N]", V=step, ITEM=item, **steps)
            if () in below:
                code.run("L.append(V)", L=below.pop(()), V=step)
            _read(writer, below, step)
            continue
        ((rest, column),) = below.items()
        steps |= {f"N{number}": code.bind(name) for number, name in enumerate(rest)}
        code.run(f"L.append(ITEM{''.join(f'[{one}]' for one in steps)})", L=column, ITEM=item, **steps)


def _is_held(writer: Writer, path: _Path) -> bool:
    """True where the object that holds a part of the key is asked for by another emit."""
    plan, holder = writer.plan, path[:-1]
    records = plain_path(plan.records.expression.ast if plan.records else None) or ()
    others = (unwound(emit.foreach.expression.ast) for emit in (*plan.before, *plan.after) if emit.foreach)
    asked = {found[0] for found in others if found and any(call.name == "distinct" for call in found[1])}
    return bool(holder) and (*records, *holder) in asked


def _asked_later(writer: Writer, time: _Path) -> list[str]:
    """The names that `write_wanted` asks of the records in every unit; none that each member of the group has."""
    found: dict[str, None] = {}
    for emit in writer.plan.each:
        parts = leading(writer, None if emit.when_late else emit.when)
        present = [name for part in parts if (name := _name_of(part)) is not None]
        if not present:
            return []
        if not any(writer.single.is_fixed_test(part) for part in parts):
            found[present[0]] = None
    found.pop(time[0], None)
    return [*found][:_MOST_ASKED]


def _name_of(part: nodes.Call) -> str | None:
    """The name in `name.exists()`; None for anything else."""
    target = part.target if part.name == "exists" else None
    return target.name if isinstance(target, nodes.Member) and target.target is None else None


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
        found = f"[] if ABSENT(records, NAMES, SCOPE.get().columns) else {found}"
    code.run(f"return {found}", ABSENT=code.bind(are_absent), SCOPE=code.bind(current), **names)
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
        elif (present_name := _name_of(part)) is not None:
            names[name] = writer.code.bind(present_name)
            present.append(name)
    return fixed, present
