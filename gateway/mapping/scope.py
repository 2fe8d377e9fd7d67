"""What a running unit knows and its functions need: default zone, references, where faults go.

FHIRPath functions see their focus and arguments only, so the scope of the unit that runs is in a context variable,
set around each unit; threads do not see each other's.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

from msgspec import Struct, field

from gateway.formats import NO_ROWS, Rows
from gateway.mapping.columns import Columns


class Fault(Exception):
    """A fault of data met while a fast function runs; the item is then mapped again by the explaining walk."""

    def __init__(self, rule: str, **names: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.names = names


class Scope(Struct, eq=False):
    """The state of one unit.

    `zone` is the default zone for local times, None for none. `made` has the references made so far, by emit: for a
    per-record emit those of the present record. `reference` gives the reference for an emit's key parts; `wanted`
    collects what was referred to by key, and `known`, where it is given, is all that may be. `collect` takes faults;
    None makes `report` raise them. `references` are those made so far, by emit and key part; `times` what the texts
    of local times stand for; `columns` what was read of lists of the payload. `rows` are those of its lists that
    may not be filled yet, which `fill` does.
    """

    zone: str | None = None
    ambiguous: Literal["earlier", "later", "error"] = "error"
    gap: Literal["shift", "error"] = "error"
    made: dict[str, list[str]] = field(default_factory=dict)
    reference: Callable[[str, tuple[object, ...]], str] | None = None
    wanted: set[str] = field(default_factory=set)
    known: frozenset[str] | None = None
    collect: Callable[[str, dict[str, Any]], None] | None = None
    references: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)
    rows: Rows = NO_ROWS
    fill: Callable[[], None] = lambda: None


current: ContextVar[Scope] = ContextVar("current")


def report(rule: str, **names: Any) -> None:
    """Hands a fault to whoever collects faults of the present unit; raises `Fault` where nobody does."""
    scope = current.get(None)
    if scope is None or scope.collect is None:
        raise Fault(rule, **names)
    scope.collect(rule, names)
