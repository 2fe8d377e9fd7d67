"""The typed plan of a mapping: what the file says, checked, before it becomes Python.

The template of a resource is a tree of nodes: `Constant`, `Value` (an expression), `Node` trees in `Map`, `Items`
and `Choice`. `walk` goes over the plan and explains; `generate` makes fast functions of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from gateway.fhirpath import Expression, FunctionSpec
from gateway.mapping.budget import Counted
from gateway.mapping.shape import UNKNOWN, Found

Action = Literal["warn", "drop-resource", "quarantine", "leave-out", "keep-original"]
Mode = Literal["per-record", "per-payload", "grouped"]


@dataclass(frozen=True, slots=True)
class Source:
    """A path that an expression reads: from `root` through `names`.

    Roots are `focus`, `record`, `payload`, `item`, and in a grouped emit `first` and `last`.
    """

    root: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """A compiled expression of the file; `position` is `mapping.yaml:line:column`.

    `sources` are the paths of the payload that it reads; it is `fixed` when its values are the same in a whole unit.
    `found` is what it finds by the payload's schema. `fact` has the names of a path like `%site.zone`, else none.
    It `grows` where what it gives may be longer than the variables that it reads.
    """

    text: str
    position: str
    expression: Expression | Counted
    sources: tuple[Source, ...] = ()
    fixed: bool = False
    found: Found = UNKNOWN
    fact: tuple[str, ...] = ()
    grows: bool = False

    @property
    def is_wide(self) -> bool:
        """True for what may go over more of the payload than what is below the focus."""
        return isinstance(self.expression, Counted)


@dataclass(frozen=True, slots=True)
class Target:
    """The element that a value is for: its path in the output type, FHIR type, and whether it repeats."""

    path: str
    type: str
    many: bool
    required: bool = False
    primitive: bool = True


@dataclass(frozen=True, slots=True)
class Constant:
    """A finished subtree, shared between all resources that hold it."""

    value: Any
    position: str


@dataclass(frozen=True, slots=True)
class Value:
    """The values of an expression, put into the element `target`."""

    formula: Formula
    target: Target


@dataclass(frozen=True, slots=True)
class Map:
    """An object. `vital` is the field without whose value the object says nothing, "" for none."""

    fields: tuple[tuple[str, "Node | Series"], ...]
    target: Target
    position: str
    when: Formula | None = None
    foreach: Formula | None = None
    vital: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list: what its nodes give, in order; a node may give none, one or several."""

    nodes: tuple["Node", ...]
    target: Target
    position: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a choice: `key` is the JSON name, `valueQuantity`; `refusal` the code of `else: issue code`."""

    when: Formula | None
    key: str
    node: "Node | None"
    refusal: str
    position: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The first branch that holds."""

    branches: tuple[Branch, ...]
    target: Target
    position: str


@dataclass(frozen=True, slots=True)
class Series:
    """A SampledData made of the points of a run: `head` is all of it but `data`, shared.

    `period` and `tolerance` are microseconds: how far apart points are, and how far a point may be from its place
    (None: exactly there). `alone` is the JSON name of the Quantity that a run of one point becomes, "" for never.
    """

    time: Formula
    value: Formula
    head: Mapping[str, Any]
    period: int
    tolerance: int | None
    refuses: bool
    marks: bool
    lower: Decimal | None
    upper: Decimal | None
    alone: str
    position: str


Node: TypeAlias = Constant | Value | Map | Items | Choice


@dataclass(frozen=True, slots=True)
class Guard:
    """What must be true of an item, and what happens when it is not."""

    formula: Formula
    action: Action
    code: str


@dataclass(frozen=True, slots=True)
class Group:
    """How the members of a grouped emit, records or the items of `foreach`, come together.

    `vars` are those of a member, `used` the ones that grouping itself needs. Members with the same texts of `by` are
    one group, in the order of `order`.
    """

    foreach: Formula | None
    when: Formula | None
    vars: tuple[tuple[str, Formula], ...]
    used: tuple[tuple[str, Formula], ...]
    by: tuple[Formula, ...]
    order: Formula
    series: Series | None


