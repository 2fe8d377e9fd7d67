"""What of an Observation may be remembered: how its test is called, its unit, flags and ranges.

Messages of a laboratory say the same of a test again and again. Variables and elements that name codes, and read
nothing but a few fields of the item, are kept by what these fields say, all of them in one entry of a bounded memory.
What is measured (`value[x]` and all that reads a choice), times, and whatever depends on the participant, the study
or the message is never part of it, so that the memory says nothing of anybody and is the same for every study.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from gateway.fhirpath.syntax import nodes
from gateway.mapping.lineage import plain_path
from gateway.mapping.plan import MEMORY, Choice, Constant, Emit, Formula, Items, Map, Node, Series, Value

LONGEST: Final = 600
"""How many characters the fields of an entry may have together: a hostile payload must not fill the memory."""

_LEAST_CODED: Final = 3
_LEAST_DERIVED: Final = 2
_MEASURED: Final = ("value", "component")
_CODING: Final = frozenset({"translate", "coding", "codeable", "range"})
_OF_PARTS: Final = frozenset({"coding", "codeable", "first", "where", "select"})
_FREE: Final = frozenset({"coalesce", "iif"})
_MOVES_FOCUS: Final = frozenset({"where", "select", "exists", "all"})
PURE: Final = (
    _CODING
    | _FREE
    | _MOVES_FOCUS
    | {"first", "last", "single", "empty", "not", "count", "text", "substring", "length", "trim", "lower", "upper"}
    | {"startsWith", "endsWith", "contains", "matches", "toString", "toDecimal", "toInteger", "quantity"}
)

_Path: TypeAlias = tuple[str, ...]


class _Impure(Exception):
    """Something else than fields of the item is read."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What of an emit is remembered: `variables` and the root's `fields`, by what its fields at `names` say.

    The fields are those of the object at the path `base`; those in `whole` may have parts. What one of them tells of
    another need not be asked of that.
    """

    base: _Path
    names: tuple[str, ...]
    whole: tuple[str, ...]
    variables: tuple[tuple[str, Formula], ...]
    fields: tuple[str, ...]


@dataclass(slots=True)
class _Reads:
    """The paths that are read, True for what may have parts; how often codes are named; which variables are used."""

    paths: dict[_Path, bool] = field(default_factory=dict)
    coded: int = 0
    variables: dict[str, None] = field(default_factory=dict)

    def add(self, other: "_Reads") -> None:
        """Takes in what another part reads."""
        for path, whole in other.paths.items():
            self.paths[path] = whole or self.paths.get(path, False)
        self.coded += other.coded
        self.variables |= other.variables


def remembered(emit: Emit, holder: Callable[[str], str]) -> Remembered | None:
    """What is remembered of an emit; None where it is not worth it. `holder` is that of the payload's format."""
    if emit.type != "Observation" or emit.group is not None:
        return None
    coded, fields = _coded(emit)
    bases = Counter(path[:-1] for reads in fields.values() for path in reads.paths)
    if not bases:
        return None
    base = bases.most_common(1)[0][0]
    measured = _measured(emit.root) - {path for reads in coded.values() for path in reads.paths}
    coded, fields = ({name: reads for name, reads in found.items()
                      if all(path[:-1] == base and path not in measured for path in reads.paths)}
                     for found in (coded, fields))  # fmt: skip
    total = _Reads()
    for reads in (*coded.values(), *fields.values()):
        total.add(reads)
    if sum(reads.coded for reads in fields.values()) < _LEAST_CODED:
        return None
    used = {*coded, *total.variables}
    read = {path[-1]: whole for path, whole in total.paths.items()}
    told = {name for name in read if holder(name) != name and holder(name) in read}
    return Remembered(
        base=base,
        names=tuple(name for name, whole in read.items() if not whole and name not in told),
        whole=tuple(name for name, whole in read.items() if whole and name not in told),
        variables=tuple((name, formula) for name, formula in emit.vars if name in used),
        fields=tuple(fields),
    )


def derived(variables: Sequence[tuple[str, Formula]]) -> tuple[int, int] | None:
    """The position of a variable of which alone those behind it are made, at least two, and how many they are."""
    for position, (name, _) in enumerate(variables):
        known, count = {name: _Reads()}, 0
        for other, formula in variables[position + 1 :]:
            reads = _reads(formula, known)
            if reads is None or reads.paths or not reads.variables:
                break
            known[other], count = reads, count + 1
        if count >= _LEAST_DERIVED:
            return position, count
    return None


