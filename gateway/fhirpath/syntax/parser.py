"""Tokens to the syntax tree: a Pratt parser with the precedences of the specification.

See https://hl7.org/fhirpath/N1/#operator-precedence.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from gateway.fhirpath.errors import FhirPathError
from gateway.fhirpath.syntax.lexer import END, Kind, kind, tokenize, value
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
    depth,
)
from gateway.fhirpath.values.long import MOST, Long
from gateway.fhirpath.values.quantity import CALENDAR_UNITS, Quantity
from gateway.fhirpath.values.temporal import parse_literal

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
    if not parser.is_small and depth(tree) > MAX_DEPTH:
        raise FhirPathError("fhirpath.too-deep", text, 0, limit=MAX_DEPTH)
    return tree


class _Parser:
    """The state of one parse: the tokens as they are written, the position among them and the depth."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words, self._starts = tokenize(text)
        self._position = 0
        self._depth = 0
        self._word = self._words[0]

    @property
    def is_small(self) -> bool:
        """Whether there are too few tokens for a tree that is too deep."""
        return len(self._words) <= MAX_DEPTH

    def _next(self) -> str:
        """Goes on from a token that is not the end; returns the one after it."""
        self._position += 1
        word = self._word = self._words[self._position]
        return word

    def _start(self) -> int:
        """The offset of the token."""
        return self._starts[self._position]

    def _pass(self) -> int:
        """Goes on from a token; returns the offset of its end."""
        end = self._starts[self._position] + len(self._word)
        self._next()
        return end

    def _fail(self, problem: str, at: int | None = None) -> FhirPathError:
        return FhirPathError("fhirpath.syntax", self._text, self._start() if at is None else at, problem=problem)

    def _expect(self, symbol: str) -> int:
        """Goes on from a symbol; returns the offset of its end."""
        if self._word != symbol:
            raise self._fail(f"Expected {symbol}")
        return self._pass()

    def expect_end(self) -> None:
        """Raises `FhirPathError` unless all tokens are used."""
        if self._word != END:
            raise self._fail("Expected an operator or the end")

    def expression(self, power: int) -> Expr:
        """The expression whose operators bind tighter than `power`."""
        self._depth += 1
        left = self._postfix(self._prefix())
        while (level := POWER.get(self._word, 0)) > power:
            left = self._infix(left, level)
        self._depth -= 1
        return left

    def _infix(self, left: Expr, level: int) -> Expr:
        operator = self._word
        self._next()
        if operator in ("is", "as"):
            name = self.type_name()
            return TypeTest(operator, left, name, left.start, name.end)
        right = self.expression(level)
        if operator not in _CHAINED:
            return Binary(operator, left, right, left.start, right.end)
        operands = [*left.operands] if isinstance(left, Chain) and left.operator == operator else [left]
        operands.append(right)
        while self._word == operator:
            self._next()
            operands.append(self.expression(level))
        return Chain(operator, tuple(operands), left.start, operands[-1].end)

    def _prefix(self) -> Expr:
        if self._depth > MAX_DEPTH:
            raise FhirPathError("fhirpath.too-deep", self._text, self._start(), limit=MAX_DEPTH)
        word = self._word
        sort = kind(word)
        if sort == "name" or sort == "quoted":
            return self._name(None)
        if sort == "symbol":
            return self._symbol()
        if sort == "end":
            raise self._fail("The expression is not complete")
        start = self._start()
        if sort == "number":
            return self._number(word, start, self._pass())
        if sort == "moment":
            return self._moment(word, start)
        made = _PLAIN[sort]
        return made(value(self._text, word, start), start, self._pass())

    def _symbol(self) -> Expr:
        word, start = self._word, self._start()
        if word == "(":
            self._next()
            inner = self.expression(0)
            self._expect(")")
            return inner
        if word == "{":
            self._next()
            return Literal(None, start, self._expect("}"))
        if word in ("+", "-"):
            self._next()
            operand = self.expression(UNARY)
            return Unary(word, operand, start, operand.end)
        raise self._fail("Expected a value")

    def _name(self, target: Expr | None) -> Expr:
        word, at = self._word, self._start()
        if word in RESERVED:
            return self._reserved(target)
        name = self._plain_name()
        start = at if target is None else target.start
        if self._next() != "(":
            return Member(target, name, start, at + len(word), at)
        arguments = self._arguments(sorting=word == "sort") if self._next() != ")" else ()
        return Call(target, name, arguments, start, self._expect(")"), at)

    def _plain_name(self, wanted: str = "name") -> str:
        """The name that the token is."""
        sort = kind(self._word)
        if sort == "name":
            return self._word
        if sort != "quoted":
            raise self._fail(f"Expected a {wanted}")
        return value(self._text, self._word, self._start())

    def _reserved(self, target: Expr | None) -> Expr:
        word, start = self._word, self._start()
        if target is None and word in ("true", "false"):
            return Literal(word == "true", start, self._pass())
        raise self._fail(f"{word} is a keyword; write `{word}` for a name")

    def _arguments(self, *, sorting: bool) -> tuple[Expr, ...]:
        found = [self._argument(sorting=sorting)]
        while self._word == ",":
            self._next()
            found.append(self._argument(sorting=sorting))
        return tuple(found)

    def _argument(self, *, sorting: bool) -> Expr:
        """An argument; a key of sort() may end with `asc` or `desc`, which is the same as a minus before it."""
        found = self.expression(0)
        word = self._word
        if not sorting or word not in ("asc", "desc"):
            return found
        end = self._pass()
        return Unary("-", found, found.start, end) if word == "desc" else found

    def _postfix(self, node: Expr) -> Expr:
        while True:
            if self._word == ".":
                # `.$this` is the item itself.
                if self._next() == "$this":
                    self._next()
                else:
                    node = self._name(node)
            elif self._word == "[":
                self._next()
                index = self.expression(0)
                node = Indexer(node, index, node.start, self._expect("]"))
            else:
                return node

    def _moment(self, word: str, start: int) -> Expr:
        found = parse_literal(word)
        if found is None:
            raise self._fail("There is no such date or time")
        return Literal(found, start, self._pass())

    def _number(self, word: str, start: int, end: int) -> Expr:
        if end - start > MAX_DIGITS:
            raise self._fail(f"A number has {MAX_DIGITS} digits at most", start)
        if word[-1] == "L":
            return Literal(self._long(word, start), start, end)
        unit = self._word
        if kind(unit) == "string":
            name = value(self._text, unit, self._start())
            return Literal(Quantity(Decimal(word), name), start, self._pass())
        if unit in CALENDAR_UNITS:
            return Literal(Quantity(Decimal(word), unit, calendar=True), start, self._pass())
        return Literal(Decimal(word) if "." in word else int(word), start, end)

    def _long(self, word: str, start: int) -> Long:
        number = Long(word[:-1])
        if number > MOST:
            raise self._fail(f"A Long is {MOST} at most", start)
        return number

    def type_name(self) -> TypeName:
        """A type specifier: a name, or a namespace, a dot and a name."""
        start = self._start()
        first = self._plain_name("type")
        end = self._pass()
        if self._word != ".":
            return TypeName("", first, start, end)
        self._next()
        second = self._plain_name("type")
        return TypeName(first, second, start, self._pass())


_PLAIN: Final[dict[Kind, Callable[[str, int, int], Expr]]] = {
    "string": Literal,
    "variable": Variable,
    "special": Special,
}
