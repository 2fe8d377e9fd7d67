"""What operators and functions take, checked before any data is seen."""

from decimal import Decimal
from typing import Final

from gateway.fhirpath import kinds
from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.kinds import TEMPORAL, Kind, system_types
from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax.nodes import Binary, Chain, Expr, Literal, Member, Special, Variable
from gateway.fhirpath.values.long import Long
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal

_NUMBERS: Final = frozenset(("System.Integer", "System.Decimal", "System.Long"))
NUMERIC: Final = _NUMBERS | {"System.Quantity"}
_MOMENTS: Final = frozenset(("System.Date", "System.DateTime", "System.Time"))
_ORDERED: Final = NUMERIC | _MOMENTS | {"System.String"}
_TEXT: Final = frozenset(("System.String",))
_ANY: Final = frozenset(("System.Any",))
_OPEN: Final = frozenset(("Element", "Resource", "DomainResource"))
_VALUES: Final = _ORDERED
_OF_COLLECTIONS: Final = frozenset(("=", "!=", "~", "!~"))

TAKES: Final = {
    "String": _TEXT | _MOMENTS,
    "Integer": _NUMBERS,
    "Number": _NUMBERS,
    "Boolean": _ANY,
    "Item": _ANY,
    "Items": _ANY,
}
"""The System types that each sort of parameter takes."""


_LITERALS: Final = {
    type(None): kinds.NOTHING,
    bool: kinds.BOOLEAN,
    str: kinds.STRING,
    int: kinds.INTEGER,
    Long: kinds.LONG,
    Decimal: kinds.DECIMAL,
    Quantity: kinds.QUANTITY,
}


def require(analyzer: Analysis, kind: Kind, allowed: frozenset[str], operation: str, offset: int) -> None:
    """Refuses a kind none of whose types is allowed."""
    found = system_types(kind)
    if not found or "System.Any" in allowed or "System.Any" in found or found & allowed:
        return
    if found & _OPEN:
        return
    name = min(found).removeprefix("System.")
    if all(one.startswith("System.") for one in found):
        raise analyzer.fail("fhirpath.type", offset, operation=operation, type=name)
    analyzer.refuse("fhirpath.type", offset, operation=operation, type=name)


def single(analyzer: Analysis, kind: Kind, node: Expr, operation: str) -> None:
    """Refuses a plain path over a repeating element where one item is needed; what filters may leave one item."""
    if kind.many and kind.types and _is_path(node):
        analyzer.refuse("fhirpath.cardinality", node.start, operation=operation, name=print_expression(node))


def _is_path(node: Expr) -> bool:
    """Whether a node is steps alone: nothing in it could leave one of several items."""
    step: Expr | None = node
    while isinstance(step, Member):
        step = step.target
    return isinstance(node, Member) and (step is None or isinstance(step, Special | Variable))


def operator_kind(analyzer: Analysis, node: Binary | Chain, scope: Scope) -> Kind:
    """The kind of an operator's result; refuses operands that can never do."""
    if isinstance(node, Chain):
        return _chain(analyzer, node, scope)
    left, right = analyzer.kind(node.left, scope), analyzer.kind(node.right, scope)
    found = _binary(analyzer, node, left, right)
    if node.operator not in _OF_COLLECTIONS and node.operator != "contains":
        single(analyzer, left, node.left, node.operator)
    if node.operator not in _OF_COLLECTIONS and node.operator != "in":
        single(analyzer, right, node.right, node.operator)
    return found


def _binary(analyzer: Analysis, node: Binary, left: Kind, right: Kind) -> Kind:
    match node.operator:
        case "+" | "-" | "*" | "/" | "div" | "mod":
            return _arithmetic(analyzer, node, left, right)
        case "<" | ">" | "<=" | ">=":
            require(analyzer, left, _ORDERED, node.operator, node.left.start)
            require(analyzer, right, _ORDERED, node.operator, node.right.start)
            _note_moments(analyzer, left, right)
        case "=" | "!=" | "~" | "!~" | "in" | "contains":
            _note_moments(analyzer, left, right)
    return kinds.BOOLEAN


def _note_moments(analyzer: Analysis, left: Kind, right: Kind) -> None:
    """Texts that may be dates only by their element's type must carry it when compared with each other."""
    if analyzer.model is not None and _may_be_moment(left) and _may_be_moment(right):
        analyzer.facts.typed = True


def _may_be_moment(kind: Kind) -> bool:
    if kind.types is None:
        return True
    return bool(kind.types & TEMPORAL) and kind.types != kind.types & TEMPORAL


def _chain(analyzer: Analysis, node: Chain, scope: Scope) -> Kind:
    found = [analyzer.kind(operand, scope) for operand in node.operands]
    if node.operator == "|":
        joined = found[0]
        for kind in found[1:]:
            joined = joined.join(kind)
        return Kind(joined.types, many=True)
    for kind, operand in zip(found, node.operands, strict=True):
        single(analyzer, kind, operand, node.operator)
    if node.operator == "&":
        for kind, operand in zip(found, node.operands, strict=True):
            require(analyzer, kind, _TEXT | _MOMENTS, "&", operand.start)
        return kinds.STRING
    return kinds.BOOLEAN


def _arithmetic(analyzer: Analysis, node: Binary, left: Kind, right: Kind) -> Kind:
    allowed = NUMERIC
    if node.operator in ("+", "-"):
        allowed = NUMERIC | _MOMENTS | _TEXT if node.operator == "+" else NUMERIC | _MOMENTS
    elif node.operator in ("div", "mod"):
        allowed = _NUMBERS
    require(analyzer, left, allowed, node.operator, node.left.start)
    require(analyzer, right, allowed - _MOMENTS, node.operator, node.right.start)
    ours, theirs = system_types(left), system_types(right)
    if not ours or not theirs:
        return kinds.UNKNOWN_ITEM
    if ours <= _MOMENTS:
        require(analyzer, right, frozenset(("System.Quantity",)), f"{node.operator} of a date", node.right.start)
        return left.one()
    if ours == theirs == _TEXT:
        return kinds.STRING
    if ours <= _NUMBERS and theirs <= _NUMBERS:
        if "System.Decimal" in ours | theirs or node.operator == "/":
            return kinds.DECIMAL
        return kinds.LONG if "System.Long" in ours | theirs else kinds.INTEGER
    if "System.Quantity" in ours | theirs:
        return kinds.QUANTITY
    return kinds.UNKNOWN_ITEM


def literal_kind(value: object) -> Kind:
    """The kind of a literal; a Temporal tells its own."""
    return kinds.system(value.sort) if isinstance(value, Temporal) else _LITERALS[value.__class__]


def require_boolean(analysis: Analysis, kind: Kind, node: Expr, name: str) -> None:
    """Refuses criteria that are a text, number or other value that is surely no boolean, or surely several items."""
    found = system_types(kind)
    if found and found <= _VALUES:
        raise analysis.fail("fhirpath.argument", node.start, name=name, expected="a condition, not a value")
    if (
        isinstance(node, Chain)
        and node.operator == "|"
        and all(isinstance(part, Literal) and part.value is not None for part in node.operands)
    ):
        raise analysis.fail("fhirpath.cardinality", node.start, operation=f"{name}()", name="this union")
