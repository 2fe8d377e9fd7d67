"""What is kept from a reader who takes data along, and why: counts alone, for who operates the gateway.

Counts of few participants tell on them: whoever shows these protects small ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.access.collecting import Collecting
from gateway.access.journal import Journal
from gateway.access.placing.places import Placer, following
from gateway.access.reading.limits import Limits
from gateway.access.reading.redaction import Redaction
from gateway.access.scopes import may
from gateway.consent import ConsentRequest, decide
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.instants import micros
from gateway.core.principal import Principal
from gateway.core.resources import Key, Placement, Stored, Visibility
from gateway.core.types import Resource
from gateway.store.port import ResourceStore

SCOPE: Final = "auth.scope"
LIMIT: Final = "auth.scope-limit"
"""Beside the rules of `decide`: the client's scopes do not reach the type; they, or its site, do not reach it all."""


@dataclass(slots=True)
class Withheld:
    """Resources that are kept back for one reason, and the participants (Patient ids) whose data they are."""

    resources: int = 0
    participants: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Kept:
    """Of one type: how many resources there are, leave, and leave without what the role does not see; and what is
    kept back by reason, a rule id."""

    stored: int = 0
    leaves: int = 0
    redacted: int = 0
    withheld: dict[str, Withheld] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withholding:
    """Counts for one principal, with the action `disclose`."""

    principal: Principal
    redaction: Redaction | None
    store: ResourceStore
    placer: Placer
    collecting: Collecting
    limits: Limits
    journal: Journal
    clock: Clock
    _evidence: dict[str, list[Resource]] = field(default_factory=dict)

    def of(self, kinds: Iterable[str]) -> dict[str, Kept]:
        """What becomes of each type; an event of it is durable before."""
        asked = tuple(kinds)
        self.journal.record(self.journal.event(self.clock(), "E", "report-withheld", asked))
        return {kind: self._of(kind) for kind in asked}

    def _of(self, kind: str) -> Kept:
        kept, visible = Kept(), set()
        who, limits = self.principal, self.limits.of(self.principal, "rs")
        eyes = Visibility(who.study, who.organisation, "disclose", who.purpose, micros(self.clock()), limits)
        if may(who, kind, "r", "s"):
            for row in self.store.stream(kind, who.study, eyes):
                visible.add(row.key.id)
                kept.redacted += self.redaction is not None and self.redaction.shown(row).body != row.body
        for row in self.store.stream(kind, who.study, None):
            if row.key.id in visible:
                kept.leaves += 1
            elif not self._why(kept, row, eyes):
                continue
            kept.stored += 1
        return kept

    def _why(self, kept: Kept, row: Stored, eyes: Visibility) -> bool:
        """Counts the resource under its reason; False for one that came a moment ago and is not kept back."""
        resource = loads(row.body)
        placement = self.placer.place(resource, following(self.placer, self._there))
        reason = self._reason(resource, placement, eyes)
        if reason:
            found = kept.withheld.setdefault(reason, Withheld())
            found.resources += 1
            found.participants.update(placement.subjects)
        return bool(reason)

    def _reason(self, resource: Resource, placement: Placement, eyes: Visibility) -> str:
        if not may(self.principal, resource["resourceType"], "r", "s"):
            return SCOPE
        asked = ConsentRequest(eyes.organisation, eyes.action, eyes.purpose, eyes.now)
        evidence = [found for subject in placement.subjects for found in self._of_subject(subject)]
        decision = decide(evidence, asked, placement, self.collecting.policies[eyes.study])
        if not decision.permit:
            return decision.reason
        return "" if self.limits.permits(eyes.limits, resource, placement) else LIMIT

    def _of_subject(self, subject: str) -> list[Resource]:
        if subject not in self._evidence:
            self._evidence[subject] = self.collecting.evidence(self.principal.study, (subject,))
        return self._evidence[subject]

    def _there(self, kind: str, identity: str) -> Resource | None:
        current = self.store.read(Key(self.principal.study, kind, identity), None)
        return None if current is None or current.deleted else loads(current.body)
