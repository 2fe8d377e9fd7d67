"""What an operation says of itself: its name, where it can be asked for, what it takes, and what answers it.

See https://hl7.org/fhir/R4/operations.html and https://hl7.org/fhir/R4/operationdefinition.html.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.access import Door
from gateway.core.types import Resource
from gateway.rest.parts import Parts
from gateway.study import Study

Level = Literal["system", "type", "instance"]

ANY_TYPE = "Resource"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input. `type` is a primitive (`uri`), a data type (`Coding`), `Resource`, or a resource type (`ValueSet`).

    `max` None is `*`. Data types and resources come in a body only.
    """

    name: str
    type: str
    min: int = 0
    max: int | None = 1


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one call, checked against the declaration: name -> values in the order given."""

    values: Mapping[str, Sequence[Any]]

    def one(self, name: str) -> Any:
        """The value of an input; None when it was not given."""
        given = self.values.get(name)
        return given[0] if given else None

    def all(self, name: str) -> Sequence[Any]:
        """Every value of an input."""
        return self.values.get(name, ())


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation, by somebody who may ask for it.

    `type` is "" at system level, `id` "" above instance level; `language` is the Accept-Language header or "".
    """

    parts: Parts
    study: Study
    door: Door
    type: str
    id: str
    inputs: Inputs
    language: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as OperationDefinition tells it.

    `types` are resource types, or `Resource` for every type; empty for an operation of system level only. `body` is
    the input that a bare resource as the body stands for. `scopes` are the letters that the caller needs on the type
    (on `types[0]` at system level). `affects` says that it changes something, so that it comes by POST only.
    An answer of bytes is a resource as JSON.
    """

    name: str
    url: str
    levels: frozenset[Level]
    types: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    answer: Callable[[Call], Resource | bytes]
    body: str = ""
    scopes: str = "r"
    affects: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The declared input of this name."""
        return next((found for found in self.parameters if found.name == name), None)

    def serves(self, level: Level, type_name: str) -> bool:
        """True when the operation can be asked for at this level of this type ("" at system level)."""
        return level in self.levels and (level == "system" or type_name in self.types or ANY_TYPE in self.types)