def is_pure(tree: nodes.Expr, variables: Iterable[str], *, inside: bool) -> bool:
    """True for an expression that reads fields of the item and these variables alone, so that it may be remembered.

    `inside` where the focus is a part of the item, so that `$this` may be read.
    """
    try:
        _Reader(_Reads(), {name: _Reads() for name in variables}).visit(tree, inside=inside)
    except _Impure:
        return False
    return True


def _coded(emit: Emit) -> tuple[dict[str, _Reads], dict[str, _Reads]]:
    """The variables and the elements that name codes and read the item alone."""
    variables: dict[str, _Reads] = {}
    for name, formula in emit.vars:
        reads = _reads(formula, variables)
        if reads is not None:
            variables[name] = reads
    fields = {key: _reads(node, variables) for key, node in emit.root.fields if not key.startswith(_MEASURED)}
    return (
        {name: reads for name, reads in variables.items() if reads.coded},
        {key: reads for key, reads in fields.items() if reads is not None and reads.coded},
    )


def _measured(root: Map) -> set[_Path]:
    """The paths that a choice reads."""
    found: set[_Path] = set()
    for _, node in root.fields:
        if isinstance(node, Choice):
            for branch in node.branches:
                formulas = [*_formulas(branch.node), *([branch.when] if branch.when else [])]
                found |= {source.names for formula in formulas for source in formula.sources}
    return found


def _formulas(node: Node | Series | None) -> Iterable[Formula]:
    match node:
        case Value(formula=formula):
            yield formula
        case Map(fields=fields):
            for _, child in fields:
                yield from _formulas(child)
        case Items(nodes=children):
            for child in children:
                yield from _formulas(child)


def _reads(part: Formula | Node | Series, variables: Mapping[str, _Reads]) -> _Reads | None:
    """What a formula or an element reads of the item; None where it reads anything else."""
    reads = _Reads()
    try:
        if isinstance(part, Formula):
            _Reader(reads, variables).visit(part.expression.ast, inside=False)
        else:
            _Reader(reads, variables).element(part, inside=False)
    except _Impure:
        return None
    return reads


@dataclass(frozen=True, slots=True)
class _Reader:
    """Notes what is read; `inside` is the focus a part of what was noted already, else it is the item."""

    reads: _Reads
    variables: Mapping[str, _Reads]

    def element(self, node: Node | Series, *, inside: bool) -> None:
        """Visits what an element is made of."""
        match node:
            case Constant():
                pass
            case Value(formula=formula):
                self.visit(formula.expression.ast, inside=inside)
            case Map(fields=fields, when=when, foreach=foreach):
                if foreach is not None:
                    self.visit(foreach.expression.ast, inside=inside)
                    inside = True
                if when is not None:
                    self.visit(when.expression.ast, inside=inside)
                for _, child in fields:
                    self.element(child, inside=inside)
            case Items(nodes=children):
                for child in children:
                    self.element(child, inside=inside)
            case _:
                raise _Impure

    def visit(self, node: nodes.Expr, *, inside: bool, parts: bool = False) -> None:
        """Visits an expression; `parts` where it is asked for more than its text."""
        path = None if inside else plain_path(node)
        if path is not None:
            self.reads.paths[path] = parts or self.reads.paths.get(path, False)
            return
        match node:
            case nodes.Literal():
                pass
            case nodes.Variable(name=name) if name in self.variables:
                self.reads.add(self.variables[name])
                self.reads.variables[name] = None
            case nodes.Special(name="this") if inside:
                pass
            case nodes.Member(target=target):
                if target is not None:
                    self.visit(target, inside=inside, parts=True)
            case nodes.Call(name=name) if name in PURE:
                self._call(node, inside=inside)
            case nodes.Binary() | nodes.Chain():
                for child in nodes.children(node):
                    self.visit(child, inside=inside)
            case _:
                raise _Impure

    def _call(self, node: nodes.Call, *, inside: bool) -> None:
        if node.target is not None:
            self.visit(node.target, inside=inside, parts=node.name in _OF_PARTS)
        elif not inside and node.name not in _FREE:
            raise _Impure
        self.reads.coded += node.name in _CODING
        for argument in node.arguments:
            self.visit(argument, inside=inside or node.name in _MOVES_FOCUS)


def keep(memory: dict[Any, Any], key: Any, made: tuple[Any, ...]) -> None:
    """Keeps what was made for an entry of texts; where there is too much already, everything else is forgotten."""
    texts = [part for whole in key for part in (whole if whole.__class__ is tuple else (whole,)) if part is not None]
    if any(text.__class__ is not str for text in texts) or len("".join(texts)) > LONGEST:
        return
    if len(memory) >= MEMORY:
        memory.clear()
    memory[key] = made
