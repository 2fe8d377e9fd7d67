"""What is the same in a whole unit: looked up or evaluated once, when the function is bound."""

import ast

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_form import Evaluate
from gateway.mapping.lineage import fact_path
from gateway.mapping.loose import fact

_FACT = "V = FACT(variables, NAMES, F, env)"
_TEXT = """
B = variables.get(FIRST)
V = B.get(LAST) if B.__class__ is dict else None
if V.__class__ is not str:
    V = FACT(variables, NAMES, F, env)
"""


def write_fact(code: Emitter, prelude: list[ast.stmt], node: nodes.Expr, evaluate: Evaluate) -> str:
    """The local with the value of an expression of facts alone; `%subject.id` and its like are most often texts."""
    found, path = code.fresh("u"), fact_path(node)
    with code.into(prelude):
        if len(path) == 2:
            code.run(_TEXT, B=code.fresh(), V=found, FIRST=code.bind(path[0]), LAST=code.bind(path[1]),
                     FACT=code.bind(fact), NAMES=code.bind(path), F=code.bind(evaluate))  # fmt: skip
        else:
            code.run(_FACT, V=found, FACT=code.bind(fact), NAMES=code.bind(path), F=code.bind(evaluate))
    return found
