"""The fast function of a grouped emit: one pass over the members, then its resources.

What is usual is written out: plain paths to instants in whole seconds and UTC, and to whole numbers. Everything else
is evaluated as ever.
"""

import ast
from collections.abc import Callable, Iterator
from typing import Any

from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.generate_bulk import leading, write_bulk
from gateway.mapping.fast.single_known import Known
from gateway.mapping.fast.single_logic import logic
from gateway.mapping.fast.writer import Writer
from gateway.mapping.grouping import (
    SECONDS,
    Points,
    described,
    focus_of,
    hour,
    is_number,
    is_plain_number,
    moment,
    number_text,
    runs,
)
from gateway.mapping.lineage import plain_path
from gateway.mapping.loose import items_of, key_part, listed
from gateway.mapping.plan import Emit, Formula, Group, Series
from gateway.mapping.scope import Fault

_PATH_TIME = """
T = V.__class__ is str and HOURS.get(V[:14])
if T.__class__ is int and V[14:] in SECONDS:
    T += SECONDS[V[14:]]
else:
    T = HOUR(HOURS, V[:14]) if V.__class__ is str and V[14:] in SECONDS else None
    T = TIME(F(FOCUS, env())) if T is None else T + SECONDS[V[14:]]
"""
_PATH_NUMBER = """
if V.__class__ is int:
    T = str(V)
elif V is None:
    T = None
else:
    T = NUMBER(F(FOCUS, env()))
"""
_PATH_DIGITS = """
if V.__class__ is str and PLAIN(V):
    T = V
else:
    T = NUMBER(F(FOCUS, env()))
"""
_KEEP = """
TIMES.append(T)
VALUES.append(V)
MEMBERS.append(ITEM)
"""
_GROUP = """
P = GROUPS.get(K)
if P is None:
    P = GROUPS[K] = POINTS()
P.times.append(T)
P.values.append(V)
P.members.append(ITEM)
"""
_START = """
GROUPS = {}
HOURS = {}
P = POINTS()
TIMES = P.times
VALUES = P.values
MEMBERS = P.members
"""
_EACH = """
for ITEM in FOCUSES(SERIES, GROUPS, P, END):
    ...
"""
_END = """
def end(member):
    variables["record"] = variables["item"] = member
    ...
"""


def write_grouped(writer: Writer, emit: Emit, group: Group) -> None:
    """Writes the body of `run(focus)` for a grouped emit."""
    code = writer.code
    names = {name: code.fresh(name) for name in ("groups", "hours", "points", "times", "values", "members")}
    writer.start((emit,))
    code.run(_START, GROUPS=names["groups"], HOURS=names["hours"], P=names["points"], TIMES=names["times"],
             VALUES=names["values"], MEMBERS=names["members"], POINTS=code.bind(Points))  # fmt: skip
    for part in leading(writer, group.when):
        if writer.single.is_fixed_test(part):
            code.run("if not B:\n    return out", B=logic(writer.single, part, "focus"))
    members, block = code.fresh("l"), code.block
    if group.foreach is None:
        code.run('L = variables["records"]', L=members)
        found = write_bulk(writer, group, members) if writer.single.usual else None
        if found is not None:
            code.run("if R:\n    GROUPS = R", R=found, GROUPS=names["groups"])
            block = code.emit("if R is None:\n    ...", R=found)
    else:
        items = writer.single.items(group.foreach, "focus")
        code.run("L = ITEMS(V)", L=members, ITEMS=code.bind(items_of), V=items)
    with writer.single.inside(block):
        member = code.fresh("item")
        hole = code.emit("for ITEM in L:\n    ...", ITEM=member, L=members)
        with writer.single.inside(hole, loop=True):
            _member(writer, group, member, names)
    each = code.fresh("item")
    writer.single.forget()
    hole = code.emit(_EACH, ITEM=each, FOCUSES=code.bind(focuses), SERIES=code.bind(group.series),
                     GROUPS=names["groups"], P=names["points"], END=_write_end(writer, group))  # fmt: skip
    with writer.single.inside(hole, loop=True):
        writer.item(emit, each, "continue")
    code.run("return out")


