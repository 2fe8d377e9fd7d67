"""Reading what stays stored and nobody uses: the data under a withdrawal, for who must keep it.

It is for reading and searching alone. Scopes and site hold; Consents in force open nothing to such a role, so that it
sees no data that anybody else may see, but what is of the study.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.access.reading.limits import Limits
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource

_READING: Final = ("r", "s")
"""The letters of reading and of searching; bulk data asks for both at once, a write for none of them."""


@dataclass(frozen=True, slots=True)
class OfRetained:
    """Limits that leave in what is retained, in place of what Consents permit."""

    limits: Limits

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...]:
        """The limits of reading; none, which is nothing, for anything else."""
        return _retained(self.limits.of(principal, letters)) if letters in _READING else ()

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """See `ScopeLimits.permits`."""
        return self.limits.permits(limits, resource, placement)


@lru_cache(maxsize=1024)
def _retained(limits: tuple[Limit, ...] | None) -> tuple[Limit, ...]:
    return tuple(replace(limit, retained=True) for limit in ((Limit("*"),) if limits is None else limits))
