"""Whether a payload is one for a mapping: what the mapping says in `match`."""

from typing import Any, Final

from msgspec import Struct

from gateway.fhirpath import Env, FhirPathError
from gateway.fhirpath.syntax import nodes
from gateway.formats import FORMATS, Decoded
from gateway.mapping.fast.compiled import Asked, FastPlan
from gateway.mapping.lineage import walk
from gateway.mapping.loose import ODDITIES
from gateway.mapping.plan import Formula, Plan
from gateway.mapping.scope import Fault, Scope, Seen, Spent, current

_UNTOLD: Final = (Fault, FhirPathError, Spent)
_ASKS_NO_MORE: Final = frozenset(("exists", "empty", "not", "all", "where", "startsWith", "endsWith", "matches"))
"""Functions that look no further into what they are asked of than their arguments do."""


class Match(Struct, frozen=True, eq=False):
    """The condition of a mapping; `asked` is its generated function, None for none.

    `apart` is True where it looks at no list that may have rows.
    """

    formula: Formula
    asked: Asked | None
    apart: bool

    @classmethod
    def of(cls, plan: Plan, fast: FastPlan | None) -> "Match | None":
        """The condition of a plan; None where there is none."""
        if plan.match is None:
            return None
        asked = None if fast is None else fast.asked[plan.match.position]
        alike = FORMATS[plan.format].alike
        return cls(plan.match, asked, alike is not None and is_apart(plan.match.expression.ast, alike.items))

    def of_payload(self, decoded: Decoded) -> bool:
        """As `of_tree`, of its tree, which is filled only where that may be looked at."""
        return self.of_tree(decoded.outline if self.apart else decoded.tree)

    def of_tree(self, tree: Any) -> bool:
        """True where it holds; what cannot be told does not."""
        scope, seen = Scope(), Seen({"payload": tree})
        token = current.set(scope)
        try:
            if self.asked is not None:
                try:
                    return self.asked(tree, seen.variables, scope, seen.env) is True
                except (*ODDITIES, *_UNTOLD):
                    scope.work.done = 0
            return self.formula.expression.evaluate(tree, Env(variables=seen.variables)) == [True]
        except _UNTOLD:
            return False
        finally:
            current.reset(token)


def is_apart(tree: nodes.Expr, items: str) -> bool:
    """True for an expression that sees no item of lists of this name, nor how many there are."""
    return all(map(_asks_no_more, walk(tree))) and not any(
        isinstance(node, nodes.Member) and node.name == items for node in walk(tree)
    )


def _asks_no_more(node: nodes.Expr) -> bool:
    match node:
        case nodes.Member() | nodes.Literal() | nodes.Special(name="this") | nodes.Chain(operator="and" | "or"):
            return True
        case nodes.Chain(operator="|"):
            return _is_of_literals(node)
        case nodes.Call(name=name):
            return name in _ASKS_NO_MORE
        case nodes.Binary(operator="=" | "!=" | "in", right=right):
            return _is_of_literals(right)
    return False


def _is_of_literals(tree: nodes.Expr) -> bool:
    return all(isinstance(part, nodes.Literal | nodes.Chain) for part in walk(tree))
