"""The Python function of an expression: the generated statements with their way in and out."""

import ast
from collections.abc import Callable
from typing import Any, Final

from gateway.fhirpath.compiler.generator import Generator
from gateway.fhirpath.forms.form import Place
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.runtime import meter, wrap
from gateway.fhirpath.syntax.nodes import Expr
from gateway.fhirpath.types import ABSTRACT
from gateway.fhirpath.values.items import Element

FILE: Final = "<fhirpath>"
"""The file name of generated functions in a traceback; a line is an offset in the expression's text plus one."""

_BODY = """
def evaluate(focus, env=None):
    try:
        if CONDITION:
            return OTHERS(focus, env)
        ...
    except FAULTS as error:
        return RECOVER(error, focus, env)
"""
_ONE_ITEM = "focus is None or focus.__class__ is LIST"
_NO_BUDGET = "env is not None and env.budget is not None"
_OUTPUT = """
if V.__class__ is not ELEMENT:
    L.append(V)
elif V.value is not None:
    L.append(V.value)
"""


def generate(
    generator: Generator,
    tree: Expr,
    kind: Kind,
    others: Callable[..., Any],
    recover: Callable[..., Any],
) -> Callable[..., list[Any]]:
    """The Python function of a tree: `evaluate(focus, env=None)` returns the list of plain values.

    `others` takes over when the focus or the budget is not what the generator's shape is for; `recover` gets what was
    raised.
    """
    code = generator.code
    many = generator.shape.many
    others_when = ([] if many else [_ONE_ITEM]) + ([] if generator.shape.metered else [_NO_BUDGET])
    hole = code.emit(
        _BODY.replace("CONDITION", " or ".join(others_when) or "False"),
        LIST=code.bind(list),
        OTHERS=code.bind(others),
        FAULTS=code.bind(Exception),
        RECOVER=code.bind(recover),
    )
    with code.into(hole):
        if generator.shape.metered:
            code.run("tick = METER(env.budget)", METER=code.bind(meter))
        root = "focus"
        if generator.typed and kind.sole is not None and kind.sole not in ABSTRACT:
            root = code.fresh()
            source = "R = [WRAP(V, T) for V in focus]" if many else "R = WRAP(focus, T)"
            code.run(source, R=root, WRAP=code.bind(wrap), V=code.fresh(), T=code.bind(kind.sole))
        place = Place(root, kind, "list" if many else "item")
        _finish(generator, tree, place)
        hole[:0] = code.start
    module = ast.Module(body=code.block, type_ignores=[])
    namespace: dict[str, Any] = dict(code.globals)
    exec(compile(module, FILE, "exec"), namespace)  # noqa: S102
    return namespace["evaluate"]  # type: ignore[no-any-return]


def _finish(generator: Generator, tree: Expr, place: Place) -> None:
    """Appends the evaluation and the return of its plain values."""
    code = generator.code
    if generator.is_scalar(tree) and (generator.facts.of(tree).sole or "").startswith("System."):
        code.run("return [] if V is None else [V]", V=generator.one(tree, place))
        return
    items = code.fresh("l")
    code.run("L = []", L=items)
    element = code.bind(Element)
    generator.each(tree, place, lambda item: code.run(_OUTPUT, L=items, V=item.name, ELEMENT=element))
    code.run("return L", L=items)
