"""The writer of what records of one kind share, where a record is told by a row; see `single_shared`."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.fhirpath.syntax import nodes
from gateway.formats import AlikeRecords
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_kind import NoRowsError, Shared
from gateway.mapping.fast.writer_rows import note_texts, recalled, stand_for, unpacked
from gateway.mapping.lineage import walk
from gateway.mapping.plan import Formula, Plan

_START = "R = scope.rows[id(focus)]"
_COMMON = 1
"""Where a row has the object that stands for the one that it has in common with others."""


def reads_told(plan: Plan, told: AlikeRecords) -> bool:
    """True for a plan that looks at what is told of records while it maps one only."""
    hidden = {told.base, told.common}
    parts = (plan.records, plan.subject.system, plan.subject.value, *(formula for _, formula in plan.subject.verify))
    return not any(
        isinstance(node, nodes.Member) and node.name in hidden
        for part in parts
        if isinstance(part, Formula)
        for node in walk(part.expression.ast)
    )


@contextmanager
def told_record(single: Singles, told: AlikeRecords | None) -> Iterator[None]:
    """What is written inside is that of a record that is told, None for others. Raises `NoRowsError`."""
    code, unfilled = single.code, single.unfilled
    if told is None or unfilled is None:
        yield
        return
    row, common = code.fresh("row"), code.fresh("item")
    shared = Shared(told, "focus", code.fresh("item"), "", told.own | {told.common})
    code.run(_START, R=row)
    locals_of = unpacked(single, row, max(*told.texts.values(), *told.said.values()) + 1)
    stand_for(single, "focus", told.base, shared.base)
    note_texts(single, shared.base, told.texts, locals_of, told.sure)
    stand_for(single, "focus", told.common, common)
    note_texts(single, common, told.said, locals_of, told.said)
    unfilled.told = {shared.base: told.base, common: told.common}
    unfilled.said = {common: locals_of[_COMMON]}
    unfilled.own, unfilled.nothing = told.own, single.made(code.fresh("u"), type(None))
    with code.into(single.prelude):
        code.run("N = V", N=unfilled.nothing, V=code.bind(None))
    behind, block = len(code.block), code.block
    single.shared = single.of_record = shared
    yield
    block[behind:behind] = recalled(single, unfilled, shared, locals_of[0], block)
    if unfilled.told.keys() & {node.id for one in block for node in ast.walk(one) if isinstance(node, ast.Name)}:
        raise NoRowsError
