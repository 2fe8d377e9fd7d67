"""What a running unit knows and its functions need: default zone, references, where faults go.

FHIRPath functions see their focus and arguments only, so the scope of the unit that runs is in a context variable,
set around each unit; threads do not see each other's.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Literal

from msgspec import Struct, field

from gateway.fhirpath import Env
from gateway.formats import NO_ROWS, Rows
from gateway.mapping.columns import Columns


class Fault(Exception):
    """A fault of data met while a fast function runs; the item is then mapped again by the explaining walk."""

    def __init__(self, rule: str, **names: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.names = names


GRANTED: Final = (2_000_000, 50)
"""How many visits of items any payload may cause, and how many more for each of its nodes."""


class Spent(Exception):
    """The payload causes more work than is granted to it."""


class Work(Struct, eq=False):
    """How much work the payload caused, in items that were visited, and may cause.

    `limit` is what is granted to any payload; when it is spent, `grant` for each node of the `tree` comes once.
    """

    limit: int = GRANTED[0]
    grant: int = GRANTED[1]
    tree: Callable[[], Any] = lambda: None
    done: int = 0

    def tick(self) -> None:
        """Counts one item; raises `Spent`."""
        self.done += 1
        if self.done > self.limit:
            self._grow()

    def spend(self, count: int) -> None:
        """Counts items; raises `Spent`."""
        self.done += count
        if self.done > self.limit:
            self._grow()

    def _grow(self) -> None:
        grant, self.grant = self.grant, 0
        if grant:
            self.limit += grant * size_of(self.tree())
        if self.done > self.limit:
            raise Spent


def size_of(tree: Any) -> int:
    """How many nodes a tree has."""
    count, todo = 0, [tree]
    while todo:
        node = todo.pop()
        count += 1
        if node.__class__ is dict:
            todo.extend(node.values())
        elif node.__class__ is list:
            todo.extend(node)
    return count


class Seen(Struct, eq=False):
    """What expressions see at a moment: `variables`, and an environment of these, made when one is evaluated."""

    variables: dict[str, Any]
    _env: Env | None = None

    def env(self) -> Env:
        """The environment, always the same one."""
        if self._env is None:
            self._env = Env(variables=self.variables)
        return self._env


class Scope(Struct, eq=False):
    """The state of one unit.

    `zone` is the default zone for local times, None for none. `made` has the references made so far, by emit: for a
    per-record emit those of the present record. `reference` gives the reference for an emit's key parts; `wanted`
    collects what was referred to by key, and `known`, where it is given, is all that may be. `collect` takes faults;
    None makes `report` raise them. `references` are those made so far, by emit and key part; `times` what the texts
    of local times stand for; `columns` what was read of lists of the payload. `rows` are those of its lists that
    may not be filled yet, which `fill` does. `work` is what the payload causes; `metered` the environment
    that counts it.
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
    columns: Columns = field(default_factory=Columns)
    rows: Rows = NO_ROWS
    fill: Callable[[], None] = lambda: None
    work: Work = field(default_factory=Work)
    metered: Env | None = None


current: ContextVar[Scope] = ContextVar("current")


def report(rule: str, **names: Any) -> None:
    """Hands a fault to whoever collects faults of the present unit; raises `Fault` where nobody does."""
    scope = current.get(None)
    if scope is None or scope.collect is None:
        raise Fault(rule, **names)
    scope.collect(rule, names)
