"""Breaking the glass: reading the data of one participant past the Consents, in an emergency.

It opens less than it seems. Scopes and site hold; it reads and searches what is about that participant and nobody
else, never a Consent, and neither writes nor exports. What was deleted for a participant is not there any more, for
anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.access.reading.limits import Limits
from gateway.access.sites import Among
from gateway.core.errors import Forbidden
from gateway.core.event import BREAK_GLASS
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource
from gateway.study.parts import Role

_READING: Final = ("r", "s")
"""The letters of reading and of searching; bulk data asks for both at once, a write for none of them."""


@dataclass(frozen=True, slots=True)
class BehindGlass:
    """Limits that ask no Consents, and leave in what is about `patient` alone."""

    limits: Limits
    patient: str

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...] | None:
        """The limits of reading; none, which is nothing, for anything else."""
        if letters not in _READING:
            return ()
        found = Among(self.limits, frozenset({self.patient})).of(principal, letters) or ()
        return tuple(replace(limit, without_consent=True) for limit in found)

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """See `ScopeLimits.permits`."""
        return self.limits.permits(limits, resource, placement)


def behind_glass(limits: Limits, principal: Principal, role: Role) -> Limits:
    """The limits of who broke the glass; raises `Forbidden` for a role that may not, or under another purpose."""
    if not role.break_glass or principal.purpose != BREAK_GLASS:
        raise Forbidden(issue("consent.break-glass"))
    return BehindGlass(limits, principal.broken)
