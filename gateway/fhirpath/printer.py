"""A syntax tree as text: as an expression that parses to the same tree, and as an indented outline."""

import re
from decimal import Decimal
from typing import Final

from gateway.fhirpath.facts import Facts
from gateway.fhirpath.syntax.lexer import ESCAPED
from gateway.fhirpath.syntax.nodes import (
    Binary,
    Call,
    Chain,
    Expr,
    Indexer,
    Literal,
    Member,
    Special,
    TypeName,
    TypeTest,
    Unary,
    Variable,
    children,
)
from gateway.fhirpath.syntax.parser import POWER, RESERVED, UNARY
from gateway.fhirpath.values.long import Long
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ATOM: Final = 100
_ESCAPES: Final = {symbol: f"\\{letter}" for letter, symbol in ESCAPED.items() if letter not in '/`"'}


def print_expression(node: Expr) -> str:
    """The text of a tree; parentheses stand where the precedence of operators needs them."""
    match node:
        case Literal(value=value):
            return _literal(value)
        case Variable(name=name):
            return f"%{_name(name)}"
        case Special(name=name):
            return f"${name}"
        case Member(target=target, name=name):
            return f"{_target(target)}{_name(name)}"
        case Call(target=target, name=name, arguments=arguments):
            return f"{_target(target)}{_name(name)}({', '.join(map(print_expression, arguments))})"
        case Indexer(target=target, index=index):
            return f"{_operand(target, _ATOM)}[{print_expression(index)}]"
    return _operator(node)


def _operator(node: Unary | TypeTest | Binary | Chain) -> str:
    match node:
        case Unary(operator=operator, operand=operand):
            # A space keeps `- -1` from looking like one token to the reader.
            return f"{operator}{_operand(operand, UNARY)}"
        case TypeTest(operator=operator, operand=operand, type=type_name):
            return f"{_operand(operand, POWER[operator] - 1)} {operator} {_type(type_name)}"
        case Binary(operator=operator, left=left, right=right):
            return f"{_operand(left, POWER[operator] - 1)} {operator} {_operand(right, POWER[operator])}"
    first, *rest = node.operands
    power = POWER[node.operator]
    return f" {node.operator} ".join((_operand(first, power - 1), *(_operand(part, power) for part in rest)))


def power_of(node: Expr) -> int:
    """How tight the outermost operator of a node binds; names and calls bind tightest."""
    match node:
        case Unary():
            return UNARY
        case TypeTest(operator=operator) | Binary(operator=operator) | Chain(operator=operator):
            return POWER[operator]
    return _ATOM


def _operand(node: Expr, least: int) -> str:
    text = print_expression(node)
    return text if power_of(node) > least or power_of(node) == _ATOM else f"({text})"


def _target(node: Expr | None) -> str:
    if node is None:
        return ""
    text = _operand(node, _ATOM)
    # `1.5` and `1.x` would run together, and a date would take the dot's name for its own.
    return f"({text})." if isinstance(node, Literal) and node.value is not None else f"{text}."


def _name(name: str) -> str:
    if _NAME.match(name) and name not in RESERVED:
        return name
    return f"`{_escape(name, '`')}`"


def _escape(text: str, quote: str) -> str:
    parts = []
    for symbol in text:
        if symbol == quote or symbol == "\\":
            parts.append(f"\\{symbol}")
        elif symbol in _ESCAPES and symbol not in "'\"":
            parts.append(_ESCAPES[symbol])
        else:
            parts.append(symbol)
    return "".join(parts)


def _literal(value: object) -> str:
    match value:
        case None:
            return "{}"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{_escape(value, chr(39))}'"
        case Long():
            return f"{value}L"
        case Temporal(sort="Time"):
            return f"@T{value}"
        case Temporal(sort="DateTime"):
            text = str(value)
            return f"@{text}" if "T" in text else f"@{text}T"
        case Temporal():
            return f"@{value}"
        case Quantity():
            unit = value.unit if value.calendar else f"'{_escape(value.unit, chr(39))}'"
            return f"{value.value:f} {unit}"
        case Decimal():
            return f"{value:f}"
    return str(value)


def _type(name: TypeName) -> str:
    return f"{_name(name.namespace)}.{_name(name.name)}" if name.namespace else _name(name.name)


def outline(tree: Expr, facts: Facts) -> str:
    """One line for each node: its place in the text, what it is, and the types it may give; children are indented."""
    lines: list[str] = []
    todo: list[tuple[Expr, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        kind = facts.kinds.get(id(node))
        types = (
            "" if kind is None else " : " + ("?" if kind.types is None else "|".join(sorted(kind.types)) or "nothing")
        )
        many = "*" if kind is not None and kind.many else ""
        written = print_expression(node)
        lines.append(f"{node.start + 1:>4} {'  ' * depth}{type(node).__name__} {written}{types}{many}")
        todo.extend((child, depth + 1) for child in reversed(children(node)))
    return "\n".join(lines)
