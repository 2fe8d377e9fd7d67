"""What is the same for all items of a `foreach`, made once before its loop."""

import ast
from dataclasses import dataclass, field

from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_known import Known
from gateway.mapping.lineage import UNIT_FACTS, walk

_CALLS = frozenset(
    {
        "coalesce",
        "first",
        "iif",
        "substring",
        "length",
        "trim",
        "lower",
        "upper",
        "startsWith",
        "toString",
        "toDecimal",
    }
)


@dataclass(slots=True)
class Outer:
    """The block before the loop of `emit`, what is known at its end, and what was made in it: by text, for keys."""

    block: list[ast.stmt]
    known: Known
    emit: str
    made: dict[str, str] = field(default_factory=dict)
    parts: dict[tuple[str, str], str] = field(default_factory=dict)

    def has(self, local: str) -> bool:
        """True for a local that the block, or what stands before it, assigns."""
        return local in self.made.values() or local in self.known.variables.values()

    def gives(self, node: nodes.Expr, variables: dict[str, str]) -> bool:
        """True for a part that reads references, facts and variables of the record alone, not those of the item."""
        if isinstance(node, nodes.Variable | nodes.Literal):
            return False
        names, refers = set(), False
        for part in walk(node):
            match part:
                case nodes.Variable(name=name):
                    names.add(name)
                case nodes.Literal() | nodes.Chain() | nodes.Binary():
                    pass
                case nodes.Call(name="ref", target=None, arguments=(nodes.Literal(value=emit),)) if emit != self.emit:
                    refers = True
                case nodes.Call(name=name) if name in _CALLS:
                    pass
                case nodes.Member(target=target) if target is not None:
                    pass
                case _:
                    return False
        known = self.known.variables
        return (refers or not names.isdisjoint(known)) and all(
            name in UNIT_FACTS or (name in known and variables.get(name) == known[name]) for name in names
        )


def leading(node: nodes.Chain, outer: Outer, variables: dict[str, str]) -> tuple[nodes.Expr, ...]:
    """The operands of a text with those at its start that the items share as one of them."""
    count = len(node.operands)
    while count > 1:
        start = nodes.Chain(node.operator, node.operands[:count], node.start, node.end)
        if outer.gives(start, variables):
            return (start, *node.operands[count:])
        count -= 1
    return node.operands
