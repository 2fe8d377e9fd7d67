"""Tokens to the syntax tree: a Pratt parser with the precedences of the specification.

See https://hl7.org/fhirpath/N1/#operator-precedence.
"""

from decimal import Decimal
from typing import Final

from gateway.fhirpath.errors import FhirPathError
from gateway.fhirpath.lexer import Token, tokenize
from gateway.fhirpath.nodes import (
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
    depth,
)
from gateway.fhirpath.quantity import CALENDAR_UNITS, Quantity
from gateway.fhirpath.temporal import parse_literal

MAX_DEPTH: Final = 60
"""How deep the tree of an expression may be; a chain of one associative operator counts as one level."""

MAX_DIGITS: Final = 100
"""How many digits a number in an expression may have."""

_LEVELS: Final = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    (">", "<", ">=", "<="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
POWER: Final = {operator: level for level, operators in enumerate(_LEVELS, 1) for operator in operators}
UNARY: Final = len(_LEVELS) + 1
_CHAINED: Final = frozenset(("|", "and", "or", "&"))
RESERVED: Final = frozenset(("and", "or", "xor", "implies", "div", "mod", "true", "false"))


def parse(text: str) -> Expr:
    """The syntax tree of an expression; raises `FhirPathError` with the place of the first fault."""
    parser = _Parser(text)
    tree = parser.expression(0)
    parser.expect_end()
    if depth(tree) > MAX_DEPTH:
        raise FhirPathError("fhirpath.too-deep", text, 0, limit=MAX_DEPTH)
    return tree


def parse_type(text: str) -> TypeName:
    """A type specifier such as `FHIR.Patient`; raises `FhirPathError`."""
    parser = _Parser(text)
    name = parser.type_name()
    parser.expect_end()
    return name


class _Parser:
    """The state of one parse: the tokens, the position and the depth."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0
        self._token = self._tokens[0]

    def _next(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._position += 1
            self._token = self._tokens[self._position]
        return token

    def _fail(self, problem: str, at: int | None = None) -> FhirPathError:
        return FhirPathError("fhirpath.syntax", self._text, self._token.start if at is None else at, problem=problem)

    def _is(self, symbol: str) -> bool:
        token = self._token
        return token.value == symbol and token.kind == "symbol"

    def _expect(self, symbol: str) -> Token:
        if not self._is(symbol):
            raise self._fail(f"Expected {symbol}")
        return self._next()

    def expect_end(self) -> None:
        """Raises `FhirPathError` unless all tokens are used."""
        if self._token.kind != "end":
            raise self._fail("Expected an operator or the end")

    def expression(self, power: int) -> Expr:
        """The expression whose operators bind tighter than `power`."""
        self._depth += 1
        left = self._postfix(self._prefix())
        while (level := self._operator_power()) > power:
            left = self._infix(left, level)
        self._depth -= 1
        return left

    def _check_depth(self) -> None:
        if self._depth > MAX_DEPTH:
            raise FhirPathError("fhirpath.too-deep", self._text, self._token.start, limit=MAX_DEPTH)

    def _operator_power(self) -> int:
        token = self._token
        return POWER.get(token.value, 0) if token.kind in ("symbol", "name") else 0

    def _infix(self, left: Expr, level: int) -> Expr:
        operator = self._next().value
        if operator in ("is", "as"):
            name = self.type_name()
            return TypeTest(operator, left, name, left.start, name.end)
        right = self.expression(level)
        if operator in _CHAINED:
            operands = [*left.operands] if isinstance(left, Chain) and left.operator == operator else [left]
            operands.append(right)
            while self._token.value == operator and self._operator_power() == level:
                self._next()
                operands.append(self.expression(level))
            return Chain(operator, tuple(operands), left.start, operands[-1].end)
        return Binary(operator, left, right, left.start, right.end)

    def _prefix(self) -> Expr:
        self._check_depth()
        token = self._token
        match token.kind:
            case "symbol":
                return self._symbol()
            case "name" | "quoted":
                return self._name(None)
            case "variable":
                self._next()
                return Variable(token.value, token.start, token.end)
            case "special":
                self._next()
                return Special(token.value, token.start, token.end)
            case "end":
                raise self._fail("The expression is not complete")
        return self._literal()

    def _symbol(self) -> Expr:
        token = self._token
        match token.value:
            case "(":
                self._next()
                inner = self.expression(0)
                self._expect(")")
                return inner
            case "{":
                self._next()
                return Literal(None, token.start, self._expect("}").end)
            case "+" | "-":
                self._next()
                operand = self.expression(UNARY)
                return Unary(token.value, operand, token.start, operand.end)
        raise self._fail("Expected a value")

    def _name(self, target: Expr | None) -> Expr:
        token = self._token
        if token.kind not in ("name", "quoted"):
            raise self._fail("Expected a name")
        if token.kind == "name" and token.value in RESERVED:
            if target is None and token.value in ("true", "false"):
                self._next()
                return Literal(token.value == "true", token.start, token.end)
            raise self._fail(f"{token.value} is a keyword; write `{token.value}` for a name")
        self._next()
        start = token.start if target is None else target.start
        if not self._is("("):
            return Member(target, token.value, start, token.end, token.start)
        self._next()
        arguments = self._arguments(sorting=token.value == "sort")
        return Call(target, token.value, arguments, start, self._expect(")").end, token.start)

    def _arguments(self, *, sorting: bool) -> tuple[Expr, ...]:
        if self._is(")"):
            return ()
        found = [self._argument(sorting=sorting)]
        while self._is(","):
            self._next()
            found.append(self._argument(sorting=sorting))
        return tuple(found)

    def _argument(self, *, sorting: bool) -> Expr:
        """An argument; a key of sort() may end with `asc` or `desc`, which is the same as a minus before it."""
        found = self.expression(0)
        token = self._token
        if not sorting or token.kind != "name" or token.value not in ("asc", "desc"):
            return found
        self._next()
        return Unary("-", found, found.start, token.end) if token.value == "desc" else found

    def _postfix(self, node: Expr) -> Expr:
        while True:
            if self._is("."):
                self._next()
                node = self._invocation(node)
            elif self._is("["):
                self._next()
                index = self.expression(0)
                node = Indexer(node, index, node.start, self._expect("]").end)
            else:
                return node

    def _invocation(self, target: Expr) -> Expr:
        token = self._token
        if token.kind == "special" and token.value == "this":
            self._next()
            return target
        return self._name(target)

    def _literal(self) -> Expr:
        token = self._next()
        if token.kind == "string":
            return Literal(token.value, token.start, token.end)
        if token.kind in ("date", "time"):
            value = parse_literal(token.value)
            if value is None:
                raise self._fail("There is no such date or time", token.start)
            return Literal(value, token.start, token.end)
        return self._number(token)

    def _number(self, token: Token) -> Expr:
        if token.end - token.start > MAX_DIGITS:
            raise self._fail(f"A number has {MAX_DIGITS} digits at most", token.start)
        unit = self._token
        if unit.kind == "string":
            self._next()
            return Literal(Quantity(Decimal(token.value), unit.value), token.start, unit.end)
        if unit.kind == "name" and unit.value in CALENDAR_UNITS:
            self._next()
            return Literal(Quantity(Decimal(token.value), unit.value, calendar=True), token.start, unit.end)
        number = Decimal(token.value) if "." in token.value else int(token.value)
        return Literal(number, token.start, token.end)

    def type_name(self) -> TypeName:
        """A type specifier: a name, or a namespace, a dot and a name."""
        first = self._token
        if first.kind not in ("name", "quoted"):
            raise self._fail("Expected a type")
        self._next()
        if not self._is("."):
            return TypeName("", first.value, first.start, first.end)
        self._next()
        second = self._token
        if second.kind not in ("name", "quoted"):
            raise self._fail("Expected a type")
        self._next()
        return TypeName(first.value, second.value, first.start, second.end)
