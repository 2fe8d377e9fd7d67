"""What generated functions look like from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.fhirpath import Env
from gateway.mapping.scope import Scope
from gateway.mapping.walk import Made

Run: TypeAlias = Callable[[Any], list[Made]]
"""What was made of a focus; raises `Fault` or `FhirPathError` where there is something to report."""

Fast: TypeAlias = Callable[[dict[str, Any], Scope, Env, str], Run]
"""Variables, scope, environment and study of a unit -> its function."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One function in two forms: `usual` raises one of `ODDITIES` for what only `general`, made when asked, takes."""

    usual: Fast
    general: Callable[[], Fast | None]


@dataclass(frozen=True, slots=True)
class FastPlan:
    """The generated functions: of each emit before and after the records, and of a whole record."""

    before: tuple[Generated, ...]
    record: Generated | None
    after: tuple[Generated, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A generated function in one unit."""

    usual: Run
    general: Callable[[], Run | None]
