"""Fast functions of a plan, built as `ast` nodes; no text of a mapping file becomes Python source.

`bind(variables, scope, env, study)` of each is called once a unit: it makes what is the same in the whole unit
(constants of the file, and parts that depend on the participant only) and returns `run(focus)`, which gives what was
made. `wanted(records, variables, env)` gives the numbers of the records that anything may be made of.

The functions do what `walk` does where there is nothing to report, and raise where there is: then `walk` maps the
same record again and tells. Each has two forms: for usual data, with one value at every step, and for all data, which
is made and asked where the other gives up; where a format has rows there is a third one, of these. Constant parts are
shared between resources.
"""

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeAlias

from gateway.formats import FORMATS, Alike, AlikeRecords
from gateway.mapping.fast.compiled import Asked, Fast, FastPlan, Generated, Wanted, Whose, told_or_not
from gateway.mapping.fast.generate_bulk import write_wanted
from gateway.mapping.fast.generate_groups import write_grouped
from gateway.mapping.fast.single_kind import NoRowsError
from gateway.mapping.fast.tidied import tidied
from gateway.mapping.fast.writer import Writer
from gateway.mapping.fast.writer_rows import reads_rows
from gateway.mapping.fast.writer_told import reads_told
from gateway.mapping.lineage import plain_path, variables_of
from gateway.mapping.loose import Odd
from gateway.mapping.plan import Emit, Formula, Plan

Variables: TypeAlias = tuple[tuple[str, Formula], ...]
Names: TypeAlias = dict[str, Any]

_OUTER = """
def bind(variables, scope, env, study):
    ...
"""
_ASKED = """
def run(focus, variables, scope, env):
    ...
"""
_TOLD = """
if V.__class__ is not str or not V:
    raise ODD
"""
_WANTED = """
def wanted(records, variables, env):
    ...
"""
_INNER = """
def run(focus):
    ...
"""


def generate(plan: Plan) -> FastPlan | None:
    """The functions of a plan; None where Python cannot nest as deep as the file does."""
    try:
        return FastPlan(
            before=tuple(_generated(plan, (emit,), (), emit.id) for emit in plan.before),
            record=_generated(plan, plan.each, plan.vars, "record") if plan.each else None,
            wanted=_wanted(plan) if plan.each and not plan.vars else None,
            after=tuple(_generated(plan, (emit,), (), emit.id) for emit in plan.after),
            asked={formula.position: _asked(plan, formula) for formula in (*_of_subject(plan), *_match(plan))},
            whose=_whose(plan),
            facts=frozenset(name for formula in _formulas(plan) for name in variables_of(formula.expression.ast))
            | (plan.context or {}).keys(),
            records=plain_path(plan.records.expression.ast if plan.records else None) or (),
        )
    except (SyntaxError, RecursionError):
        return None


def _of_subject(plan: Plan) -> list[Formula]:
    parts = (plan.subject.system, plan.subject.value, *(formula for _, formula in plan.subject.verify))
    return [part for part in parts if isinstance(part, Formula)]


def _match(plan: Plan) -> tuple[Formula, ...]:
    return () if plan.match is None else (plan.match,)


def _formulas(part: Any) -> Iterator[Formula]:
    """Every formula in a plan."""
    if isinstance(part, Formula):
        yield part
    elif is_dataclass(part):
        for one in fields(part):
            yield from _formulas(getattr(part, one.name))
    elif isinstance(part, tuple):
        for child in part:
            yield from _formulas(child)


def _asked(plan: Plan, formula: Formula) -> Asked:
    writer = Writer(plan, usual=True)
    code = writer.code
    body: list[ast.stmt] = []
    with code.into(body):
        code.run("return V", V=writer.single.value(formula, "focus"))
    with code.into(code.emit(_ASKED)):
        code.block.extend([*writer.prelude, *body])
    made: Asked = _executed(plan, ast.Module(body=code.block, type_ignores=[]), code.globals, formula.position)["run"]
    return made


