"""A syntax tree to a Python function.

Collections are not built where they need not be: each part of the expression is code that runs the following part for
each of its items, so that a path becomes nested loops.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.fhirpath.compiler import operators
from gateway.fhirpath.compiler.calls import call
from gateway.fhirpath.compiler.constant import is_constant, kept
from gateway.fhirpath.compiler.descents import search
from gateway.fhirpath.compiler.paths import prefixed, read, step
from gateway.fhirpath.compiler.scalar import is_scalar
from gateway.fhirpath.compiler.variables import environment
from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.errors import Fault
from gateway.fhirpath.facts import Facts
from gateway.fhirpath.forms import FORMS
from gateway.fhirpath.forms.filtering import each_of
from gateway.fhirpath.forms.form import Consume, Item, Place
from gateway.fhirpath.forms.types import as_type, test_operand
from gateway.fhirpath.functions import FunctionSpec
from gateway.fhirpath.functions.convert import truth
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Model, Property
from gateway.fhirpath.runtime import at_index
from gateway.fhirpath.syntax.nodes import (
    Binary,
    Call,
    Chain,
    Expr,
    Indexer,
    Literal,
    Member,
    Special,
    TypeTest,
    Unary,
    Variable,
    steps,
)
from gateway.fhirpath.types import ABSTRACT
from gateway.fhirpath.values.long import Long

MAX_LOOPS: Final = 8
"""How many loops are nested before an expression inside them gets a function of its own; Python takes 20."""

CHAIN: Final = 6
"""How many steps of a path become nested loops before the items are put into a list."""

_COUNT = """
N += 1
LAST = V
"""
_CHECK = """
if N > 1:
    raise FAULT(RULE)
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a function is for: a list as focus, data that keep the model's cardinalities, a budget to count down."""

    many: bool = False
    trust: bool = True
    metered: bool = False


