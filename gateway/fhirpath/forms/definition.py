"""elementDefinition(). See https://hl7.org/fhir/R4/fhirpath.html#functions.

Items do not carry the definition that they were made by. What the analysis knows is the element that a path leads to;
its definition is part of the compiled function. Where a path leads to no one element the call is refused, or a fault
when it meets an item, never an empty answer.
"""

from typing import Final

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.syntax.nodes import Call, Expr, Indexer, Member, TypeTest
from gateway.fhirpath.values.items import Element

_TYPE: Final = "ElementDefinition"
_NEEDED: Final = "a path to one element of a known type"
_SAME_ITEMS: Final = frozenset(
    ("where", "first", "last", "tail", "skip", "take", "single", "ofType", "as", "trace", "distinct", "exclude")
)
"""Functions that give some of their input's items."""


def _analyse(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    path = _path(analysis, node.target, scope)
    if path is None:
        analysis.refuse("fhirpath.argument", node.at, name=node.name, expected=_NEEDED)
    else:
        analysis.facts.paths[id(node)] = path
    return Kind(frozenset((_TYPE,)), target.many, target.ordered), scope


def _path(analysis: Analysis, node: Expr | None, scope: Scope) -> str | None:
    """The path of the element that a node gives; None where it is not known or not one."""
    while True:
        match node:
            case None:
                return scope.this.sole if scope.is_root else None
            case Member():
                return _step(analysis, node, scope)
            case Call(target=target, name=name) if name in _SAME_ITEMS:
                node = target
            case Indexer(target=target) | TypeTest(operator="as", operand=target):
                node = target
            case _:
                return None


def _step(analysis: Analysis, node: Member, scope: Scope) -> str | None:
    facts, model = analysis.facts, analysis.model
    if id(node) in facts.prefixes:
        return facts.of(node).sole
    parent = scope.this if node.target is None else facts.of(node.target)
    found = None if model is None or parent.sole is None else model.member(parent.sole, node.name)
    return None if found is None else f"{parent.sole}.{node.name}{'[x]' if found.choice else ''}"


def _each(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    path = generation.facts.paths.get(id(node))
    tree = None if path is None or generation.model is None else generation.model.definition(path)
    definition = Element(tree, _TYPE) if generation.typed and tree is not None else tree
    found = code.fresh()

    def tell(_item: Item) -> None:
        if definition is None:
            code.run("FAIL()", FAIL=generation.bind(_fail))
        code.run("D = C", D=found, C=generation.bind(definition))
        consume(Item(found, Kind(frozenset((_TYPE,)), many=False)))

    generation.focus(node, place, tell)


def _fail() -> None:
    raise Fault("fhirpath.argument", name="elementDefinition", expected=_NEEDED)


FORMS: Final = (
    Form(
        "elementDefinition",
        "FHIR: elementDefinition",
        0,
        0,
        _analyse,
        each=_each,
        says="R4's ElementDefinition (without prose) of the element that the path leads to, for each item.",
        examples=("{}.elementDefinition().empty()",),
    ),
)
"""The forms of this file."""
