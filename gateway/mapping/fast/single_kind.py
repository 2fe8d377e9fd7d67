"""What all items of one kind share, while a function is written: see `single_shared`."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.fhirpath.syntax import nodes
from gateway.formats import Alike, AlikeRecords
from gateway.mapping.fast.remembering import is_pure
from gateway.mapping.fast.single_known import Known
from gateway.mapping.lineage import sources_of
from gateway.mapping.plan import Constant, Formula, Items, Map, Node, Series, Value


class NoRowsError(Exception):
    """The function cannot be written without items."""


@dataclass(slots=True)
class Unfilled:
    """The list of the record that may have rows instead of items; functions of a kind are written into `module`.

    `listed`, `rows` and `kinds` are the locals of the list, its rows, and the set of their kinds; `nevers` is the
    global with all that is asked of kinds, `none` the local that is True where none of it holds for any of them.

    `told` are the names of objects of the record that may not be made either, by the locals that stand for these; no
    statement may name one. What is not told of such an object, but in another one, is read of the local in `said`.
    Beside these the record has what is `own`, and `nothing` is the local for all else.
    """

    alike: Alike
    module: list[ast.stmt]
    listed: str
    rows: str
    kinds: str
    nevers: str
    none: str
    told: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    nothing: str = ""

    def lacks(self, name: str) -> bool:
        """True for a name that the record has not."""
        return bool(self.nothing) and name not in self.own and name not in self.told.values()

    def hides(self, names: Iterable[str]) -> bool:
        """True where something at one of the names may not be made yet."""
        return not {self.alike.items, *self.told.values()}.isdisjoint(names)


@dataclass(slots=True)
class Shared:
    """The function of a kind: `block` is its body, `made` the locals that it gives, by what they are.

    While `late` is set, what is made goes there: into a function inside that of the kind, which is called where the
    first branch of a choice does not hold.

    `item` and `base` stand for the row's item and what is behind its base; no statement may name them, but a record.
    `row` is the local of the row, "" for that of a record; `own` are the names of what the kind does not tell.
    """

    alike: Alike | AlikeRecords
    item: str
    base: str
    row: str
    own: frozenset[str] = frozenset()
    block: list[ast.stmt] = field(default_factory=list)
    known: Known = field(default_factory=lambda: Known(there={"item"}))
    made: dict[tuple[str, ...], str] = field(default_factory=dict)
    late: dict[tuple[str, ...], str] | None = None

    def find(self, key: tuple[str, ...]) -> str | None:
        """The local of what was made before and is known here."""
        return self.made.get(key) or (None if self.late is None else self.late.get(key))

    def keep(self, key: tuple[str, ...], local: str) -> str:
        """The same local, which is found by the key from now on."""
        (self.made if self.late is None else self.late)[key] = local
        return local

    def has_local(self, local: str) -> bool:
        """True for a local of what items of the kind share."""
        return local in self.made.values() or (self.late is not None and local in self.late.values())

    def gives(self, node: nodes.Expr, focus: str, variables: dict[str, str], *, inside: bool = False) -> bool:
        """True for a part that is the same for all items of the kind; `inside` where the focus is such a part."""
        if isinstance(node, nodes.Literal | nodes.Variable | nodes.Special):
            return False
        shared = self.variables(variables)
        if not is_pure(node, shared, inside=inside):
            return False
        paths = [source.names for source in sources_of(node, dict.fromkeys(shared, ()))]
        return inside or all(self._is_same(path, focus) for path in paths)

    def holds(self, node: Node | Series, focus: str, variables: dict[str, str], *, inside: bool = False) -> bool:
        """True for an element that is the same for all items of the kind."""
        match node:
            case Constant():
                return True
            case Value(formula=formula):
                return self._of(formula, focus, variables, inside=inside)
            case Map(fields=fields, when=when, foreach=foreach):
                if foreach is not None:
                    if not self._of(foreach, focus, variables, inside=inside):
                        return False
                    inside = True
                return (when is None or self._of(when, focus, variables, inside=inside)) and all(
                    self.holds(child, focus, variables, inside=inside) for _, child in fields
                )
            case Items(nodes=children):
                return all(self.holds(child, focus, variables, inside=inside) for child in children)
        return False

    def variables(self, known: dict[str, str]) -> dict[str, str]:
        """The variables that are the same for all items of the kind."""
        return {name: local for name, local in known.items() if self.has_local(local)}

    def has(self, node: nodes.Expr, focus: str, variables: dict[str, str], *, inside: bool = False) -> bool:
        """As `gives`, True for a variable as well that is the same for all items of the kind."""
        if isinstance(node, nodes.Variable):
            return node.name in self.variables(variables)
        if isinstance(node, nodes.Special):
            return inside
        return self.gives(node, focus, variables, inside=inside)

    def _of(self, formula: Formula, focus: str, variables: dict[str, str], *, inside: bool) -> bool:
        tree = formula.expression.ast
        return isinstance(tree, nodes.Literal) or self.has(tree, focus, variables, inside=inside)

    def _is_same(self, path: tuple[str, ...], focus: str) -> bool:
        if focus == self.item:
            if path[0] != self.alike.base:
                return path[0] not in self.own
            path = path[1:]
        elif focus != self.base:
            return False
        return bool(path) and path[0] not in self.alike.texts
