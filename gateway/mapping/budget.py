"""How much work one payload may cause, counted: no clock, so that a payload is always taken or always refused.

Paths from the focus are linear in the payload whatever a file says. Only what starts from a variable (`%payload`, a
list that the file names) can go over the same again for each record: expressions with such variables are evaluated by
functions that count the items of their loops, and what they give is counted where it is gone over.
"""

from typing import Any, Final

from msgspec import Struct

from gateway.fhirpath import Env, Expression
from gateway.fhirpath.syntax import nodes
from gateway.mapping.scope import current

MAX_ITEMS: Final = 100_000
"""How many items one `foreach` may have."""

MAX_TEXT: Final = 1_000_000
"""How many characters a text has at most that is made of variables."""


class TooLarge(Exception):
    """The payload makes more than the gateway takes; says the limit and what of."""

    def __init__(self, limit: int, what: str) -> None:
        super().__init__(what)
        self.limit = limit
        self.what = what


class Counted(Struct, eq=False):
    """An expression that reads variables of the payload: each item that it visits is work of the payload."""

    expression: Expression

    @property
    def ast(self) -> nodes.Expr:
        """The syntax tree."""
        return self.expression.ast

    def evaluate(self, focus: Any, env: Env | None = None) -> list[Any]:
        """As `Expression.evaluate`; raises `Spent`."""
        return self.expression.evaluate(focus, metered(env))


def metered(env: Env | None) -> Env | None:
    """The environment with the budget of the payload that is being mapped."""
    scope = current.get(None)
    if scope is None or env is None:
        return env
    found = scope.metered
    if found is None or found.variables is not env.variables:
        found = scope.metered = Env(variables=env.variables, budget=scope.work.tick)
    return found


def spend(count: int) -> None:
    """Counts items that something goes over, in the payload that is being mapped; raises `Spent`."""
    current.get().work.spend(count)


def within_limits(values: list[Any]) -> None:
    """Raises `TooLarge` for more items, or a longer text among them, than a mapping may make."""
    if len(values) > MAX_ITEMS:
        raise TooLarge(MAX_ITEMS, "items")
    if any(value.__class__ is str and len(value) > MAX_TEXT for value in values):
        raise TooLarge(MAX_TEXT, "characters")
