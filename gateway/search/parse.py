"""Request parameters to a `Query`: what is not understood is refused and named, or, leniently, named and left out.

See https://hl7.org/fhir/R4/search.html#errors; messages name parameters, never their values.
"""

from collections.abc import Sequence
from typing import Final

from gateway.core.errors import BadRequest
from gateway.core.issues import Issue, issue
from gateway.search.parameters import OWN, Parameters
from gateway.search.parsing.chains import ClauseReader
from gateway.search.parsing.escaping import is_usable, shown
from gateway.search.parsing.kinds import Reading
from gateway.search.parsing.limits import DEFAULT_LIMITS, Limits
from gateway.search.parsing.results import COMMON, Results, is_result, read_result
from gateway.search.parsing.weighing import comparisons
from gateway.search.query import AnyClause, Clause, IdClause, Query, ReferenceClause, Total, UriClause
from gateway.terminology import Terminology

_LENIENT: Final = frozenset({
    "search.unknown-parameter", "search.refused", "search.canonical", "search.empty-value",
})  # fmt: skip
"""Faults for which a lenient search leaves the parameter out; a modifier or a value never."""


MAX_FAULTS: Final = 20
"""How many faults of a search are told."""


def parse(
    type: str,
    params: Sequence[tuple[str, str]],
    parameters: Parameters,
    base: str = "",
    *,
    strict: bool = True,
    terminology: Terminology | None = None,
    limits: Limits = DEFAULT_LIMITS,
    compartment: tuple[str, str] | None = None,
    now: int | None = None,
) -> Query:
    """The query that `params`, decoded name and value pairs in their order, ask of a resource type.

    `type` "" searches the types of `_type`, or all of them by the parameters that all have. A reference that starts
    with `base` (the study's own FHIR base URL) is taken as relative. `compartment` is the type and id of one that
    the resources must be in. `terminology` tells the codes of `:in`; `now`, in microseconds, is what approximate
    dates are measured from. Without `strict` unknown parameters are left out and stand in `Query.left_out`.
    Raises `BadRequest` with every fault found, by the rules of the area `search`.
    """
    reading = Reading(parameters, base.rstrip("/"), limits, terminology, now)
    search = _Search(reading, strict=strict)
    types = search.types(type, params)
    for name, text in params:
        if (type or name != "_type") and not search.is_full:
            search.read(type, types, name, text)
    if compartment is not None:
        search.inside(type, types, *compartment)
    return search.query(type, types)


class _Search:
    """Reads one parameter after the other, collecting clauses, results and faults."""

    def __init__(self, reading: Reading, *, strict: bool) -> None:
        self._reading = reading
        self._reader = ClauseReader(reading)
        self._strict = strict
        self._clauses: list[Clause] = []
        self._within: tuple[tuple[str, Clause], ...] = ()
        self._results = Results()
        self._faults: list[Issue] = []
        self._ignored: list[Issue] = []
        self._left_out: list[tuple[str, str]] = []

    @property
    def is_full(self) -> bool:
        """Whether there are more parameters than a search may have, so that no more need be read."""
        return len(self._clauses) > self._reading.limits.clauses or len(self._faults) > MAX_FAULTS

    def types(self, type: str, params: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The types that are searched; raises `BadRequest` at once for an unknown one."""
        known = self._reading.parameters
        if type:
            wanted = [type]
        else:
            wanted = [part for name, text in params if name == "_type" for part in text.split(",")]
        unknown = [one for one in wanted if not known.is_type(one)]
        if unknown:
            raise BadRequest(issue("search.unknown-type", type=shown(unknown[0])))
        return tuple(dict.fromkeys(wanted))

    def read(self, type: str, types: tuple[str, ...], name: str, text: str) -> None:
        """Reads one parameter."""
        try:
            if is_result(name):
                read_result(self._results, types, name, text, self._reader)
            else:
                self._clauses += self._read(types, name, text)
        except BadRequest as refused:
            (fault,) = refused.issues
            if self._strict or fault.rule not in _LENIENT:
                self._faults.append(fault)
            else:
                self._ignored.append(issue("search.ignored", parameter=shown(name)))
                self._left_out.append((name, text))

    def _read(self, types: tuple[str, ...], name: str, text: str) -> list[Clause]:
        if not types:
            self._refuse_uncommon(name)
        version = self._versioned(types, name, text)
        return version or [self._reader.read(types or (COMMON,), name, text)]

    def _refuse_uncommon(self, name: str) -> None:
        common = {code for code in self._reading.parameters.of(COMMON) if code.startswith("_") and code != "_text"}
        if name.partition(":")[0] not in common | OWN | {"_list"}:
            known = ", ".join(sorted(common | OWN))
            raise BadRequest(issue("search.unknown-parameter", type="Resource", parameter=shown(name), known=known))

    def _versioned(self, types: tuple[str, ...], name: str, text: str) -> list[Clause]:
        """`url=canonical|version` asks for both; empty for everything else."""
        if name != "url":
            return []
        url, bar, version = text.partition("|")
        known = [self._reading.parameters.of(type).get("version") for type in types]
        if not bar or not all(known) or not version or set(text) & set(",\\") or not is_usable(text):
            return []
        return [UriClause("url", (url,)), self._reader.read(types, "version", version)]

    def inside(self, type: str, types: tuple[str, ...], name: str, id: str) -> None:
        """Adds that the resources are in a compartment.

        Raises `BadRequest` at once when none of the types searched ever is.
        """
        compartment = self._reading.parameters.compartment(name)
        asked = types or tuple(sorted({*compartment, name}))
        ways = [(one, self._way(one, compartment.get(one, ()), name, id)) for one in asked]
        within = [(one, way) for one, way in ways if way is not None]
        if not within or not compartment:
            raise BadRequest(issue("search.compartment", type=shown(asked[0]), compartment=shown(name)))
        if type:
            self._clauses.append(within[0][1])
        else:
            self._within = tuple(within)

    def _way(self, type: str, codes: Sequence[str], name: str, id: str) -> Clause | None:
        """How a resource of the type is in the compartment; None when it never is."""
        known = self._reading.parameters.of(type)
        ways: list[Clause] = [ReferenceClause(code, (f"{name}/{id}",)) for code in codes if code in known]
        if type == name:
            ways.append(IdClause((id,)))
        if not ways:
            return None
        return ways[0] if len(ways) == 1 else AnyClause(tuple(ways))

    def query(self, type: str, types: tuple[str, ...]) -> Query:
        """The query; raises `BadRequest` with all faults."""
        results, limits = self._results, self._reading.limits
        if len(self._clauses) > limits.clauses:
            self._faults.append(issue("search.too-many", parameter="The search", limit=limits.clauses))
        elif sum(map(comparisons, self._clauses)) > limits.comparisons:
            self._faults.append(issue("search.too-many", parameter="What is compared", limit=limits.comparisons))
        if results.includes and results.summary in ("text", "count"):
            self._faults.append(issue("search.conflict", parameter="_include", other="_summary"))
        if self._faults:
            raise BadRequest(*self._faults)
        only_count = results.summary == "count" or results.count == 0
        total: Total = "accurate" if only_count else results.total or ""
        return Query(
            type,
            tuple(self._clauses),
            0 if only_count else results.count,
            total,
            results.sort or (),
            results.includes,
            results.summary or "false",
            results.elements or (),
            () if type else types,
            tuple(self._ignored),
            self._within,
            tuple(self._left_out),
        )


__all__ = ["Limits", "parse"]
