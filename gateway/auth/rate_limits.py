"""How often a client may ask: a budget for each kind of request and client of a study, shared by all processes.

Budgets are fixed windows, of items and stores of the library `limits`. One process counts in memory (its own: that of
the library starts a thread every hundredth of a second); several share counters in the database or in Redis. From the
database each process takes a hundredth of a budget at a time, so that a request rarely costs a write; what a process
has taken and not used counts as used. When the counters cannot be reached nobody is let in.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Final, Literal, Protocol, TypeAlias

from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string

from gateway.core.errors import FhirError, TooManyRequests, Unavailable
from gateway.core.issues import issue

Kind: TypeAlias = Literal["fhir", "search", "ingest", "login", "failure", "status"]
"""FHIR requests of a client, those of them that search, and its deliveries; tokens asked for, and wrong proofs, of a
network address; questions of a client how far an export is."""

SHARE: Final = 100

_KEPT: Final = 10_000
"""How many counters are kept before those that ended are forgotten, and how many names are."""


class Counters(Protocol):
    """Counters of windows, shared by the processes of one installation."""

    def add(self, study: str, name: str, amount: int, seconds: int) -> int:
        """Adds to a counter and answers what it stands at; a window of so many seconds starts where there is none."""

    def get(self, study: str, name: str) -> tuple[int, int]:
        """The counter, and the Unix second at which its window ends; 0 and now where there is none."""


class Counting(Protocol):
    """Where requests are counted: what is asked of a storage of `limits`, whose keys and windows it takes."""

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Where the counter stands once `amount` is taken; a window of so many seconds starts where there is none."""

    def get(self, key: str) -> int:
        """Where the counter stands."""

    def get_expiry(self, key: str) -> float:
        """The end of the window."""


@dataclass(frozen=True, slots=True)
class _Budget:
    """What one of whom a budget is for may do: `most` in so many seconds, counted under a key."""

    key: str
    most: int
    seconds: int


class RateLimits:
    """The budgets, by kind; "" as a budget is none."""

    def __init__(self, budgets: Mapping[Kind, str], storage: Counting) -> None:
        self._storage = storage
        self._budgets: dict[Kind, RateLimitItem] = {kind: parse(text) for kind, text in budgets.items() if text}
        self._of = lru_cache(maxsize=_KEPT)(self._made)

    @classmethod
    def of(cls, budgets: Mapping[Kind, str], store: str, workers: int, counters: Counters) -> "RateLimits":
        """The budgets over Redis at the URL `store`, over the database for several workers, else in memory."""
        if store:
            storage = storage_from_string(store)
            if not isinstance(storage, Storage):
                raise ValueError("a store of requests that this gateway cannot count in")
            return cls(budgets, storage)
        return cls(
            budgets, SharedStorage(counters) if workers > 1 else SharedStorage(MemoryCounters(), is_alone=True)
        )

    def spend(self, kind: Kind, study: str, who: str) -> None:
        """Takes one from a budget; raises `TooManyRequests`, with the seconds until its window ends, when it is used
        up, and `Unavailable` when the counters cannot be reached."""
        budget = self._of(kind, study, who)
        if budget is None:
            return
        try:
            count = self._storage.incr(budget.key, budget.seconds)
        except Exception as error:
            raise _unavailable(error) from None
        if count > budget.most:
            raise self._refusal(budget.key)

    def require_left(self, kind: Kind, study: str, who: str) -> None:
        """Raises as `spend` does, and takes nothing."""
        budget = self._of(kind, study, who)
        if budget is None:
            return
        try:
            count = self._storage.get(budget.key)
        except Exception as error:
            raise _unavailable(error) from None
        if count >= budget.most:
            raise self._refusal(budget.key)

    def _made(self, kind: Kind, study: str, who: str) -> "_Budget | None":
        item = self._budgets.get(kind)
        return _Budget(item.key_for(study, kind, who), item.amount, item.get_expiry()) if item else None

    def _refusal(self, key: str) -> TooManyRequests:
        try:
            end = self._storage.get_expiry(key)
        except Exception as error:
            raise _unavailable(error) from None
        refusal = TooManyRequests(issue("auth.rate"))
        refusal.seconds = max(1, round(end - time.time()))
        return refusal


def _unavailable(error: Exception) -> FhirError:
    """What a failure of a storage is to who asked."""
    return error if isinstance(error, FhirError) else Unavailable(issue("auth.rate-store"))


class MemoryCounters:
    """Implements `Counters` for the threads of one process, whose lock `SharedStorage` is."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, float]] = {}

    def add(self, study: str, name: str, amount: int, seconds: int) -> int:
        """See `Counters.add`."""
        now = time.time()
        count, until = self._kept.get(name, (0, now))
        if until <= now:
            count, until = 0, now + seconds
            if len(self._kept) >= _KEPT:
                self._kept = {other: one for other, one in self._kept.items() if one[1] > now}
        self._kept[name] = (count + amount, until)
        return count + amount

    def get(self, study: str, name: str) -> tuple[int, int]:
        """See `Counters.get`."""
        now = time.time()
        count, until = self._kept.get(name, (0, now))
        return (count, ceil(until)) if until > now else (0, ceil(now))


@dataclass(slots=True)
class _Held:
    """What a process has taken of a window: `total` is where the counter stood then, `left` what is not used."""

    total: int
    left: int
    until: float


class SharedStorage:
    """`Counting` over `Counters`; safe between threads. Keys are those that `limits` makes.

    `is_alone`: nobody else counts there, so that there is nothing but what is held.
    """

    def __init__(self, counters: Counters, *, is_alone: bool = False) -> None:
        self._counters = counters
        self._is_alone = is_alone
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """See `Counting.incr`."""
        with self._lock:
            held = self._held.get(key)
            if held is None or held.left < amount or time.time() >= held.until:
                held = self._take(key, expiry, amount)
            held.left -= amount
            return held.total - held.left

    def _take(self, key: str, expiry: int, amount: int) -> _Held:
        share = max(amount, _amount(key) // SHARE)
        total = self._counters.add(_study(key), key, share, expiry)
        held = self._held[key] = _Held(total, share, self._counters.get(_study(key), key)[1])
        if len(self._held) > _KEPT:
            now = time.time()
            self._held = {name: one for name, one in self._held.items() if one.until > now}
        return held

    def get(self, key: str) -> int:
        """Where the counter stands."""
        held = self._held.get(key)  # of what is held nothing but `left` ever changes
        if held is not None and time.time() < held.until:
            return held.total - held.left
        return 0 if self._is_alone else self._counters.get(_study(key), key)[0]

    def get_expiry(self, key: str) -> float:
        """The end of the window."""
        return float(self._counters.get(_study(key), key)[1])


def _study(key: str) -> str:
    """`LIMITER/<study>/<kind>/<who>/<amount>/<multiples>/<unit>`"""
    return key.split("/", 2)[1]


def _amount(key: str) -> int:
    return int(key.rsplit("/", 3)[1])
