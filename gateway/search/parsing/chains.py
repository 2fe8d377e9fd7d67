"""Parameter names with everything that may stand in them: modifiers, chains, `_has`, `_list`.

See https://hl7.org/fhir/R4/search.html#chaining and #has.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.search.parameters import OWN, REFUSED, Indexed, Parameters
from gateway.search.parsing import kinds
from gateway.search.parsing.escaping import shown, split, unique
from gateway.search.parsing.kinds import Reading
from gateway.search.parsing.limits import Limits
from gateway.search.parsing.values import logical_id
from gateway.search.query import AnyClause, ChainClause, Clause, HasClause, IdClause, MissingClause

LONG_TEXT: Final = 2_000
"""Values of so many characters count as another way to read a chain: they are read once for each type."""


SHORT_TEXT: Final = 200
"""Up to how many characters codes and references are kept as they were read."""

_KEPT: Final = 4096
"""How many of them: participants and codes come again in searches that else are new."""


class ClauseReader:
    """Reads the clauses of one search; counts the branches that its chains take."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._branches = 0

    def read(self, types: Sequence[str], name: str, text: str, links: int = 0) -> Clause:
        """The clause that the parameter `name` asks of resources of all `types`.

        Where types read it differently, it is an `AnyClause` of the ways. Raises `BadRequest` with the one fault.
        """
        if len(types) == 1:
            return self._of_type(types[0], name, text, links)
        return _any([self._of_type(type, name, text, links) for type in types])

    def _of_type(self, type: str, name: str, text: str, links: int) -> Clause:
        if name.startswith("_has:"):
            return self._has(type, name, text, links)
        first, dot, rest = name.partition(".")
        if dot:
            return self._chain(type, first, rest, text, links)
        code, colon, modifier = name.partition(":")
        if not text:
            raise BadRequest(issue("search.empty-value", parameter=shown(code)))
        if code in OWN:
            return kinds.own_clause(code, modifier if colon else None, text, self.reading)
        if code == "_list" and not colon:
            return self._list(text)
        parameter, reading = self.parameter(type, code), self.reading
        if not colon and parameter.kind in kinds.LISTED and len(text) <= SHORT_TEXT:
            return _listed(reading.parameters, reading.base, reading.limits, type, code, text)
        return kinds.clause(parameter, modifier if colon else None, text, reading)

    def parameter(self, type: str, code: str) -> Indexed:
        """The parameter of a type; raises `BadRequest` naming those that there are."""
        known = self.reading.parameters.of(type)
        found = known.get(code)
        if found is not None:
            return found
        if code in REFUSED:
            raise BadRequest(issue("search.refused", parameter=code))
        names = ", ".join(sorted({*known, *OWN}))
        raise BadRequest(issue("search.unknown-parameter", type=type, parameter=shown(code), known=names))

    def reference(self, type: str, code: str) -> Indexed:
        """The parameter of a type, which must be a reference, and none by canonical URL."""
        found = self.parameter(type, code)
        if found.kind != "reference":
            raise BadRequest(issue("search.no-reference", parameter=code, type=type))
        if found.is_canonical:
            raise BadRequest(issue("search.canonical", parameter=code, type=type))
        return found

    def _deeper(self, links: int, name: str, text: str) -> int:
        if links >= self.reading.limits.depth:
            raise BadRequest(issue("search.too-deep", parameter=shown(name), limit=self.reading.limits.depth))
        self._branches += 1 + len(text) // LONG_TEXT
        if self._branches > self.reading.limits.branches:
            raise BadRequest(issue("search.too-many-ways", parameter=shown(name)))
        return links + 1

    def _chain(self, type: str, first: str, rest: str, text: str, links: int) -> Clause:
        code, colon, target = first.partition(":")
        parameter = self.reference(type, code)
        if colon and target not in parameter.targets:
            raise BadRequest(issue("search.modifier", parameter=code, modifier=shown(target)))
        ways: dict[Clause, list[str]] = {}
        faults: list[BadRequest] = []
        for one in (target,) if colon else sorted(parameter.targets):
            deeper = self._deeper(links, first, text)
            try:
                ways.setdefault(self._of_type(one, rest, text, deeper), []).append(one)
            except BadRequest as fault:
                if fault.issues[0].rule not in _OTHER_TYPE or len(parameter.targets) == 1:
                    raise
                faults.append(fault)
        if not ways:
            raise faults[0] if colon else BadRequest(issue("search.chain", parameter=code, type=type))
        return _any([ChainClause(code, tuple(targets), clause) for clause, targets in ways.items()])

    def _has(self, type: str, name: str, text: str, links: int) -> Clause:
        parts = name.split(":", 3)
        if len(parts) < 4 or not parts[3]:
            raise BadRequest(issue("search.has", parameter="_has"))
        _, source, code, rest = parts
        if not self.reading.parameters.is_type(source):
            raise BadRequest(issue("search.unknown-type", type=shown(source)))
        parameter = self.reference(source, code)
        if type not in parameter.targets:
            raise BadRequest(issue("search.no-target", parameter=code, type=source, target=type))
        return HasClause(source, code, self._of_type(source, rest, text, self._deeper(links, "_has", text)))

    def _list(self, text: str) -> Clause:
        if "item" not in self.reading.parameters.of("List"):
            raise BadRequest(issue("search.refused", parameter="_list"))
        try:
            ids = unique(logical_id(part.removeprefix("List/")) for part in split(text, ","))
        except ValueError:
            expected = "the id of a List; functional ones, such as $current-problems, are not there"
            raise BadRequest(issue("search.value", parameter="_list", expected=expected)) from None
        if len(ids) > self.reading.limits.values:
            raise BadRequest(issue("search.too-many", parameter="_list", limit=self.reading.limits.values))
        return HasClause("List", "item", IdClause(ids))


@lru_cache(maxsize=_KEPT)
def _listed(parameters: Parameters, base: str, limits: Limits, type: str, code: str, text: str) -> Clause:
    """The clause of codes or references, which says the same whenever it is read."""
    return kinds.clause(parameters.of(type)[code], None, text, Reading(parameters, base, limits))


_OTHER_TYPE = frozenset(
    {"search.unknown-parameter", "search.no-reference", "search.canonical", "search.chain", "search.no-target"}
)
"""Faults of one type that a reference may lead to, while another type may be meant."""


def _any(clauses: list[Clause]) -> Clause:
    """The clause, or any of several; "missing" is the same for all."""
    found = unique(clauses)
    return found[0] if len(found) == 1 or isinstance(found[0], MissingClause) else AnyClause(found)
