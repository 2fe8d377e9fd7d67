"""is(), as(), ofType() and type(). See https://hl7.org/fhirpath/N1/#types."""

from typing import Final

from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import Kind, system
from gateway.fhirpath.nodes import Call, TypeName
from gateway.fhirpath.runtime import type_info
from gateway.fhirpath.types import type_argument


def _analyse(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    name = type_argument(node.arguments[0])
    if name is None:
        raise analysis.fail(
            "fhirpath.argument", node.arguments[0].start, name=node.name, expected="the name of a type"
        )
    found = analysis.type_test(node.name, target, name)
    return found.one() if node.name == "as" else found, scope


def _name(node: Call) -> TypeName:
    name = type_argument(node.arguments[0])
    if name is None:
        raise ValueError("the analysis lets only type names pass")
    return name


def test(generation: Generation, item: str, kind: Kind, name: TypeName) -> str:
    """The local that holds whether a single item (or None) is of a type."""
    code = generation.code
    answer = code.fresh("b")
    code.emit("A = None", A=answer)
    with code.into(code.emit("if V is not None:\n    ...", V=item)):
        found = generation.is_type(Item(item, kind.one()), name, exactly=False)
        code.emit("A = F", A=answer, F=found if isinstance(found, str) else generation.bind(found))
    return answer


def _is(generation: Generation, node: Call, place: Place) -> str:
    kind = generation.facts.of(node.target) if node.target is not None else place.kind
    return test(generation, generation.focus_one(node, place), kind, _name(node))


def keep(generation: Generation, item: Item, name: TypeName, result: Kind, consume: Consume) -> None:
    """Appends code for an item only where it is exactly of a type."""
    code = generation.code
    found = generation.is_type(item, name, exactly=True)
    if found is True:
        consume(Item(item.name, result.one()))
        return
    condition = found if isinstance(found, str) else generation.bind(found)
    with code.into(code.emit("if C:\n    ...", C=condition)):
        consume(Item(item.name, result.one()))


def _of_type(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    result = generation.facts.of(node)
    generation.focus(node, place, lambda item: keep(generation, item, _name(node), result, consume))


def _as(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    kind = generation.facts.of(node.target) if node.target is not None else place.kind
    item = generation.focus_one(node, place)
    with generation.code.into(generation.code.emit("if V is not None:\n    ...", V=item)):
        keep(generation, Item(item, kind.one()), _name(node), generation.facts.of(node), consume)


def _analyse_type(analysis: Analysis, _node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    if target.sole is None or not target.sole.startswith("System."):
        analysis.note_types(Kind(None), frozenset())
    return system("TypeInfo", many=target.many), scope


def _type(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code

    def tell(item: Item) -> None:
        info = code.fresh()
        code.emit("T = INFO(V)", T=info, INFO=generation.bind(type_info), V=item.name)
        consume(Item(info, system("TypeInfo")))

    generation.focus(node, place, tell)


FORMS: Final = (
    Form("is", "6.3.1", 1, 1, _analyse, one=_is, examples=("1.is(Integer)",)),
    Form("as", "6.3.3", 1, 1, _analyse, each=_as, examples=("1.as(Integer) = 1",)),
    Form("ofType", "5.2.4", 1, 1, _analyse, each=_of_type, examples=("(1 | 'a').ofType(Integer) = 1",)),
    Form("type", "STU: type", 0, 0, _analyse_type, each=_type, examples=("1.type().name = 'Integer'",)),
)
"""The forms of this file."""