@dataclass(frozen=True, slots=True)
class Emit:
    """One kind of resource that the mapping makes.

    `key` parts are texts or formulas; `varying` are the indexes of the parts that `ref` must be given.
    `when` is asked before the variables are computed, unless it uses them: `when_late`.
    """

    id: str
    mode: Mode
    type: str
    root: Map
    key: tuple[str | Formula, ...]
    varying: tuple[int, ...]
    position: str
    when: Formula | None = None
    when_late: bool = False
    foreach: Formula | None = None
    vars: tuple[tuple[str, Formula], ...] = ()
    version_order: Formula | None = None
    guards: tuple[Guard, ...] = ()
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class SubjectPlan:
    """How the participant is found; `system` and `value` are texts or formulas."""

    per_record: bool
    system: str | Formula
    value: str | Formula
    verify: tuple[tuple[str, Formula], ...]
    position: str

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """All that is read of the payload to tell whose it is."""
        parts = (self.system, self.value, *(formula for _, formula in self.verify))
        return tuple(part for part in parts if isinstance(part, Formula))


@dataclass(frozen=True, slots=True)
class Zone:
    """How local times become instants: default zone, and what to do at the changes of daylight saving time."""

    default: str | Formula | None = None
    ambiguous: Literal["earlier", "later", "error"] = "error"
    gap: Literal["shift", "error"] = "error"


@dataclass(frozen=True, slots=True)
class Table:
    """A concept map ready for look-up: (source system, "" for none, "*" for any; code) -> target codings.

    `rest` gives the targets of a code that is not listed (ConceptMap.group.unmapped), or () for none.
    """

    name: str
    targets: Mapping[tuple[str, str], tuple[Mapping[str, Any], ...]]
    rest: Callable[[str], tuple[Mapping[str, Any], ...]]


SHORT: Final = 100
"""How long a text may be for what is made of it to be remembered: a hostile payload must not fill the memory."""


MEMORY: Final = 2048
"""How many results of one function, or of one expression of a text, are remembered."""


def remember(memory: dict[str, Any], text: Any, made: Any) -> None:
    """Keeps what was made of a short text; where there is too much already, everything else is forgotten."""
    if text.__class__ is str and len(text) <= SHORT:
        if len(memory) >= MEMORY:
            memory.clear()
        memory[text] = made


@dataclass(frozen=True, slots=True)
class Twin:
    """A function of the language for one item: `call(item, *arguments)`, None for nothing, gives a loose value.

    `rest` are the positions of the arguments that are handed over; the others are literals, and in it already. `kind`
    is the class of what it gives, if that is always one. It raises `Odd` for what only the function itself can tell.
    `recall` does the same for a short text, and remembers what it gave. `memory` has what `call` gave for texts that
    it remembers; for `is_local_time` they are in the `times` of the scope.
    """

    call: Callable[..., Any]
    rest: tuple[int, ...] = ()
    kind: type | None = None
    recall: Callable[[str], Any] | None = None
    memory: Mapping[Any, Any] | None = None
    is_local_time: bool = False


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of one mapping by name; a maker of twins gets the literal arguments, `...` for another one."""

    specs: Mapping[str, FunctionSpec] = field(default_factory=dict)
    twins: Mapping[str, Callable[..., Twin | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole mapping. `before`, `each` and `after` are the emits in the order in which they run.

    `referred` are the ids of emits that a `ref` without key parts refers to; `format` is that of its payloads.
    """

    id: str
    version: str
    file: str
    subject: SubjectPlan
    records: Formula | None
    match: Formula | None
    vars: tuple[tuple[str, Formula], ...]
    before: tuple[Emit, ...]
    each: tuple[Emit, ...]
    after: tuple[Emit, ...]
    policy: Mapping[str, Action]
    zone: Zone
    referred: frozenset[str] = frozenset()
    context: Mapping[str, Mapping[str, str]] | None = None
    functions: Functions = field(default_factory=Functions)
    format: str = "json"