class Generator:
    """One generation of one function; implements `gateway.fhirpath.forms.form.Generation`."""

    def __init__(
        self, facts: Facts, model: Model | None, functions: dict[str, FunctionSpec], *, typed: bool, shape: Shape
    ) -> None:
        self.code = Emitter(metered=shape.metered)
        self.facts = facts
        self.model = model
        self.typed = typed
        self.functions = functions
        self.shape = shape
        self.trusted = shape.trust
        self._defined: dict[int, str] = {}
        self.bind = self.code.bind

    def define(self, node: Call, name: str) -> None:
        """Notes the local list that a defineVariable() call filled."""
        self._defined[id(node)] = name

    def kind_of(self, node: Expr) -> Kind:
        """What the code gives for a node: its kind, a choice narrowed to the types that are gone on with."""
        kind = self.facts.of(node)
        narrowed = self.facts.narrowed.get(id(node)) if self.trusted and not self.typed else None
        return kind if narrowed is None else Kind(narrowed, kind.many, kind.ordered)

    # Collections

    def each(self, node: Expr, place: Place, consume: Consume) -> None:
        """Appends code that runs what `consume` appends for each item of the node."""
        if self.code.loops >= MAX_LOOPS:
            each_of(self, self._outlined(node, place), self.facts.of(node), consume)
            return
        with self.code.at(node.at if isinstance(node, Member | Call) else node.start):
            self._each(node, place, consume)

    def _each(self, node: Expr, place: Place, consume: Consume) -> None:
        found = search(self, (node,), place)
        if found is not None:
            each_of(self, found, self.facts.of(node), consume)
            return
        match node:
            case Member():
                self._member(node, place, consume)
            case Special(name="this"):
                self._this(place, consume)
            case Special(name="total") if place.total is not None:
                each_of(self, place.total, self.facts.of(node), consume)
            case Variable():
                self._variable(node, place, consume)
            case Chain(operator="|"):
                each_of(self, operators.union(self, node, place), self.facts.of(node), consume)
            case Call() if not self.is_scalar(node):
                self._call_each(node, place, consume)
            case TypeTest(operator="as"):
                as_type(self, node, node.type, place, consume)
            case Literal(value=None):
                self.collect_nothing(consume)
            case _:
                self._if_some(self.one(node, place), self.facts.of(node), consume)

    def collect_nothing(self, consume: Consume) -> None:
        """Appends code that never runs, so that what follows is still checked and generated."""
        nothing = self.code.fresh()
        self.code.run("V = None", V=nothing)
        self._if_some(nothing, Kind(frozenset(), many=False), consume)

    def _if_some(self, name: str, kind: Kind, consume: Consume) -> None:
        with self.code.into(self.code.emit("if V is not None:\n    ...", V=name)):
            consume(Item(name, kind.one()))

    def _this(self, place: Place, consume: Consume) -> None:
        if place.shape == "list":
            each_of(self, place.this, place.kind, consume)
        elif place.shape == "option":
            self._if_some(place.this, place.kind, consume)
        else:
            consume(Item(place.this, place.kind))

    def _member(self, node: Member, place: Place, consume: Consume) -> None:
        kind = self.kind_of(node)
        if id(node) in self.facts.prefixes:
            self._this(place, lambda item: prefixed(self, item, node.name, kind, consume))
            return

        def go(item: Item) -> None:
            with self.code.at(node.at):
                step(self, item, node.name, self._property(item.kind, node.name), kind, consume)

        self.parent(node, place, go)

    def parent(self, node: Member, place: Place, consume: Consume) -> None:
        """As `each`, for the items that a step starts from."""
        self._from(node.target, place, consume)

    def _from(self, target: Expr | None, place: Place, consume: Consume) -> None:
        if target is None:
            self._this(place, consume)
        elif steps(target) % CHAIN == 0:
            each_of(self, self.collect(target, place), self.kind_of(target), consume)
        else:
            self.each(target, place, consume)

    def _property(self, kind: Kind, name: str) -> Property | None:
        """What the model says of an element when one type is possible, or all agree; None otherwise."""
        if self.model is None or not self.trusted or kind.types is None or kind.types & ABSTRACT:
            return None
        found = {self.model.member(type_name, name) for type_name in kind.types}
        found.discard(None)
        return found.pop() if len(found) == 1 else None

    def _variable(self, node: Variable, place: Place, consume: Consume) -> None:
        code = self.code
        definition = self.facts.definitions.get(id(node))
        if definition is not None:
            each_of(self, self._defined[id(definition)], self.facts.of(node), consume)
            return
        each_of(self, environment(code, node.name), self.facts.of(node), consume)

    def _call_each(self, node: Call, place: Place, consume: Consume) -> None:
        form = FORMS.get(node.name)
        if node.name not in self.functions and form is not None and form.each is not None:
            form.each(self, node, place, consume)
        else:
            each_of(self, call(self, node, place), self.facts.of(node), consume)

    def focus(self, node: Call, place: Place, consume: Consume) -> None:
        """As `each`, for the focus of a call: its target, or `$this`."""
        self._from(node.target, place, consume)

    def collect(self, node: Expr, place: Place) -> str:
        """The local that holds the list of items."""
        if self.code.loops and not self.code.metered and is_constant(node, self.facts, self.functions):
            return kept(self, lambda: self._collect(node, place))
        return self._collect(node, place)

    def _collect(self, node: Expr, place: Place) -> str:
        if isinstance(node, Chain) and node.operator == "|":
            return operators.union(self, node, place)
        return self._gather(lambda append: self.each(node, place, append))

    def focus_list(self, node: Call, place: Place) -> str:
        """As `collect`, for the focus of a call."""
        if node.target is None and place.shape == "list":
            return place.this
        return self._gather(lambda append: self.focus(node, place, append))

    def _gather(self, run: Callable[[Consume], None]) -> str:
        items = self.code.fresh("l")
        self.code.run("L = []", L=items)
        run(lambda item: self.code.run("L.append(V)", L=items, V=item.name))
        return items

    def _outlined(self, node: Expr, place: Place) -> str:
        """As `collect`, in an inner function: Python nests a limited number of loops."""
        items = self.code.fresh("l")
        with self.code.function(items):
            self.code.run("L = []", L=items)
            self.each(node, place, lambda item: self.code.run("L.append(V)", L=items, V=item.name))
        return items

    # Single items

    def is_scalar(self, node: Expr) -> bool:
        """Whether the code for a node gives one value or None by itself, without a collection."""
        return is_scalar(node, self.functions)

    def one(self, node: Expr, place: Place) -> str:
        """The local that holds the single item or None; several items are a fault at run time."""
        with self.code.at(node.at if isinstance(node, Member | Call) else node.start):
            if self.is_scalar(node):
                return self._one(node, place)
            if isinstance(node, Special) and place.shape != "list" and node.name == "this":
                return place.this
            found = self._read(node, place) if isinstance(node, Member) else None
            return found or self._only(self.facts.of(node), lambda consume: self.each(node, place, consume))

    def _read(self, node: Member, place: Place) -> str | None:
        """The local that holds an element directly below `$this`, read without a loop; None where that cannot be."""
        target = node.target
        is_below = target is None or (
            isinstance(target, Member) and id(target) in self.facts.prefixes and self.facts.of(target) == place.kind
        )
        if (
            not is_below
            or place.shape != "item"
            or self.typed
            or self.model is None
            or id(node) in self.facts.prefixes
        ):
            return None
        found = self._property(place.kind, node.name)
        return None if found is None else read(self, Item(place.this, place.kind), found, self.model)

    def focus_one(self, node: Call, place: Place) -> str:
        """As `one`, for the focus of a call."""
        return self.this_one(place) if node.target is None else self.one(node.target, place)

    def this_one(self, place: Place) -> str:
        """As `one`, for `$this`."""
        if place.shape != "list":
            return place.this
        return self._only(place.kind, lambda consume: self._this(place, consume))

    def _only(self, kind: Kind, run: Callable[[Consume], None]) -> str:
        code = self.code
        last = code.fresh()
        if self.trusted and not kind.many and kind.types is not None:
            code.run("V = None", V=last)
            run(lambda item: code.run("LAST = V", LAST=last, V=item.name))
            return last
        count = code.fresh("n")
        code.run("N = 0\nLAST = None", N=count, LAST=last)
        run(lambda item: code.run(_COUNT, N=count, LAST=last, V=item.name))
        code.run(_CHECK, N=count, FAULT=self.bind(Fault), RULE=self.bind("fhirpath.several"))
        return last

    def _one(self, node: Expr, place: Place) -> str:
        match node:
            case Literal():
                value = self.code.fresh()
                constant = int(node.value) if isinstance(node.value, Long) else node.value
                self.code.run("V = C", V=value, C=self.bind(constant))
                return value
            case Unary():
                return operators.unary(self, node, place)
            case Binary():
                return operators.binary(self, node, place)
            case Chain():
                return operators.chain(self, node, place)
            case Indexer():
                return self._indexer(node, place)
            case TypeTest():
                return test_operand(self, node.operand, node.type, place)
            case Special() if place.index is not None:
                return place.index
            case Call():
                form = FORMS.get(node.name)
                if form is not None and form.one is not None:
                    return form.one(self, node, place)
                return call(self, node, place)
        raise ValueError("the analysis lets no such node pass")

    def _indexer(self, node: Indexer, place: Place) -> str:
        code = self.code
        items, index = self._to_index(node.target, place), self.one(node.index, place)
        value = code.fresh()
        code.run("V = None if I is None else AT(L, I)", V=value, L=items, I=index, AT=self.bind(at_index))
        return value

    def _to_index(self, node: Expr, place: Place) -> str:
        """As `collect`; of a variable of the environment its own list, so that one item costs one step."""
        if isinstance(node, Variable) and id(node) not in self.facts.definitions:
            return environment(self.code, node.name)
        return self.collect(node, place)

    def truth(self, node: Expr, place: Place) -> str:
        """The local that holds True, False or None: the singleton evaluation of a collection."""
        value = self.one(node, place)
        kind = self.facts.of(node)
        if kind.sole == "System.Boolean" and self.is_scalar(node):
            return value
        answer = self.code.fresh("b")
        self.code.run(
            "A = V if V is True or V is False or V is None else T(V)", A=answer, V=value, T=self.bind(truth)
        )
        return answer
