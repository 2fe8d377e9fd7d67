"""The eyes of a role that is given de-identified data alone, for all who would show it data as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.access.reading.limits import Limits
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource


@dataclass(frozen=True, slots=True)
class Shut:
    """Limits under which nothing is read, searched, exported or written."""

    limits: Limits

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...] | None:
        """Raises `Forbidden` (`export.deidentified-only`)."""
        raise Forbidden(issue("export.deidentified-only"))

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """See `ScopeLimits.permits`."""
        return False
