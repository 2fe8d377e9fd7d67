"""The typed syntax tree of an expression; `start` and `end` are offsets in its text.

Nodes are never changed. They are not declared frozen, because making a frozen one takes three times as long.

See https://hl7.org/fhirpath/N1/grammar.html.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True, eq=False)
class Literal:
    """A value written in the text: bool, str, int, Decimal, Temporal or Quantity; None is `{}`."""

    value: object
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Variable:
    """`%name`, `` %`name` `` or `%'name'`."""

    name: str
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Special:
    """`$this`, `$index` or `$total`; `name` has no dollar sign."""

    name: str
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Member:
    """`target.name`; the target is None for a name that stands alone. `at` is where the name is."""

    target: "Expr | None"
    name: str
    start: int
    end: int
    at: int


@dataclass(slots=True, eq=False)
class Call:
    """`target.name(arguments)`; the target is None for a call that stands alone. `at` is where the name is."""

    target: "Expr | None"
    name: str
    arguments: "tuple[Expr, ...]"
    start: int
    end: int
    at: int


@dataclass(slots=True, eq=False)
class Indexer:
    """`target[index]`."""

    target: "Expr"
    index: "Expr"
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Unary:
    """`+operand` or `-operand`."""

    operator: str
    operand: "Expr"
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Expr"
    right: "Expr"
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Chain:
    """Operands of one associative operator, written side by side: `|`, `and`, `or`, `&`."""

    operator: str
    operands: "tuple[Expr, ...]"
    start: int
    end: int


@dataclass(slots=True, eq=False)
class TypeName:
    """A type as it is written; the namespace is "System", "FHIR" or empty."""

    namespace: str
    name: str
    start: int
    end: int


@dataclass(slots=True, eq=False)
class TypeTest:
    """`operand is type` and `operand as type`."""

    operator: str
    operand: "Expr"
    type: TypeName
    start: int
    end: int


Expr: TypeAlias = Literal | Variable | Special | Member | Call | Indexer | Unary | Binary | Chain | TypeTest


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct parts of a node, in the order of the text."""
    match node:
        case Member():
            return () if node.target is None else (node.target,)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case Indexer():
            return node.target, node.index
        case Unary() | TypeTest():
            return (node.operand,)
        case Binary():
            return node.left, node.right
        case Chain():
            return node.operands
    return ()


def depth(tree: Expr) -> int:
    """How many levels the tree has."""
    levels = 0
    level: list[Expr] = [tree]
    while level:
        levels += 1
        level = [child for node in level for child in children(node)]
    return levels


def steps(node: Expr) -> int:
    """How many steps lead to a node: `a.b(c).d` has three."""
    count = 1
    while isinstance(node, Member | Call | Indexer) and node.target is not None:
        node = node.target
        count += 1
    return count
