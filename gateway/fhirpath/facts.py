"""What the analysis of an expression finds, and what its parts may ask of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from gateway.fhirpath.errors import FhirPathError
from gateway.fhirpath.functions import FunctionSpec
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Model, Property
from gateway.fhirpath.syntax.nodes import Call, Expr, TypeName

KNOWN_VARIABLES = frozenset(("context", "resource", "rootResource", "ucum", "sct", "loinc"))
"""Variables that every evaluation has."""

RESERVED_PREFIXES: Final = ("vs-", "ext-")
"""How the names of the variables begin that stand for canonical URLs."""


NO_VARIABLES: Final[Mapping[str, Call]] = MappingProxyType({})


class Scope(NamedTuple):
    """Where an expression stands: the kind of `$this`, whether it is the root or one of several, what is visible."""

    this: Kind
    is_root: bool = False
    is_item: bool = False
    total: Kind | None = None
    variables: Mapping[str, Call] = NO_VARIABLES

    def inside(self, item: Kind) -> "Scope":
        """The scope of an expression that is evaluated for each item."""
        return Scope(item.one(), False, True, self.total, self.variables)

    def uncounted(self, item: Kind) -> "Scope":
        """As `inside`, where nobody counts the items."""
        return self.inside(item)._replace(is_item=False)

    def at(self, this: Kind) -> "Scope":
        """The same with another `$this`, which is not the root."""
        return self._replace(this=this, is_root=False)

    def counting(self, item: Kind, total: Kind) -> "Scope":
        """As `inside`, with `$total`."""
        return self.inside(item)._replace(total=total)

    def defining(self, name: str, node: Call) -> "Scope":
        """The same with one variable more."""
        return self._replace(variables={**self.variables, name: node})


@dataclass(frozen=True, slots=True)
class Options:
    """How to analyse: the model, whether faults against it are errors, and the names that the caller adds."""

    model: Model | None
    strict: bool
    functions: Mapping[str, FunctionSpec]
    variables: Collection[str] | None


@dataclass(slots=True)
class Facts:
    """The result: kinds of nodes and meanings of names, by the identity of the node.

    `typed` is true when some part needs the FHIR type of an item that only the data tell. `choices` are the steps to
    a choice element of a known type, `narrowed` the types of it that the expression goes on with. `paths` are those
    of the elements whose definition a call asks for. `warnings` are the faults against the model where it is not law.
    """

    kinds: dict[int, Kind] = field(default_factory=dict)
    definitions: dict[int, Call] = field(default_factory=dict)
    prefixes: set[int] = field(default_factory=set)
    typed: bool = False
    choices: dict[int, Property] = field(default_factory=dict)
    narrowed: dict[int, frozenset[str]] = field(default_factory=dict)
    paths: dict[int, str] = field(default_factory=dict)
    warnings: list[FhirPathError] = field(default_factory=list)

    def of(self, node: Expr) -> Kind:
        """The kind of a node."""
        return self.kinds[id(node)]


class Analysis(Protocol):
    """The analysis in progress, as the operators and forms see it."""

    @property
    def model(self) -> Model | None:
        """The model; None for trees that are not FHIR."""

    @property
    def options(self) -> Options:
        """How to analyse."""

    @property
    def facts(self) -> Facts:
        """What was found so far."""

    def fail(self, rule: str, offset: int, **names: object) -> FhirPathError:
        """The error of a rule at an offset."""

    def refuse(self, rule: str, offset: int, **names: object) -> None:
        """Raises the error of a rule where the model is law; otherwise keeps it as a warning."""

    def kind(self, node: Expr, scope: Scope) -> Kind:
        """The kind of a node, which is also kept."""

    def visit(self, node: Expr, scope: Scope) -> tuple[Kind, Scope]:
        """As `kind`, and the scope for what follows the node in a chain of steps."""

    def ordered(self, kind: Kind, name: str, offset: int) -> None:
        """Refuses a collection without order where the order matters."""

    def type_test(self, operator: str, operand: Kind, name: TypeName, node: Expr | None) -> Kind:
        """The kind of `is`, `as` and `ofType` of an operand; notes when only the data can tell."""

    def note_types(self, operand: Kind, kept: frozenset[str]) -> None:
        """Notes that items must carry their type, unless all or none of the possible types are meant."""
