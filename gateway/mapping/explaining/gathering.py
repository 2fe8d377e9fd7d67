"""Grouped emits in the explaining walk: members into groups, groups into runs, each finding with its place."""

from collections.abc import Iterator
from typing import Any

from gateway.mapping.explaining.walk import Dropped, Made, Walk
from gateway.mapping.grouping import Points, Run, as_object, focus_of, is_number, moment, number_text, runs
from gateway.mapping.plan import Emit, Formula, Group
from gateway.mapping.values import key_text


def explained(walk: Walk, emit: Emit, payload: Any) -> Iterator[Made]:
    """What an emit that does not run for each record makes of the unit, by the walk."""
    if emit.group is None:
        yield from walk.run_emit(emit, payload)
        return
    walk.begin(emit)
    yield from walk.run_items(emit, _focuses(walk, emit, emit.group, payload))


def _focuses(walk: Walk, emit: Emit, group: Group, payload: Any) -> Iterator[Any]:
    """What the template sees for each run of each group, in the order in which the groups begin."""
    try:
        members = walk.items(group.foreach, payload) if group.foreach else walk.variables["records"]
    except Dropped:
        return
    groups: dict[tuple[str, ...], Points] = {}
    for member in members:
        walk.variables |= {"record": member, "item": member}
        try:
            _join(walk, emit, group, member, groups)
        except Dropped:
            continue
    for points in groups.values():
        yield from _runs(walk, group, points)


def _join(walk: Walk, emit: Emit, group: Group, member: Any, groups: dict[tuple[str, ...], Points]) -> None:
    """Puts a member, where its `when` holds, into its group."""
    if not walk.assign(group.used, member):
        raise Dropped
    if not walk.holds(group.when, member):
        return
    time = moment(walk.evaluate(group.order, member), numbers=group.series is None)
    if time is None:
        what = "the order of a group, one time or whole number of each member,"
        hint = "Leave members without one out by `when`"
        walk.find("mapping.wrong-value", group.order.position, group.order, member, what=what, hint=hint)
        return
    text = None
    if group.series is not None:
        value = group.series.value
        values = walk.evaluate(value, member)
        if not is_number(values):
            walk.find("mapping.wrong-value", value.position, value, member, what="the value of a series")
            return
        text = number_text(values)
    key = tuple([_part(walk, emit, part, number, member) for number, part in enumerate(group.by)])
    points = groups.setdefault(key, Points())
    points.times.append(time)
    points.values.append(text)
    points.members.append(member)


def _part(walk: Walk, emit: Emit, part: Formula, number: int, member: Any) -> str:
    values = walk.evaluate(part, member)
    text = key_text(values[0]) if len(values) == 1 else None
    if text is None:
        rule = "mapping.multiple-values" if len(values) > 1 else "mapping.key-empty"
        walk.find(
            rule, part.position, part, member, action="quarantine", part=number + 1, emit=f"the group of {emit.id}"
        )
        raise Dropped
    return text


def _runs(walk: Walk, group: Group, points: Points) -> Iterator[Any]:
    found, irregular = runs(points, group.series)
    if irregular and group.series is not None and group.series.refuses:
        member = found[0].members[0]
        walk.variables |= {"item": member, "record": member}
        try:
            walk.find("mapping.series-irregular", group.series.position, group.order, member)
        except Dropped:
            return
    for run in found:
        focus = _described(walk, group, run)
        if focus is not None:
            yield focus


def _described(walk: Walk, group: Group, run: Run) -> Any:
    """What the template sees, with the place of the run; None where a finding drops it."""
    ends = []
    for member in (run.members[-1], run.members[0]):
        walk.variables |= {"record": member, "item": member}
        if not walk.assign(group.vars, member):
            return None
        ends.append(as_object(group.vars, member, walk.variables))
    walk.variables |= {"first": run.members[0], "last": run.members[-1]}
    return focus_of(run, ends[1], ends[0])
