"""Clients of a trial site: what they see and write is about the site's participants, whatever their scopes reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.access.reading.limits import Limits
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource
from gateway.study import Study

Patients: TypeAlias = frozenset[str]

NOBODY: Final[Patients] = frozenset()


def patients_of_sites(study: Study) -> Mapping[str, Patients]:
    """The ids of the Patients that the study file enrols, by the id of their site."""
    people = study.participants
    return {site: frozenset(one.patient for one in people if one.site == site) for site in study.sites}


@dataclass(frozen=True, slots=True)
class Among:
    """Limits that hold besides those of the scopes: about these participants, or about nobody."""

    limits: Limits
    patients: Patients

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...] | None:
        """The limits of the scopes, each of them narrowed; never None."""
        found = self.limits.of(principal, letters)
        return _narrowed((Limit("*"),) if found is None else found, self.patients)

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """See `ScopeLimits.permits`."""
        return self.limits.permits(limits, resource, placement)


def of_site(limits: Limits, principal: Principal, sites: Mapping[str, Patients]) -> Limits:
    """The limits of a principal; one whose site has no participants, or is not known, sees none."""
    return Among(limits, sites.get(principal.site, NOBODY)) if principal.site else limits


@lru_cache(maxsize=1024)
def _narrowed(limits: tuple[Limit, ...], patients: Patients) -> tuple[Limit, ...]:
    return tuple(
        replace(limit, among=patients if limit.among is None else limit.among & patients) for limit in limits
    )
