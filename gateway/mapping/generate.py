"""Fast functions of a plan, built as `ast` nodes; no text of a mapping file becomes Python source.

`bind(variables, scope, env, study)` of each is called once a unit: it makes what is the same in the whole unit
(constants of the file, and parts that depend on the participant only) and returns `run(focus)`, which gives what was
made. The functions do what `walk` does where there is nothing to report, and raise where there is: then `walk` maps
the same record again and tells. Constant parts are shared between resources.
"""

import ast
from collections.abc import Sequence
from typing import Any

from gateway.mapping.fast import Fast, FastPlan
from gateway.mapping.generate_groups import write_grouped
from gateway.mapping.plan import Emit, Formula, Plan
from gateway.mapping.writer import Writer

_OUTER = """
def bind(variables, scope, env, study):
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
            before=tuple(_of_emits(plan, (emit,), (), f"{emit.id}") for emit in plan.before),
            record=_of_emits(plan, plan.each, plan.vars, "record") if plan.each else None,
            after=tuple(_of_emits(plan, (emit,), (), f"{emit.id}") for emit in plan.after),
        )
    except (SyntaxError, RecursionError):
        return None


def _of_emits(plan: Plan, emits: Sequence[Emit], variables: tuple[tuple[str, Formula], ...], name: str) -> Fast:
    writer = Writer(plan)
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
    with code.into(outer):
        code.block.extend(writer.prelude)
        code.block.extend(inner_block)
        code.run("return run")
    module = ast.Module(body=code.block, type_ignores=[])
    namespace: dict[str, Any] = dict(code.globals)
    exec(compile(module, f"<mapping {plan.id} {name}>", "exec"), namespace)  # noqa: S102 - our own ast nodes
    made: Fast = namespace["bind"]
    return made
