"""Index entries as rows and query clauses as hashes: the one place where both sides must agree.

A token or reference becomes 64-bit hashes over (type, parameter, form, value), so that each way to ask for it is
one equality. A token with a system is found by `system|code`, by `code` and by `system|`.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.search.query import (
    DateEntry,
    IndexEntry,
    ReferenceClause,
    ReferenceEntry,
    Token,
    TokenClause,
    TokenEntry,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """The index rows of one resource version, without study and key."""

    terms: frozenset[int]
    dates: frozenset[tuple[int, int, int]]

    def pack(self) -> bytes:
        """The rows as little-endian 64-bit numbers: the number of terms, the terms, three numbers a date."""
        numbers = [len(self.terms), *self.terms, *(number for date in self.dates for number in date)]
        return struct.pack(f"<{len(numbers)}q", *numbers)

    @classmethod
    def unpack(cls, data: bytes) -> "Rows":
        """The rows that `pack` wrote."""
        numbers = struct.unpack(f"<{len(data) // 8}q", data)
        end = numbers[0] + 1
        dates = zip(numbers[end::3], numbers[end + 1 :: 3], numbers[end + 2 :: 3], strict=True)
        return cls(frozenset(numbers[1:end]), frozenset(dates))


NO_ROWS = Rows(frozenset(), frozenset())


def term(type: str, parameter: str, form: str, *parts: str) -> int:
    """The signed 64-bit hash of one way to ask for a value; parts are joined by a byte that no text holds."""
    text = "\x1f".join((type, parameter, form, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def index_rows(type: str, entries: Iterable[IndexEntry]) -> Rows:
    """The rows that the entries of a resource become."""
    terms: set[int] = set()
    dates: set[tuple[int, int, int]] = set()
    for entry in entries:
        if isinstance(entry, DateEntry):
            dates.add((date_hash(type, entry.parameter), entry.low, entry.high))
        else:
            terms.update(_terms(type, entry))
    return Rows(frozenset(terms), frozenset(dates))


@lru_cache(maxsize=1 << 15)
def _terms(type: str, entry: TokenEntry | ReferenceEntry) -> tuple[int, ...]:
    """Codes and patients come again and again; the hashes of the last ones are kept."""
    if isinstance(entry, ReferenceEntry):
        return (term(type, entry.parameter, "reference", entry.target),)
    exact = term(type, entry.parameter, "token", entry.system, entry.code)
    code = term(type, entry.parameter, "code", entry.code)
    return (exact, code, _system(type, entry.parameter, entry.system)) if entry.system else (exact, code)


@lru_cache(maxsize=1 << 10)
def _system(type: str, parameter: str, system: str) -> int:
    return term(type, parameter, "system", system)


@lru_cache(maxsize=1 << 10)
def date_hash(type: str, parameter: str) -> int:
    """The hash that the date rows of a parameter share."""
    return term(type, parameter, "date")


def wanted(type: str, clause: TokenClause | ReferenceClause) -> list[int]:
    """The hashes of which a matching resource has at least one."""
    if isinstance(clause, ReferenceClause):
        return [term(type, clause.parameter, "reference", target) for target in clause.targets]
    return [_wanted_token(type, clause.parameter, value) for value in clause.values]


def _wanted_token(type: str, parameter: str, value: Token) -> int:
    if value.code is None:
        return term(type, parameter, "system", value.system or "")
    if value.system is None:
        return term(type, parameter, "code", value.code)
    return term(type, parameter, "token", value.system, value.code)
