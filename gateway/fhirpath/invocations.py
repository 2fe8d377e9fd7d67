"""What the call of a function gives, and the faults of its name and arguments that show before any data is seen."""

from gateway.fhirpath import kinds
from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms import FORMS
from gateway.fhirpath.functions import FUNCTIONS, Function
from gateway.fhirpath.functions.registry import MOST
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.operands import TAKES, require, single
from gateway.fhirpath.syntax.nodes import Call, Literal


def call_kind(analysis: Analysis, node: Call, scope: Scope) -> tuple[Kind, Scope]:
    """The kind of a call's result, and the scope for what follows it in a chain of steps."""
    name = node.name
    target, after = (scope.this, scope) if node.target is None else analysis.visit(node.target, scope)
    added = analysis.options.functions.get(name)
    if added is not None:
        _arity(analysis, node, added.min_args, added.max_args)
        for argument in node.arguments:
            analysis.kind(argument, after)
        return kinds.UNKNOWN, after
    form = FORMS.get(name)
    if form is not None:
        _arity(analysis, node, form.least, form.most)
        return form.analyse(analysis, node, target, after)
    function = FUNCTIONS.get(name)
    if function is None:
        raise analysis.fail("fhirpath.unknown-function", node.at, name=name)
    _arity(analysis, node, function.least, function.most)
    return _function(analysis, node, function, target, after), after


def _arity(analysis: Analysis, node: Call, least: int, most: int) -> None:
    found = len(node.arguments)
    if not least <= found <= most:
        expected = str(least) if least == most else f"{least} to {most}" if most < MOST else f"{least} or more"
        raise analysis.fail("fhirpath.arity", node.at, name=node.name, expected=expected, found=found)


def _function(analysis: Analysis, node: Call, function: Function, target: Kind, scope: Scope) -> Kind:
    title = f"{node.name}()"
    _note_types(analysis, function, target)
    if function.ordered:
        analysis.ordered(target, node.name, node.at)
    if function.focus != "Items":
        require(analysis, target, TAKES[function.focus], title, node.at)
        if node.target is not None:
            single(analysis, target, node.target, title)
    if node.arguments:
        _arguments(analysis, node, function, scope, title)
    if function.returns is not None:
        return function.returns
    return target.one() if function.focus == "Item" or node.name == "last" else target


def _note_types(analysis: Analysis, function: Function, target: Kind) -> None:
    """Notes that items must carry their type for what the function sees in them."""
    if function.typed == "tree" or (function.typed == "primitive" and _may_be_primitive(analysis, target)):
        analysis.note_types(kinds.UNKNOWN, frozenset())


def _may_be_primitive(analysis: Analysis, target: Kind) -> bool:
    model = analysis.model
    return target.types is None or (model is not None and any(map(model.is_primitive, target.types)))


def _arguments(analysis: Analysis, node: Call, function: Function, scope: Scope, title: str) -> None:
    for argument, takes in zip(node.arguments, function.parameters(len(node.arguments)), strict=True):
        given = analysis.kind(argument, scope)
        if takes != "Items":
            require(analysis, given, TAKES[takes], title, argument.start)
            single(analysis, given, argument, title)
    first = node.arguments[0]
    text = first.value if isinstance(first, Literal) else None
    if isinstance(text, str) and function.accepts and not function.accepts(text):
        raise analysis.fail("fhirpath.pattern", first.start, name=node.name)
