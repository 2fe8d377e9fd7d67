"""`descendants()` followed by a step or a type, as one search instead of a list of everything."""

from typing import Final

from gateway.fhirpath.descent import Search, Sought
from gateway.fhirpath.forms.form import Generation, Place
from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax.nodes import Call, Expr, Member, TypeName, TypeTest
from gateway.fhirpath.types import ABSTRACT, targets, type_argument

_NARROWING: Final = ("as", "ofType")


def search(generation: Generation, nodes: tuple[Expr, ...], place: Place) -> str | None:
    """The local list of what several such paths below the same items find together; None where they are no such."""
    model = generation.model
    if model is None or not generation.typed or generation.code.metered:
        return None
    start: Call | None = None
    sought = Sought()
    for node in nodes:
        below, found = _read(generation, node)
        if below is None or (start is not None and not _alike(start, below)):
            return None
        start, sought = below, sought.joined(found)
    if start is None:
        return None
    code = generation.code
    items, answer = generation.focus_list(start, place), code.fresh("l")
    code.run("R = S(L)", R=answer, S=generation.bind(Search(sought, model)), L=items)
    return answer


def _alike(one: Call, other: Call) -> bool:
    return print_expression(one) == print_expression(other)


def _read(generation: Generation, node: Expr) -> tuple[Call | None, Sought]:
    """The call of descendants() that a node starts from, and what it seeks there."""
    match node:
        case Member(target=Call(name="descendants") as below, name=name):
            return below, Sought(names=frozenset((name,)))
        case Call(target=Call(name="descendants") as below, name=operator, arguments=(argument,)):
            named = type_argument(argument) if operator in _NARROWING else None
            return _of_type(generation, below, named)
        case TypeTest(operator="as", operand=Call(name="descendants") as below, type=named):
            return _of_type(generation, below, named)
    return None, Sought()


def _of_type(generation: Generation, below: Call, name: TypeName | None) -> tuple[Call | None, Sought]:
    """Resources are of their own type whatever the model says, so they are not sought this way."""
    wanted = targets(name, generation.model) if name is not None else frozenset()
    model = generation.model
    if not wanted or model is None or any(one in ABSTRACT or model.is_resource(one) for one in wanted):
        return None, Sought()
    return below, Sought(types=wanted)