def _write_end(writer: Writer, group: Group) -> str:
    """The function that tells what `first` or `last` is: the variables of a member, and itself as `record`."""
    code, single = writer.code, writer.single
    if not single.usual:
        code.run("end = lambda member: DESCRIBED(GROUP, member, variables, env())", DESCRIBED=code.bind(described),
                 GROUP=code.bind(group))  # fmt: skip
        return "end"
    with code.into(writer.prelude), single.inside(code.emit(_END)):
        single.known = Known()
        single.assign(group.vars, "member")
        code.run('made = {"record": member}')
        for name, _ in group.vars:
            value = single.known.variables[name]
            code.run("if V is not None:\n    made[NAME] = V", V=value, NAME=code.bind(name))
        code.run("return made")
    return "end"


def _member(writer: Writer, group: Group, member: str, names: dict[str, str]) -> None:
    """One member: its time, value and group, kept."""
    code = writer.code
    if group.used or group.by:
        code.run('variables["record"] = variables["item"] = ITEM', ITEM=member)
    writer.single.assign(group.used, member)
    writer.skip_unless(group.when, member, "continue")
    time = _time(writer, group, member, names["hours"])
    value: str | ast.expr = code.bind(None)
    if group.series is not None:
        value = _number(writer, group.series.value, member)
    if not group.by:
        code.run(_KEEP, T=time, V=value, ITEM=member, TIMES=names["times"], VALUES=names["values"],
                 MEMBERS=names["members"])  # fmt: skip
        return
    parts: dict[str, str | ast.expr] = {}
    for number, formula in enumerate(group.by):
        text = parts[f"K{number}"] = code.fresh()
        code.run("V = PART(L)", V=text, PART=code.bind(key_part), L=writer.single.value(formula, member))
    key = code.fresh()
    code.run(f"K = ({', '.join(parts)},)", K=key, **parts)
    code.run(_GROUP, P=code.fresh(), GROUPS=names["groups"], K=key, POINTS=code.bind(Points), T=time, V=value,
             ITEM=member)  # fmt: skip


def _time(writer: Writer, group: Group, member: str, hours: str) -> str:
    code, formula, time = writer.code, group.order, writer.code.fresh()
    read = _number_or_instant if group.series is None else _instant
    path = plain_path(formula.expression.ast)
    if path is None:
        code.run(
            "T = TIME(LISTED(L))",
            T=time,
            LISTED=code.bind(listed),
            TIME=code.bind(read),
            L=writer.single.value(formula, member),
        )
        return time
    value = writer.single.path(path, member)
    code.run(_PATH_TIME, T=time, V=value, HOURS=hours, SECONDS=code.bind(SECONDS), HOUR=code.bind(hour),
             TIME=code.bind(read), F=code.bind(formula.expression.evaluate), FOCUS=member)  # fmt: skip
    return time


def _number(writer: Writer, formula: Formula, member: str) -> str:
    code, text = writer.code, writer.code.fresh()
    tree, template = formula.expression.ast, _PATH_NUMBER
    if isinstance(tree, nodes.Call) and tree.name == "toDecimal" and tree.target is not None:
        tree, template = tree.target, _PATH_DIGITS
    path = plain_path(tree)
    if path is None:
        code.run(
            "T = NUMBER(LISTED(L))",
            T=text,
            LISTED=code.bind(listed),
            NUMBER=code.bind(_text),
            L=writer.single.value(formula, member),
        )
        return text
    value = writer.single.path(path, member)
    names: dict[str, str | ast.expr] = {"T": text, "V": value, "NUMBER": code.bind(_text), "FOCUS": member}
    names["F"] = code.bind(formula.expression.evaluate)
    if template is _PATH_DIGITS:
        names["PLAIN"] = code.bind(is_plain_number)
    code.run(template, **names)
    return text


def focuses(
    series: Series | None, groups: dict[Any, Points], single: Points, end: Callable[[Any], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What the template sees for each run of each group; `end` tells what the first and the last member are."""
    for points in (single, *groups.values()):
        if not points.members:
            continue
        found, irregular = runs(points, series)
        if irregular and series is not None and series.refuses:
            raise Fault("mapping.series-irregular")
        for run in found:
            # The first one last: findings about the run are told at its place.
            last = end(run.members[-1]) if len(run.members) > 1 else None
            first = end(run.members[0])
            yield focus_of(run, first, first if last is None else last)


def _instant(values: list[Any]) -> int:
    return _number_or_instant(values, numbers=False)


def _number_or_instant(values: list[Any], *, numbers: bool = True) -> int:
    found = moment(values, numbers=numbers)
    if found is None:
        raise Fault("mapping.wrong-value")
    return found


def _text(values: list[Any]) -> str | None:
    if not is_number(values):
        raise Fault("mapping.wrong-value")
    return number_text(values)
