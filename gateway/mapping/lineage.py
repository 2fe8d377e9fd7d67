"""Which payload paths an expression reads: the static half of lineage, free at run time.

The reading is generous: it follows names through filters and functions, so that a path may be read and not be what
decided the value. It never leaves out a path that is written in the expression.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.fhirpath import Expression
from gateway.fhirpath.syntax import nodes
from gateway.mapping.budget import Counted
from gateway.mapping.plan import Source

UNIT_FACTS = frozenset({"subject", "site", "study", "envelope"})
"""Variables that are the same in a whole unit."""

_SMALL = UNIT_FACTS | {"index", "ucum"}
"""Variables that are small whatever the payload is."""

_SHRINKS = frozenset({"where", "exists", "all", "first", "last", "substring", "coalesce", "iif", "ref", "lookup"})
_NO_FOCUS = frozenset({"coalesce", "iif", "lookup"})
_ROOTS = frozenset({"record", "payload", "item"})
_ASKS = frozenset({"where", "exists", "all", "any"})
_MOVES_FOCUS = frozenset({"where", "select", "all", "exists", "repeat", "any", "sort"})


def sources_of(tree: nodes.Expr, variables: Mapping[str, tuple[Source, ...]]) -> tuple[Source, ...]:
    """The paths that `tree` reads, in the order of the text; those of the variables it uses included."""
    reader = _Reader(variables)
    reader.keep(tree, Source("focus", ()))
    found = sorted(reader.found, key=lambda entry: entry[0])
    return tuple(dict.fromkeys(source for _, source in found))


def asked_of(tree: nodes.Expr, variables: Mapping[str, tuple[Source, ...]]) -> tuple[Source, ...]:
    """The paths that filters in `tree` ask for: `type` in `items.where(type = 'a')`, and not `items`."""
    reader = _Reader(variables)
    reader.keep(tree, Source("focus", ()))
    filters = [node for node in walk(tree) if isinstance(node, nodes.Call) and node.name in _ASKS]
    spans = [(argument.start, argument.end) for node in filters for argument in node.arguments]
    return tuple(source for start, source in reader.found if any(begin <= start < end for begin, end in spans))


def variables_of(tree: nodes.Expr) -> frozenset[str]:
    """The names of the variables in the tree."""
    return frozenset(node.name for node in walk(tree) if isinstance(node, nodes.Variable))


def is_fixed(tree: nodes.Expr) -> bool:
    """True when the expression reads neither focus nor payload, so that it is the same in a whole unit."""
    for node in walk(tree):
        match node:
            case nodes.Special() | nodes.Member(target=None):
                return False
            case nodes.Call(target=None, name=name) if name not in _NO_FOCUS:
                return False
            case nodes.Variable(name=name) if name not in UNIT_FACTS:
                return False
    return True


def counted(expression: Expression) -> Expression | Counted:
    """The expression, so that its work counts where it may be more than that of a path from the focus."""
    return Counted(expression) if is_wide(expression.ast) else expression


def is_wide(tree: nodes.Expr) -> bool:
    """True for what reads a variable that may be a large part of the payload."""
    return any(isinstance(node, nodes.Variable) and node.name not in _SMALL for node in walk(tree))


def joins(tree: nodes.Expr) -> bool:
    """True for what may give more than it reads: from one variable to the next that could double."""
    return any(
        (isinstance(node, nodes.Chain | nodes.Binary) and node.operator in ("&", "|", "+"))
        or (isinstance(node, nodes.Call) and node.name not in _SHRINKS and bool(node.arguments))
        for node in walk(tree)
    )


def walk(tree: nodes.Expr) -> list[nodes.Expr]:
    """Every node of the tree, parents first."""
    found = [tree]
    for node in found:
        found.extend(nodes.children(node))
    return found


def plain_path(tree: nodes.Expr | None) -> tuple[str, ...] | None:
    """The names of a path from the focus, `a.b.c`; None for anything else."""
    names: list[str] = []
    while isinstance(tree, nodes.Member):
        names.append(tree.name)
        tree = tree.target
    return tuple(reversed(names)) if names and tree is None else None


def fact_path(tree: nodes.Expr | None) -> tuple[str, ...]:
    """The names of a path like `%site.zone`, the variable first; () for anything else."""
    names: list[str] = []
    while isinstance(tree, nodes.Member):
        names.append(tree.name)
        tree = tree.target
    return (tree.name, *reversed(names)) if isinstance(tree, nodes.Variable) else ()


class _Reader:
    """Collects paths with the offsets where they start."""

    def __init__(self, variables: Mapping[str, tuple[Source, ...]]) -> None:
        self.variables = variables
        self.found: list[tuple[int, Source]] = []

    def keep(self, node: nodes.Expr, focus: Source | None) -> None:
        """Notes the path of a node that ends there; the bare focus is no path."""
        source = self.visit(node, focus)
        if source is not None and (source.names or source.root != "focus"):
            self.found.append((node.start, source))

    def visit(self, node: nodes.Expr, focus: Source | None) -> Source | None:
        """The path that `node` stands for, None when it stands for a computed value; its parts are noted."""
        match node:
            case nodes.Member(target=target, name=name):
                base = focus if target is None else self.visit(target, focus)
                return replace(base, names=(*base.names, name)) if base is not None else None
            case nodes.Variable():
                return self._variable(node)
            case nodes.Special(name="this"):
                return focus
            case nodes.Call():
                return self._call(node, focus)
            case nodes.Indexer(target=target, index=index):
                self.keep(index, focus)
                return self.visit(target, focus)
        for child in nodes.children(node):
            self.keep(child, focus)
        return None

    def _variable(self, node: nodes.Variable) -> Source | None:
        if node.name in _ROOTS:
            return Source(node.name, ())
        known = self.variables.get(node.name, ())
        if len(known) == 1:
            return known[0]
        self.found.extend((node.start, source) for source in known)
        return None

    def _call(self, node: nodes.Call, focus: Source | None) -> Source | None:
        base = focus if node.target is None else self.visit(node.target, focus)
        inner = base if node.name in _MOVES_FOCUS else focus
        if node.name == "select" and node.arguments:
            return self.visit(node.arguments[0], inner)
        for argument in node.arguments:
            self.keep(argument, inner)
        if node.name == "positions" and base is not None and isinstance(node.arguments[0], nodes.Literal):
            return replace(base, names=(*base.names, str(node.arguments[0].value)))
        return base if node.target is not None else None