def _whose(plan: Plan) -> Whose:
    """The function that asks all that is asked of the participant."""
    writer, subject = Writer(plan, usual=True), plan.subject
    code = writer.code
    body: list[ast.stmt] = []
    with code.into(body):
        named: dict[str, str | ast.expr] = {}
        for title, part in (("SYSTEM", subject.system), ("VALUE", subject.value)):
            if isinstance(part, str):
                named[title] = code.bind(part)
            else:
                local = named[title] = writer.single.value(part, "focus")
                code.run(_TOLD, V=local, ODD=code.bind(Odd))
        for number, (name, formula) in enumerate(subject.verify):
            named |= {f"N{number}": code.bind(name), f"T{number}": writer.single.value(formula, "focus")}
        told = "".join(f"(N{number}, T{number}), " for number in range(len(subject.verify)))
        code.run(f"return (SYSTEM, VALUE), ({told})", **named)
    with code.into(code.emit(_ASKED)):
        code.block.extend([*writer.prelude, *body])
    made: Whose = _executed(plan, ast.Module(body=code.block, type_ignores=[]), code.globals, "whose")["run"]
    return made


def _wanted(plan: Plan) -> Wanted | None:
    """The function that tells of which records anything may be made; None where it cannot be told."""
    writer = Writer(plan, usual=True)
    code = writer.code
    body: list[ast.stmt] = []
    with code.into(body):
        if not write_wanted(writer, plan.each):
            return None
    with code.into(code.emit(_WANTED)):
        code.block.extend([*writer.prelude, *body])
    module = ast.Module(body=code.block, type_ignores=[])
    made: Wanted = _executed(plan, module, code.globals, "wanted")["wanted"]
    return made


def _generated(plan: Plan, emits: Sequence[Emit], variables: Variables, name: str) -> Generated:
    @cache
    def general() -> Fast | None:
        try:
            return _compiled(plan, emits, variables, f"{name} in general", usual=False)
        except (SyntaxError, RecursionError):
            return None

    @cache
    def usual() -> Fast:
        return _compiled(plan, emits, variables, name, usual=True)

    alike = FORMATS[plan.format].alike
    if alike is None or emits is not plan.each or not reads_rows(plan, alike):
        usual()
        return Generated(usual, general)

    @cache
    def of_rows() -> Fast:
        return _compiled(plan, emits, variables, f"{name} of rows", usual=True, alike=alike)

    with suppress(NoRowsError):
        if alike.records is not None and reads_told(plan, alike.records):
            of_told = _compiled(plan, emits, variables, f"{name} told", usual=True, alike=alike, told=alike.records)
            return Generated(usual, general, told_or_not(of_told, of_rows), reads_told=True)
    with suppress(NoRowsError):
        return Generated(usual, general, of_rows())
    usual()
    return Generated(usual, general)


def written(
    plan: Plan,
    emits: Sequence[Emit],
    variables: Variables,
    *,
    usual: bool,
    alike: Alike | None = None,
    told: AlikeRecords | None = None,
) -> tuple[ast.Module, Names]:
    """The module of a function, `ast.unparse` shows it, and the objects that it refers to."""
    writer = Writer(plan, usual=usual, alike=alike, told=told)
    code = writer.code
    outer = code.emit(_OUTER)
    inner_block: list[ast.stmt] = []
    with code.into(inner_block):
        inner = code.emit(_INNER)
        with code.into(inner):
            if emits[0].group is None:
                writer.run(emits, variables)
            else:
                write_grouped(writer, emits[0], emits[0].group)
        if writer.kept:
            inner.insert(0, ast.Nonlocal(names=writer.kept, lineno=1, col_offset=0))
    with code.into(outer):
        code.block.extend(writer.prelude)
        code.block.extend(inner_block)
        code.run("return run")
    return ast.Module(body=[*writer.module, *code.block], type_ignores=[]), code.globals


def _compiled(
    plan: Plan,
    emits: Sequence[Emit],
    variables: Variables,
    name: str,
    *,
    usual: bool,
    alike: Alike | None = None,
    told: AlikeRecords | None = None,
) -> Fast:
    module, names = written(plan, emits, variables, usual=usual, alike=alike, told=told)
    made: Fast = _executed(plan, module, names, name)["bind"]
    return made


def _executed(plan: Plan, module: ast.Module, names: Names, name: str) -> Names:
    namespace: dict[str, Any] = dict(names)
    exec(compile(tidied(module), f"<mapping {plan.id} {name}>", "exec"), namespace)  # noqa: S102 - our own ast nodes
    return namespace
