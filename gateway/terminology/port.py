"""The port that engines speak to, and the values that pass through it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core import Resource

Subsumption = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with its system. `relation` is the ConceptMap equivalence of a translation, else empty."""

    system: str
    code: str
    display: str = ""
    version: str = ""
    relation: str = ""


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Whether a code is in a value set.

    `result` is None when it cannot be decided here: the value set is unknown, or the content of a code system it uses
    is not present. `rule` is the id of the rule in `gateway.core.rules.terminology` that says why, empty when True.
    """

    result: bool | None
    rule: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class SystemCheck:
    """Whether a code is one of its system: `result` is None when the content of the system is not here.

    `names` are its display and designations, `version` is that of the system; both are empty where not known.
    """

    result: bool | None
    names: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The codes of a value set: the page asked for and the number of all; `complete` False when some are unknown."""

    codings: tuple[Coding, ...]
    total: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept of a code system: its codes above (`parents`) and its properties in the order of the resource.

    `designations` are its names besides `display`, in any language.
    """

    system: str
    code: str
    display: str
    parents: tuple[str, ...] = ()
    properties: tuple[tuple[str, object], ...] = ()
    designations: tuple[str, ...] = ()

    @property
    def is_abstract(self) -> bool:
        """True when the concept only groups others and may not be chosen."""
        return any(name in ("notSelectable", "abstract") and value is True for name, value in self.properties)

    @property
    def is_inactive(self) -> bool:
        """True when the code system says that the concept is no longer to be used."""
        return any(
            (name == "inactive" and value is True) or (name == "status" and value in ("retired", "inactive"))
            for name, value in self.properties
        )


class Canonicals(Protocol):
    """Where code systems, value sets and concept maps come from; `gateway.definitions.Definitions` is one."""

    def value_set(self, url: str) -> Resource | None:
        """The ValueSet with this canonical URL (with or without `|version`)."""

    def code_system(self, url: str) -> Resource | None:
        """The CodeSystem with this canonical URL."""

    def concept_map(self, url: str) -> Resource | None:
        """The ConceptMap with this canonical URL."""

    def all(self, kind: str) -> Iterator[Resource]:
        """Every resource of a kind."""


class Terminology(Protocol):
    """What engines ask about codes. Nothing raises: the unknown is a result of its own."""

    def validate_code(self, system: str | None, code: str, value_set: str) -> CodeCheck:
        """Whether `code` is in `value_set`; system None for a bare `code`, which may be of any of its systems."""

    def check_code(self, system: str, code: str) -> SystemCheck:
        """Whether `code` is one of its code system's, whatever the value set."""

    def expand(
        self, value_set: str, *, text: str = "", offset: int = 0, count: int | None = None
    ) -> Expansion | None:
        """The codes of a value set whose code or display contains `text`; None when the value set is unknown."""

    def lookup(self, system: str, code: str) -> Concept | None:
        """The concept; None when the system's content or the code is unknown."""

    def subsumes(self, system: str, a: str, b: str) -> Subsumption | None:
        """How `a` relates to `b` in the hierarchy of their system; None when one is unknown."""

    def translate(self, system: str, code: str, concept_map: str) -> tuple[Coding, ...]:
        """The targets of a code in a ConceptMap, those of unmapped modes included; empty when there are none."""

    def ask(self, operation: str, inputs: Mapping[str, str]) -> Resource | None:
        """What a terminology server answers to `CodeSystem/$lookup` or the like; None when there is no answer."""
