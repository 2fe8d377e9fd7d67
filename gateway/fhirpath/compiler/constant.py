"""Parts of a loop's body that are the same in every round: evaluated when first needed, then kept."""

from collections.abc import Callable, Container
from typing import Final

from gateway.fhirpath.facts import Facts
from gateway.fhirpath.forms.form import Generation
from gateway.fhirpath.syntax.nodes import Call, Chain, Expr, Literal, Member, TypeTest, Variable, children

_COSTLY: Final = ("descendants", "children", "repeat", "resolve")
_PURE: Final = frozenset((*_COSTLY, "as", "ofType", "first", "last", "distinct", "tail", "union", "combine"))
"""Functions that give the same for the same input and tell nobody; `trace` is none of them."""


def is_constant(node: Expr, facts: Facts, added: Container[str]) -> bool:
    """Whether a node depends on environment variables alone, and costs enough to be kept."""
    return _is_fixed(node, facts, added) and _is_costly(node)


def _is_fixed(node: Expr, facts: Facts, added: Container[str]) -> bool:
    match node:
        case Literal():
            return True
        case Variable():
            return id(node) not in facts.definitions
        case Member(target=target):
            return target is not None and _is_fixed(target, facts, added)
        case Call(target=target, name=name, arguments=arguments):
            if target is None or name not in _PURE or name in added:
                return False
            fixed = name in ("as", "ofType") or all(_is_fixed(part, facts, added) for part in arguments)
            return fixed and _is_fixed(target, facts, added)
        case TypeTest(operand=operand):
            return _is_fixed(operand, facts, added)
        case Chain(operands=operands):
            return all(_is_fixed(part, facts, added) for part in operands)
    return False


def _is_costly(node: Expr) -> bool:
    if isinstance(node, Call) and node.name in _COSTLY:
        return True
    return any(_is_costly(part) for part in children(node))


def kept(generation: Generation, collect: Callable[[], str]) -> str:
    """Appends code that runs what `collect` appends once an evaluation; returns the local list."""
    code = generation.code
    cell, items = code.cell(), code.fresh("l")
    with code.into(code.emit("if not C:\n    ...", C=cell)):
        code.run("C.append(L)", C=cell, L=collect())
    code.run("L = C[0]", C=cell, L=items)
    return items
