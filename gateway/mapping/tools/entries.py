"""Which fields of an object a formula reads that walks it by `entries()`: those that it names, or any."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.fhirpath.syntax import nodes
from gateway.mapping.lineage import sources_of, walk
from gateway.mapping.plan import Formula, Source

ANY: Final = "*"
"""Stands for whatever name a field has."""

Known = Mapping[str, tuple[Source, ...]]


def entries_read(formula: Formula, known: Known) -> Iterator[Source]:
    """Paths to the fields whose entries the formula takes; `known` has the paths of the variables."""
    tree = formula.expression.ast
    named = dict(_named(tree))
    for node in walk(tree):
        if isinstance(node, nodes.Call) and node.name == "entries":
            names = named.get(id(node), (ANY,))
            bases = (Source("focus", ()),) if node.target is None else sources_of(node.target, known)
            yield from (Source(base.root, (*base.names, name)) for base in bases for name in names)


def _named(tree: nodes.Expr) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The calls of `entries()` that something follows which takes some names only, or no values at all."""
    for node in walk(tree):
        match node:
            case nodes.Call(target=nodes.Call(name="entries") as entries, name="where" | "exists" | "all"):
                names = _names(node.arguments[0]) if node.arguments else ()
                if names is not None:
                    yield id(entries), names
            case nodes.Member(target=nodes.Call(name="entries") as entries, name="key"):
                yield id(entries), ()


def _names(condition: nodes.Expr) -> tuple[str, ...] | None:
    """The names that a condition takes, `key = 'a'` or `key in ('a' | 'b')` and more; None for any."""
    match condition:
        case nodes.Chain(operator="and", operands=parts):
            return next((names for part in parts if (names := _names(part)) is not None), None)
        case nodes.Binary(operator="=" | "in", left=nodes.Member(target=None, name="key"), right=right):
            listed = right.operands if isinstance(right, nodes.Chain) else (right,)
            texts = [one.value for one in listed if isinstance(one, nodes.Literal) and isinstance(one.value, str)]
            return tuple(texts) if len(texts) == len(listed) else None
    return None
