"""What generated functions look like from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from gateway.core.types import Resource
from gateway.fhirpath import Env, FhirPathError
from gateway.mapping.loose import ODDITIES, Odd
from gateway.mapping.scope import Fault, Scope

Parts: TypeAlias = tuple[str, str, Resource, str]
"""What `explaining.walk.Made` holds: emit, reference, resource, order."""

Run: TypeAlias = Callable[[Any], list[Parts]]
"""What was made of a focus; raises `Fault` or `FhirPathError` where there is something to report."""

Wanted: TypeAlias = Callable[[Sequence[Any], dict[str, Any], Callable[[], Env]], list[int]]
"""Records, variables and environment -> the numbers of the records that anything may be made of.

Raises one of `ODDITIES` where it cannot tell.
"""

Known: TypeAlias = tuple[dict[str, Any], Scope, Callable[[], Env], str]
"""Variables, scope, environment and study of a unit."""

Fast: TypeAlias = Callable[[dict[str, Any], Scope, Callable[[], Env], str], Run]
"""What is known of a unit -> its function."""

Asked: TypeAlias = Callable[[Any, dict[str, Any], Scope, Callable[[], Env]], Any]
"""Focus, variables, scope and environment -> the loose value of one formula; raises where it is not as usual."""

Told: TypeAlias = tuple[tuple[str, Any], ...]
"""What a payload says of the participant beside the identifier, by name: loose values."""

Whose: TypeAlias = Callable[[Any, dict[str, Any], Scope, Callable[[], Env]], tuple[tuple[str, str], Told]]
"""As `Asked`, for all that is asked of the participant: system and value of the identifier, and what is verified."""

EMIT, REFERENCE, RESOURCE, ORDER = map(itemgetter, range(4))
"""Each of `Parts`."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One function in several forms: each raises one of `ODDITIES` for what only the next takes.

    `of_rows` maps results that are rows, where a mapping allows for that; it leaves lists empty that it does not look
    at, and where it `reads_told` the objects of records that are told by rows. `usual` is for usual data, `general`
    for all. The latter, and `usual` where there is the first, are made when they are asked for.
    """

    usual: Callable[[], Fast]
    general: Callable[[], Fast | None]
    of_rows: Fast | None = None
    reads_told: bool = False


@dataclass(frozen=True, slots=True)
class FastPlan:
    """The generated functions: of each emit before and after the records, and of a whole record.

    `wanted` is None where it cannot be told. `asked` are those of the formulas about the participant, by position;
    `whose` asks them all at once. `facts` are the names that any formula reads, or the file declares; `records` is
    the path of the records, () where it is none.
    """

    before: tuple[Generated, ...]
    record: Generated | None
    wanted: Wanted | None
    after: tuple[Generated, ...]
    asked: Mapping[str, Asked]
    whose: Whose
    facts: frozenset[str]
    records: tuple[str, ...]


class Bound:
    """A generated function in one unit; `known` is what it is bound to."""

    __slots__ = ("_function", "_general", "_known", "_usual", "of_rows")

    def __init__(self, function: Generated, known: Known) -> None:
        self._function = function
        self._known = known
        self._general: Run | None = None
        self._usual: Run | None = None
        self.of_rows: Run | None = None
        if function.of_rows is not None and known[1].rows:
            try:
                self.of_rows = function.of_rows(*known)
            except ODDITIES:
                self.of_rows = None

    def usual(self) -> Run:
        """The function for usual data."""
        if self._usual is None:
            try:
                self._usual = self._function.usual()(*self._known)
            except ODDITIES:
                self._usual = _unusual
        return self._usual

    def general(self) -> Run | None:
        """The function for all data; None where Python cannot nest as deep as it would."""
        if self._general is None:
            bind = self._function.general()
            self._general = None if bind is None else bind(*self._known)
        return self._general


def told_or_not(of_told: Fast, of_rows: Callable[[], Fast]) -> Fast:
    """The function that maps records by one for those that are told, and others by one for lists of rows.

    The latter is made when it is asked for; it maps what the former does not take as well.
    """

    def bind(variables: dict[str, Any], scope: Scope, env: Callable[[], Env], study: str) -> Run:
        told, others = of_told(variables, scope, env, study), None

        def run(focus: Any) -> list[Parts]:
            nonlocal others
            if id(focus) in scope.rows:
                index, done = variables["index"], scope.work.done
                try:
                    return told(focus)
                except (*ODDITIES, Fault, FhirPathError):  # it may be in what is made only where a condition holds
                    scope.fill()
                variables["index"], scope.work.done = index, done
            elif tuple in map(type, scope.rows.values()):  # what is told are records below this one
                scope.fill()
            if others is None:
                others = of_rows()(variables, scope, env, study)
            return others(focus)

        return run

    return bind


def _unusual(focus: Any) -> list[Parts]:
    raise Odd
