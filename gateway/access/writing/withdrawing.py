"""What goes with a withdrawal: the participant's enrolment ends with the last Consent.

It is derived, so that it never keeps anybody from withdrawing: an enrolment is revised as it stands when the
transaction has it, and one that has ended already stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.access.collecting import Collecting
from gateway.access.placing.places import Placer
from gateway.consent import is_deletion, is_left, withdraws
from gateway.core.errors import Forbidden
from gateway.core.resources import Change, Key, Placement
from gateway.core.types import Resource

CONSENT: Final = "Consent"
ENROLMENT: Final = "ResearchSubject"
WITHDRAWN: Final = "withdrawn"

ENDED: Final = frozenset({WITHDRAWN, "off-study", "ineligible", "not-registered"})
"""The statuses of those who are not in the study any more, or never were
(https://hl7.org/fhir/R4/valueset-research-subject-status.html)."""


def ended_enrolments(
    study: str, changes: Sequence[Change], collecting: Collecting, placer: Placer, now: int
) -> Iterator[Change]:
    """The ResearchSubjects of this study that become withdrawn with the Consents among the changes.

    One that is among the changes itself stays as it is written there; of whom the data is deleted, nothing stays.
    """
    policy = collecting.policies[study]
    for subject in _withdrawing(changes, policy.documents):
        try:
            evidence = collecting.evidence_after(study, subject, changes)
        except Forbidden:  # more Consents than are looked at: the enrolment is left to people
            continue
        if is_left(evidence, subject, policy, now):
            continue
        written = {change.key.id for change in changes if change.key.type == ENROLMENT}
        for one in evidence:
            is_own = one["resourceType"] == ENROLMENT and _reference(one, "study") in policy.research_studies
            if is_own and one["id"] not in written:
                key = Key(study, ENROLMENT, one["id"])
                yield Change(key, one, revise=lambda current: _ended(current, placer))


def _withdrawing(changes: Sequence[Change], documents: Mapping[str, str]) -> Sequence[str]:
    """The participants (Patient ids) who withdraw, each once."""
    found: dict[str, None] = {}
    for change in changes:
        consent = change.resource if change.key.type == CONSENT else None
        if consent is not None and withdraws(consent, documents) and not is_deletion(consent):
            found[_reference(consent, "patient").removeprefix("Patient/")] = None
    return tuple(found)


def _ended(enrolment: Resource, placer: Placer) -> tuple[Resource, Placement] | None:
    if enrolment.get("status") in ENDED:
        return None
    revised = {**enrolment, "status": WITHDRAWN}
    return revised, placer.place(revised, lambda _type, _id: None)


def _reference(resource: Resource, name: str) -> str:
    value = resource.get(name)
    return str(value.get("reference", "")) if isinstance(value, dict) else ""
