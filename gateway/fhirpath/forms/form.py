"""A form: a function whose arguments are not simply evaluated before the call.

It says what it gives (`analyse`) and which Python statements do it (`each` or `one`).
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.facts import Analysis, Facts, Scope
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Model
from gateway.fhirpath.syntax.nodes import Call, Expr, Member


@dataclass(frozen=True, slots=True)
class Item:
    """A local name that holds one item, and what is known of it."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Place:
    """Where generated code stands: the local names of `$this`, `$index` and `$total` (a list).

    `shape` tells what `this` holds: one item, one item or None, or a list.
    """

    this: str
    kind: Kind
    shape: Literal["item", "option", "list"] = "item"
    index: str | None = None
    total: str | None = None

    def at(self, item: Item, index: str | None = None) -> "Place":
        """The place of an expression that is evaluated for an item."""
        return replace(self, this=item.name, kind=item.kind, shape="item", index=index)


Consume = Callable[[Item], None]


class Generation(Protocol):
    """The generation in progress, as the forms see it."""

    @property
    def code(self) -> Emitter:
        """The function under construction."""

    @property
    def facts(self) -> Facts:
        """What the analysis found."""

    @property
    def model(self) -> Model | None:
        """The model."""

    @property
    def typed(self) -> bool:
        """Whether items carry their FHIR type."""

    @property
    def trusted(self) -> bool:
        """Whether the data are taken to keep the model's cardinalities."""

    def kind_of(self, node: Expr) -> Kind:
        """What the code gives for a node: its kind, a choice narrowed to the types that are gone on with."""

    def parent(self, node: Member, place: Place, consume: Consume) -> None:
        """As `each`, for the items that a step starts from."""

    def each(self, node: Expr, place: Place, consume: Consume) -> None:
        """Appends code that runs what `consume` appends for each item of the node; `consume` is called once."""

    def focus(self, node: Call, place: Place, consume: Consume) -> None:
        """As `each`, for the focus of a call: its target, or `$this`."""

    def one(self, node: Expr, place: Place) -> str:
        """Appends code; returns the local that holds the single item or None."""

    def truth(self, node: Expr, place: Place) -> str:
        """Appends code; returns the local that holds True, False or None."""

    def collect(self, node: Expr, place: Place) -> str:
        """Appends code; returns the local that holds the list of items."""

    def focus_list(self, node: Call, place: Place) -> str:
        """As `collect`, for the focus of a call."""

    def focus_one(self, node: Call, place: Place) -> str:
        """As `one`, for the focus of a call."""

    def this_one(self, place: Place) -> str:
        """As `one`, for `$this`."""

    def bind(self, value: object) -> ast.expr:
        """The Python expression for an object."""

    def define(self, node: Call, name: str) -> None:
        """Notes the local list that a defineVariable() call filled."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form: number of arguments, specification section, what it says it does, examples, and its two parts.

    `each` is for collections, `one` for a single value or None; exactly one is given.
    """

    name: str
    section: str
    least: int
    most: int
    analyse: Callable[[Analysis, Call, Kind, Scope], tuple[Kind, Scope]]
    each: Callable[[Generation, Call, Place, Consume], None] | None = None
    one: Callable[[Generation, Call, Place], str] | None = None
    says: str = ""
    examples: tuple[str, ...] = ()
