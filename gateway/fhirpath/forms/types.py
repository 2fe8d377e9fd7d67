"""is(), as(), ofType() and type(). See https://hl7.org/fhirpath/N1/#types."""

from typing import Final

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import Kind, system
from gateway.fhirpath.model import Property
from gateway.fhirpath.runtime import find_choice, type_info, type_of_item
from gateway.fhirpath.syntax.nodes import Call, Expr, Member, TypeName, TypeTest
from gateway.fhirpath.types import ABSTRACT, is_exactly, matches, targets, type_argument


def _analyse(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    name = type_argument(node.arguments[0])
    if name is None:
        raise analysis.fail(
            "fhirpath.argument", node.arguments[0].start, name=node.name, expected="the name of a type"
        )
    found = analysis.type_test(node.name, target, name, node.target)
    return found, scope


def _name(node: Call) -> TypeName:
    name = type_argument(node.arguments[0])
    if name is None:
        raise ValueError("the analysis lets only type names pass")
    return name


def _is_type(generation: Generation, item: Item, name: TypeName, *, exactly: bool) -> str | bool:
    """Whether an item is of a type: known now, or the local that will tell."""
    model = generation.model
    wanted = targets(name, model)
    types = item.kind.types
    if types is not None and types and not types & ABSTRACT:
        decide = is_exactly if exactly else matches
        kept = [known for known in types if decide(known, wanted, model)]
        if not kept or len(kept) == len(types):
            return bool(kept)
    code = generation.code
    answer = code.fresh("b")
    code.run(
        "A = OF(V, W, MODEL, X)",
        A=answer,
        OF=generation.bind(type_of_item),
        V=item.name,
        W=generation.bind(wanted),
        MODEL=generation.bind(model),
        X=generation.bind(exactly),
    )
    return answer


def test(generation: Generation, item: str, kind: Kind, name: TypeName) -> str:
    """The local that holds whether a single item (or None) is of a type."""
    code = generation.code
    answer = code.fresh("b")
    code.emit("A = None", A=answer)
    with code.into(code.emit("if V is not None:\n    ...", V=item)):
        found = _is_type(generation, Item(item, kind.one()), name, exactly=False)
        code.emit("A = F", A=answer, F=found if isinstance(found, str) else generation.bind(found))
    return answer


def test_operand(generation: Generation, node: Expr, name: TypeName, place: Place) -> str:
    """The local that holds whether the single item of a node is of a type."""
    found = generation.facts.choices.get(id(node))
    if found is not None and isinstance(node, Member) and not generation.typed and generation.trusted:
        return _test_choice(generation, node, found, name, place)
    return test(generation, generation.one(node, place), generation.facts.of(node), name)


def _test_choice(generation: Generation, node: Member, found: Property, name: TypeName, place: Place) -> str:
    """The key under which the choice is present tells its type."""
    code = generation.code
    wanted = targets(name, generation.model)
    answers = tuple((key, matches(type_name, wanted, generation.model)) for key, type_name in found.keys)
    count, answer = code.fresh("n"), code.fresh("b")
    code.run("N = 0\nA = None", N=count, A=answer)

    def look(item: Item) -> None:
        code.run(
            "F = FIND(X, KEYS)\nif F is not None:\n    N += 1\n    A = F[1]",
            F=code.fresh(),
            FIND=generation.bind(find_choice),
            X=item.name,
            KEYS=generation.bind(answers),
            N=count,
            A=answer,
        )

    generation.parent(node, place, look)
    code.run(
        "if N > 1:\n    raise FAULT(RULE)",
        N=count,
        FAULT=generation.bind(Fault),
        RULE=generation.bind("fhirpath.several"),
    )
    return answer


def _is(generation: Generation, node: Call, place: Place) -> str:
    if node.target is not None:
        return test_operand(generation, node.target, _name(node), place)
    return test(generation, generation.focus_one(node, place), place.kind, _name(node))


def keep(generation: Generation, item: Item, name: TypeName, result: Kind, consume: Consume) -> None:
    """Appends code for an item only where it is exactly of a type."""
    code = generation.code
    found = _is_type(generation, item, name, exactly=True)
    if found is True:
        consume(Item(item.name, result.one()))
        return
    condition = found if isinstance(found, str) else generation.bind(found)
    with code.into(code.emit("if C:\n    ...", C=condition)):
        consume(Item(item.name, result.one()))


def _of_type(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    result = generation.facts.of(node)
    generation.focus(node, place, lambda item: keep(generation, item, _name(node), result, consume))


def filters(generation: Generation, operand: Expr | None, kind: Kind) -> bool:
    """Whether `as` picks from a collection of several types, as R4's own invariants and search parameters use it.

    The specification takes a single item only; that holds where all items have one type.
    """
    is_mixed = id(operand) in generation.facts.choices or kind.types is None or len(kind.types) > 1
    return kind.many and is_mixed


def as_type(generation: Generation, node: Call | TypeTest, name: TypeName, place: Place, consume: Consume) -> None:
    """Appends code for the item where it is of a type."""
    operand = node.operand if isinstance(node, TypeTest) else node.target
    kind = generation.kind_of(operand) if operand is not None else place.kind
    result = generation.facts.of(node)
    if operand is not None and filters(generation, operand, generation.facts.of(operand)):
        generation.each(operand, place, lambda item: keep(generation, item, name, result, consume))
        return
    item = generation.one(operand, place) if operand is not None else generation.this_one(place)
    with generation.code.into(generation.code.emit("if V is not None:\n    ...", V=item)):
        keep(generation, Item(item, kind.one()), name, result, consume)


def _as(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    as_type(generation, node, _name(node), place, consume)


def _analyse_type(analysis: Analysis, _node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    if target.sole is None or not target.sole.startswith("System."):
        analysis.note_types(Kind(None), frozenset())
    return system("TypeInfo", many=target.many), scope


def _type(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code

    def tell(item: Item) -> None:
        info = code.fresh()
        if item.kind.sole == "System.Long":
            # At run time it is an int like an Integer.
            code.emit("T = INFO", T=info, INFO=generation.bind({"namespace": "System", "name": "Long"}))
        else:
            code.emit("T = INFO(V)", T=info, INFO=generation.bind(type_info), V=item.name)
        consume(Item(info, system("TypeInfo")))

    generation.focus(node, place, tell)


FORMS: Final = (
    Form(
        "is",
        "6.3.1",
        1,
        1,
        _analyse,
        one=_is,
        says="Whether the single item is of the type or one derived from it.",
        examples=("1.is(Integer)",),
    ),
    Form(
        "as",
        "6.3.3",
        1,
        1,
        _analyse,
        each=_as,
        says="The single item where it is of the type; of a choice that repeats, all that are.",
        examples=("1.as(Integer) = 1",),
    ),
    Form(
        "ofType",
        "5.2.4",
        1,
        1,
        _analyse,
        each=_of_type,
        says="The items of the type.",
        examples=("(1 | 'a').ofType(Integer) = 1",),
    ),
    Form(
        "type",
        "STU: type",
        0,
        0,
        _analyse_type,
        each=_type,
        says="Namespace and name of each item's type.",
        examples=("1.type().name = 'Integer'",),
    ),
)
"""The forms of this file."""
