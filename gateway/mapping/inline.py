"""The commonest expressions written into generated functions: plain paths, their existence, their equality to a text.

Each is exact for what it handles (objects and single scalars on the way) and calls the compiled expression for the
rest, such as lists.
"""

from decimal import Decimal
from typing import Final

from gateway.fhirpath import FhirPathError, compile, nodes
from gateway.fhirpath.emitter import Emitter
from gateway.mapping.lineage import is_fixed
from gateway.mapping.plan import Formula

_PLAIN: Final = frozenset((str, int, bool, Decimal, dict))
_STOP: Final = object()
_TRUE: Final = [True]
_STEP = "V = V.get(NAME) if V.__class__ is dict else None if V is None else STOP"
_VALUES = "L = [] if V is None else [V] if V.__class__ in PLAIN else F(FOCUS, env)"
_EXISTS = "T = V is not None if V is None or V.__class__ in PLAIN else F(FOCUS, env) == TRUE"
_EMPTY = "T = V is None if V is None or V.__class__ in PLAIN else F(FOCUS, env) == TRUE"
_EQUALS = """
if V.__class__ is str:
    T = V == TEXT
elif V is None:
    T = False
else:
    T = TRUTH(F(FOCUS, env))
"""


def plain_path(tree: nodes.Expr | None) -> tuple[str, ...] | None:
    """The names of a path from the focus, `a.b.c`; None for anything else."""
    names: list[str] = []
    while isinstance(tree, nodes.Member):
        names.append(tree.name)
        tree = tree.target
    return tuple(reversed(names)) if names and tree is None else None


def inline_values(code: Emitter, formula: Formula, focus: str) -> str | None:
    """The local that holds the values of a plain path; None when the formula is none."""
    path = plain_path(formula.expression.ast)
    if path is None:
        return None
    value, values = walk_path(code, path, focus), code.fresh("l")
    code.run(
        _VALUES,
        L=values,
        V=value,
        PLAIN=code.bind(_PLAIN),
        F=code.bind(formula.expression.evaluate),
        FOCUS=focus,
    )
    return values


def inline_truth(code: Emitter, formula: Formula, focus: str, truth_of: object) -> str | None:
    """The local with the truth of `path.exists()`, `path.empty()` or `path = 'text'`; None for other formulas."""
    match formula.expression.ast:
        case nodes.Call(name="exists", arguments=(), target=target):
            return _tested(code, formula, focus, target, _EXISTS)
        case nodes.Call(name="empty", arguments=(), target=target):
            return _tested(code, formula, focus, target, _EMPTY)
        case nodes.Binary(operator="=", left=left, right=nodes.Literal(value=str() as text)):
            path = plain_path(left)
            if path is None:
                return None
            value, truth = walk_path(code, path, focus), code.fresh()
            code.run(_EQUALS, T=truth, V=value, TEXT=code.bind(text), TRUTH=code.bind(truth_of),
                     F=code.bind(formula.expression.evaluate), FOCUS=focus)  # fmt: skip
            return truth
    return None


def operands_of(formula: Formula) -> tuple[str, tuple[Formula, ...]] | None:
    """`and` or `or` and the parts of a condition that is joined by it; None for others, or where a part needs a
    function of the mapping."""
    tree = formula.expression.ast
    if not isinstance(tree, nodes.Chain) or tree.operator not in ("and", "or"):
        return None
    try:
        parts = [compile(formula.text[part.start : part.end], model=None) for part in tree.operands]
    except FhirPathError:
        return None
    return tree.operator, tuple(
        Formula(part.text, formula.position, part, formula.sources, is_fixed(part.ast)) for part in parts
    )


def _tested(code: Emitter, formula: Formula, focus: str, target: nodes.Expr | None, template: str) -> str | None:
    path = plain_path(target)
    if path is None:
        return None
    value, truth = walk_path(code, path, focus), code.fresh()
    code.run(template, T=truth, V=value, PLAIN=code.bind(_PLAIN), TRUE=code.bind(_TRUE),
             F=code.bind(formula.expression.evaluate), FOCUS=focus)  # fmt: skip
    return truth


def walk_path(code: Emitter, path: tuple[str, ...], focus: str) -> str:
    """The local that holds what is at the path: None for nothing, a stop mark behind anything that is no object."""
    value = code.fresh()
    code.run("V = FOCUS", V=value, FOCUS=focus)
    for name in path:
        code.run(_STEP, V=value, NAME=code.bind(name), STOP=code.bind(_STOP))
    return value
