"""Makes doors; there is one `Access` in a process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from msgspec import Struct

from gateway.access.breaking import behind_glass
from gateway.access.collecting import Collecting
from gateway.access.door import Door
from gateway.access.journal import Journal, act_of
from gateway.access.placing.places import Placer
from gateway.access.reading.departing import Departing
from gateway.access.reading.limits import Limits, ScopeLimits
from gateway.access.reading.redacting import RedactingStore
from gateway.access.reading.redaction import redaction_of
from gateway.access.reading.retaining import OfRetained
from gateway.access.reading.shut import Shut
from gateway.access.reading.withholding import Withholding
from gateway.access.sites import of_site, patients_of_sites
from gateway.access.writing.gate import Gate
from gateway.access.writing.transaction import Begun, Result
from gateway.audit import AuditTrail
from gateway.consent import ConsentPolicy
from gateway.core.clock import Clock
from gateway.core.errors import Forbidden
from gateway.core.event import Event
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.store.port import ResourceStore
from gateway.study import Study
from gateway.study.parts import Role

_KEPT: Final = 1024
"""For how many callers what their doors are made of is kept."""


class _Known(Struct, frozen=True):
    """What the doors of one principal have in common."""

    gate: Gate
    store: ResourceStore
    act: Event


class Access:
    """The way to stored resources; everything it needs is compiled when it is made.

    Raises `FhirPathError` for a domain rule that does not compile.
    """

    def __init__(
        self, store: ResourceStore, trail: AuditTrail, studies: Mapping[str, Study], clock: Clock, limits: ScopeLimits
    ) -> None:
        self._store = store
        self._trail = trail
        self._studies = studies
        self._clock = clock
        self._limits = limits
        self._placers = {study.id: Placer(study) for study in studies.values()}
        self._sites = {study.id: patients_of_sites(study) for study in studies.values()}
        self._collecting = Collecting(store, {study.id: ConsentPolicy.of(study) for study in studies.values()})
        self._known: dict[str, _Known] = {}

    def door(
        self, principal: Principal, request: str = "", why: str = "", network: str = "", *, deidentifies: bool = False
    ) -> Door:
        """The door for one caller; audit events carry `request`, an id, `network`, the address that it came from, and
        of changes `why`, a person's reason.

        Who calls this `deidentifies` what leaves, by the policy of the role; for others the door of a role that has
        one stays shut. Raises `Forbidden` for a study or role that is not installed, or may not break the glass that
        it broke.
        """
        # What was made for this very principal, who comes with each request of a token; no other has its rights.
        known = None if deidentifies else self._known.get(principal.token)
        if known is None or known.gate.principal is not principal:
            known = self._made(principal, deidentifies)
        gate = replace(known.gate, lacks_reason=False) if why and known.gate.lacks_reason else known.gate
        journal = Journal(self._trail, principal, request, why, network, known.act)
        return Door(known.store, gate, journal, self._clock)

    def _made(self, principal: Principal, deidentifies: bool) -> "_Known":
        study = self._studies.get(principal.study)
        role = study.roles.get(principal.role) if study else None
        if study is None or role is None:
            raise Forbidden(issue("auth.client-unknown"))
        limits: Limits = self._limits_of(principal)
        if role.deidentify and (principal.patient or principal.broken):
            raise Forbidden(issue("export.deidentified-only"))
        if role.deidentify and not deidentifies:
            limits = Shut(limits)
        if principal.broken:
            limits = behind_glass(limits, principal, role)
        lacks_reason = _is_to_reason(study, role, principal)
        gate = Gate(principal, role, self._store, self._placers[study.id], self._collecting, limits, lacks_reason)
        redaction = redaction_of(role.redacts)
        store: ResourceStore = RedactingStore(self._store, redaction) if redaction else self._store
        made = _Known(gate, store, act_of(principal))
        if not deidentifies:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[principal.token] = made
        return made

    def _limits_of(self, principal: Principal) -> Limits:
        study = principal.study
        limits = of_site(self._limits.of_study(study), principal, self._sites[study])
        return OfRetained(limits) if self._studies[study].roles[principal.role].sees_retained else limits

    def departing(self, principal: Principal, since: int, until: int, request: str = "") -> Departing:
        """What one caller could take along at `since` and not any more, but for what was deleted at `until` or later.

        Raises as `door` does.
        """
        if principal.broken:
            raise Forbidden(issue("consent.break-glass"))
        self.door(principal)
        limits = self._limits_of(principal)
        journal = Journal(self._trail, principal, request, "")
        placer = self._placers[principal.study]
        return Departing(principal, self._store, placer, self._collecting, limits, journal, self._clock, since, until)

    def withholding(self, principal: Principal) -> Withholding:
        """What is kept from one caller, for who operates the gateway; raises as `door` does."""
        self.door(principal)
        study = self._studies[principal.study]
        return Withholding(
            principal=principal,
            redaction=redaction_of(study.roles[principal.role].redacts),
            store=self._store,
            placer=self._placers[study.id],
            collecting=self._collecting,
            limits=self._limits_of(principal),
            journal=Journal(self._trail, principal, "", ""),
            clock=self._clock,
        )

    def commit_together(self, begun: Sequence[Begun]) -> list[tuple[Result, ...] | BaseException]:
        """Commits transactions of several doors, one disk flush for all where the database can; for each what
        became of its steps, or what it would have raised."""
        together = [one.unit for one in begun if one.store is self._store]
        committed = iter(self._store.commit_all(together))
        return [
            one.answer(next(committed) if one.store is self._store else one.store.commit_all([one.unit])[0])
            for one in begun
        ]

    def flush(self) -> None:
        """Has the events written that `Door.begin_read` left waiting."""
        self._trail.wake()


def _is_to_reason(study: Study, role: Role, principal: Principal) -> bool:
    """Whether the study wants a reason of who changes participants' data as this principal; see `Interactions`."""
    wanted_of = study.interactions.change_reason
    return bool(principal.user) if wanted_of == "people" else wanted_of == "everyone" and not role.collects
