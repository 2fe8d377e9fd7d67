"""A slow evaluator that walks the tree, written from the specification: the oracle of the compiler.

It knows the core of the language on trees without a model and shares nothing with the compiler but the operators on
single items.
"""

from collections.abc import Callable
from typing import Any

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.syntax.nodes import Binary, Call, Chain, Expr, Indexer, Literal, Member, Special, Unary
from gateway.fhirpath.values import arithmetic, equality, ordering
from gateway.fhirpath.values.long import Long

COMPARE = {"<": ordering.less, "<=": ordering.at_most, ">": ordering.greater, ">=": ordering.at_least}


def walk(node: Expr, this: list[Any]) -> list[Any]:
    """The items of a node; raises `Fault`."""
    match node:
        case Literal(value=value):
            return [] if value is None else [int(value) if isinstance(value, Long) else value]
        case Special():
            return this
        case Member(target=target, name=name):
            return [part for item in _focus(target, this) for part in _step(item, name)]
        case Indexer(target=target, index=index):
            items, position = walk(target, this), _one(walk(index, this))
            if position is not None and position.__class__ is not int:
                raise Fault("fhirpath.operand", operation="[]")
            return [items[position]] if position is not None and 0 <= position < len(items) else []
        case Unary(operator=operator, operand=operand):
            value = _one(walk(operand, this))
            sign = arithmetic.negate if operator == "-" else arithmetic.positive
            return _list(None if value is None else sign(value))
        case Binary():
            return _list(_binary(node, this))
        case Chain():
            return _chain(node, this)
        case Call():
            return CALLS[node.name](node, _focus(node.target, this), this)
    raise AssertionError(node)


def _focus(target: Expr | None, this: list[Any]) -> list[Any]:
    return this if target is None else walk(target, this)


def _list(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _one(items: list[Any]) -> Any:
    if len(items) > 1:
        raise Fault("fhirpath.several")
    return items[0] if items else None


def _truth(items: list[Any]) -> bool | None:
    value = _one(items)
    return value if value is None or isinstance(value, bool) else True


def _step(item: Any, name: str) -> list[Any]:
    value = item.get(name) if isinstance(item, dict) else None
    return [part for part in (value if isinstance(value, list) else [value]) if part is not None]


def _binary(node: Binary, this: list[Any]) -> Any:
    operator = node.operator
    if operator == "implies":
        left = _truth(walk(node.left, this))
        if left is False:
            return True
        right = _truth(walk(node.right, this))
        return right if left else (True if right else None)
    left, right = walk(node.left, this), walk(node.right, this)
    if operator in ("=", "!="):
        found = equality.all_equal(left, right)
        return found if found is None or operator == "=" else not found
    if operator in ("~", "!~"):
        return equality.all_equivalent(left, right) is (operator == "~")
    if operator == "xor":
        ours, theirs = _truth(left), _truth(right)
        return None if ours is None or theirs is None else ours is not theirs
    ours, theirs = (
        (_one(left), right) if operator == "in" else (left, _one(right)) if operator == "contains" else (0, 0)
    )
    if operator == "in":
        return None if ours is None else any(equality.equal(ours, item) is True for item in right)
    if operator == "contains":
        return None if theirs is None else any(equality.equal(theirs, item) is True for item in left)
    ours, theirs = _one(left), _one(right)
    if ours is None or theirs is None:
        return None
    return COMPARE[operator](ours, theirs) if operator in COMPARE else arithmetic.OPERATORS[operator](ours, theirs)


def _chain(node: Chain, this: list[Any]) -> list[Any]:
    if node.operator == "|":
        return equality.distinct([item for operand in node.operands for item in walk(operand, this)])
    if node.operator == "&":
        values = [_one(walk(operand, this)) for operand in node.operands]
        text: Any = values[0]
        for value in values[1:]:
            text = arithmetic.concatenate(text, value)
        return [text]
    ends = node.operator == "or"
    found = _truth(walk(node.operands[0], this))
    for operand in node.operands[1:]:
        if found is ends:
            continue
        other = _truth(walk(operand, this))
        found = other if found is not None else (ends if other is ends else None)
    return _list(found)


def _where(node: Call, focus: list[Any], _this: list[Any]) -> list[Any]:
    return [item for item in focus if _truth(walk(node.arguments[0], [item])) is True]


def _exists(node: Call, focus: list[Any], this: list[Any]) -> list[Any]:
    return [bool(_where(node, focus, this) if node.arguments else focus)]


def _iif(node: Call, _focus: list[Any], this: list[Any]) -> list[Any]:
    if _truth(walk(node.arguments[0], this)) is True:
        return walk(node.arguments[1], this)
    return walk(node.arguments[2], this) if len(node.arguments) > 2 else []


def _coalesce(node: Call, _focus: list[Any], this: list[Any]) -> list[Any]:
    for argument in node.arguments:
        found = walk(argument, this)
        if found:
            return found
    return []


def _not(_node: Call, focus: list[Any], _this: list[Any]) -> list[Any]:
    value = _truth(focus)
    return [] if value is None else [not value]


CALLS: dict[str, Callable[[Call, list[Any], list[Any]], list[Any]]] = {
    "where": _where,
    "select": lambda node, focus, _: [part for item in focus for part in walk(node.arguments[0], [item])],
    "all": lambda node, focus, _: [all(_truth(walk(node.arguments[0], [item])) is True for item in focus)],
    "exists": _exists,
    "empty": lambda _, focus, __: [not focus],
    "count": lambda _, focus, __: [len(focus)],
    "first": lambda _, focus, __: focus[:1],
    "last": lambda _, focus, __: focus[-1:],
    "tail": lambda _, focus, __: focus[1:],
    "distinct": lambda _, focus, __: equality.distinct(focus),
    "not": _not,
    "iif": _iif,
    "coalesce": _coalesce,
    "combine": lambda node, focus, this: focus + walk(node.arguments[0], this),
    "union": lambda node, focus, this: equality.distinct(focus + walk(node.arguments[0], this)),
}
