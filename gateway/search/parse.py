"""Request parameters to a `Query`, strictly: whatever is not understood is refused and named.

See https://hl7.org/fhir/R4/search.html#errors; messages name parameters, never their values.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar, cast, get_args

from gateway.core.errors import BadRequest
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.issues import Issue, issue
from gateway.search.parameters import Indexed, Parameters
from gateway.search.query import (
    Clause,
    DateClause,
    IdClause,
    Moment,
    Prefix,
    Query,
    ReferenceClause,
    Token,
    TokenClause,
    Total,
)

MAX_VALUES: Final = 1_000
"""How many comma-separated values a parameter may have."""

MAX_DATES: Final = 50
"""How many comma-separated dates a parameter may have: each is a comparison of its own."""

MAX_CLAUSES: Final = 50
"""How many parameters a search may have."""

RESULT_PARAMETERS: Final = ("_count", "_summary", "_total")

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_NAME = re.compile(r"[A-Za-z0-9_:.\-]{1,64}\Z")
_DATE = re.compile(r"([a-z]{2})?(\d.*)\Z", re.ASCII)
_TYPED = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")
_PREFIXES: Final = frozenset(get_args(Prefix))
_T = TypeVar("_T")


def parse(type: str, params: Sequence[tuple[str, str]], parameters: Parameters, base: str = "") -> Query:
    """The query that `params`, decoded name and value pairs in their order, ask of a resource type.

    A reference that starts with `base` (the study's own FHIR base URL) is taken as relative. Raises `BadRequest`
    with every fault found: `search.unknown-type`, `search.unknown-parameter`, `search.modifier`, `search.value`,
    `search.empty-value`, `search.repeated`, `search.too-many`.
    """
    if not parameters.is_type(type):
        raise BadRequest(issue("search.unknown-type", type=_shown(type)))
    reader = _Reader(type, parameters, base.rstrip("/"))
    for name, text in params:
        reader.read(name, text)
    if len(reader.clauses) > MAX_CLAUSES:
        reader.faults.append(issue("search.too-many", parameter="The search", limit=MAX_CLAUSES))
    if reader.faults:
        raise BadRequest(*reader.faults)
    count = reader.results.get("_count")
    wanted = count == 0 or reader.results.get("_total", 0) == 1 or reader.results.get("_summary", 0) == 1
    total: Total = "accurate" if wanted else ""
    return Query(type, tuple(reader.clauses), 0 if reader.results.get("_summary") else count, total)


class _Reader:
    """Reads one parameter after the other, collecting clauses and faults."""

    def __init__(self, type: str, parameters: Parameters, base: str) -> None:
        self.type = type
        self.known = parameters.of(type)
        self.base = base
        self.clauses: list[Clause] = []
        self.results: dict[str, int] = {}
        self.faults: list[Issue] = []

    def read(self, name: str, text: str) -> None:
        code, colon, modifier = name.partition(":")
        if colon:
            self._refuse_modifier(code, modifier)
        elif not text:
            self.faults.append(issue("search.empty-value", parameter=_shown(code)))
        elif code in RESULT_PARAMETERS:
            self._result(code, text)
        elif code in self.known or code in ("_id", "_lastUpdated"):
            self._clause(code, text)
        else:
            self._refuse_name(code)

    def _clause(self, code: str, text: str) -> None:
        parts = _split(text, ",")
        is_date = code == "_lastUpdated" or (code in self.known and self.known[code].kind == "date")
        limit = MAX_DATES if is_date else MAX_VALUES
        if len(parts) > limit:
            self.faults.append(issue("search.too-many", parameter=code, limit=limit))
        elif not all(parts):
            self.faults.append(issue("search.empty-value", parameter=code))
        else:
            try:
                self.clauses.append(self._built(code, parts))
            except ValueError as expected:
                self.faults.append(issue("search.value", parameter=code, expected=expected))

    def _built(self, code: str, parts: list[str]) -> Clause:
        if code == "_id":
            return IdClause(tuple(_unique(_logical_id(part) for part in parts)))
        if code == "_lastUpdated":
            return DateClause(code, tuple(_moment(part) for part in parts))
        parameter = self.known[code]
        if parameter.kind == "token":
            return TokenClause(code, tuple(_unique(_token(part) for part in parts)))
        if parameter.kind == "date":
            return DateClause(code, tuple(_moment(part) for part in parts))
        return ReferenceClause(code, tuple(_unique(t for part in parts for t in self._targets(parameter, part))))

    def _targets(self, parameter: Indexed, text: str) -> list[str]:
        """What a reference may be written as: `Type/id`, an id of any target type, a whole URL."""
        plain = _unescape(text)
        if self.base and plain.startswith(self.base + "/"):
            plain = plain[len(self.base) + 1 :]
        if _ID.match(plain):
            return [f"{target}/{plain}" for target in sorted(parameter.targets)]
        typed = _TYPED.match(plain)
        if typed and typed[1] in parameter.targets:
            return [plain]
        if not typed and ("://" in plain or plain.startswith("urn:")):
            return [plain]
        raise ValueError("an id, a reference to " + " or ".join(sorted(parameter.targets)[:8]) + ", or a URL")

    def _result(self, code: str, text: str) -> None:
        allowed = {"_total": {"none": 0, "estimate": 1, "accurate": 1}, "_summary": {"false": 0, "count": 1}}
        if code in self.results:
            self.faults.append(issue("search.repeated", parameter=code))
        elif code == "_count":
            if text.isascii() and text.isdecimal() and len(text) <= 9:
                self.results[code] = int(text)
            else:
                self.faults.append(issue("search.value", parameter=code, expected="a whole number from 0"))
        elif text in allowed[code]:
            self.results[code] = allowed[code][text]
        else:
            self.faults.append(issue("search.value", parameter=code, expected=" or ".join(allowed[code])))

    def _refuse_modifier(self, code: str, modifier: str) -> None:
        if code in self.known or code in ("_id", "_lastUpdated", *RESULT_PARAMETERS):
            self.faults.append(issue("search.modifier", parameter=code, modifier=_shown(modifier)))
        else:
            self._refuse_name(code)

    def _refuse_name(self, code: str) -> None:
        known = ", ".join(sorted({*self.known, "_id", "_lastUpdated", *RESULT_PARAMETERS}))
        self.faults.append(issue("search.unknown-parameter", type=self.type, parameter=_shown(code), known=known))


def _shown(name: str) -> str:
    """The name as it may stand in a message: a caller may have put anything there."""
    return name if _NAME.match(name) else "(not a name)"


def _unique(values: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(values))


def _split(text: str, separator: str) -> list[str]:
    r"""The parts between separators that are not escaped; escapes (`\,`) stay in the parts."""
    parts, start, escaped = [], 0, False
    for place, character in enumerate(text):
        if character == separator and not escaped:
            parts.append(text[start:place])
            start = place + 1
        escaped = character == "\\" and not escaped
    return [*parts, text[start:]]


def _unescape(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text)


def _logical_id(part: str) -> str:
    if not _ID.match(part):
        raise ValueError("an id")
    return part


def _token(part: str) -> Token:
    """`code`, `system|code`, `|code`, `system|`."""
    parts = [_unescape(piece) for piece in _split(part, "|")]
    if len(parts) == 1:
        return Token(None, parts[0])
    if len(parts) > 2 or parts == ["", ""]:
        raise ValueError("code, system|code, |code or system|")
    return Token(parts[0], parts[1] or None)


def _moment(part: str) -> Moment:
    found = _DATE.match(part)
    interval = parse_interval(found[2].replace(" ", "+")) if found else None
    if not found or not interval or (found[1] and found[1] not in _PREFIXES):
        raise ValueError("a date with one of the prefixes eq ne gt lt ge le sa eb ap, or none")
    low, high = max(interval.low, FOREVER_BEFORE), min(interval.high, FOREVER_AFTER)
    return Moment(cast(Prefix, found[1] or "eq"), low, high)
