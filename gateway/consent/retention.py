"""What stays stored and nobody may use: it is seen by those alone who must keep it, for a regulator or a court.

That is the data of a participant whose Consent was withdrawn with no further use, or is over. While no other Consent
is given, that is all that is stored of the participant; else what is of the time until then, since what came later
stands under the other Consent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.consent.ending import ends_at, is_given
from gateway.consent.reading import consents_for, read_consents
from gateway.consent.request import ConsentPolicy, ConsentRequest, Decision, Reason
from gateway.consent.terms import Terms, read_terms, withdrawal_of
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE
from gateway.core.resources import RETAIN, Grant, Placement
from gateway.core.types import Resource

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Retained:
    """What one Consent version leaves behind from the instant `since` on: data that had ended at `until`."""

    consent: str
    since: int
    until: int


def retained(resources: Sequence[Resource], subject: str, policy: ConsentPolicy) -> Iterator[Retained]:
    """What is retained of a participant (Patient id); `resources` are current Consents and ResearchSubjects."""
    consents = consents_for(resources, subject, policy)
    given = [one for one in read_consents(resources, subject, policy) if is_given(one)]
    for terms, since, at in (*_withdrawn(consents, subject, policy), *_over(given, policy)):
        others = any(one.version != terms.version and ends_at(one) > since for one in given)
        if not others:
            yield Retained(terms.version, since, FOREVER_AFTER)
        elif at is not None:
            yield Retained(terms.version, since, at)


def retained_grants(resources: Sequence[Resource], subject: str, policy: ConsentPolicy) -> list[Grant]:
    """The same as boxes."""
    return [
        Grant(subject, ANY, ANY, RETAIN, ANY, data_high=one.until, valid_low=one.since, consent=one.consent)
        for one in retained(resources, subject, policy)
    ]


def decide_retained(
    resources: Sequence[Resource], request: ConsentRequest, placement: Placement, policy: ConsentPolicy
) -> Decision:
    """Whether a resource so placed is retained, for every participant whom it is about."""
    reasons = []
    for subject in placement.subjects:
        own = [
            one.consent
            for one in retained(resources, subject, policy)
            if one.since <= request.now and placement.high <= one.until
        ]
        if not own:
            return Decision(False, "consent.not-retained")
        reasons += [Reason(one, subject, "", "Consent", True) for one in dict.fromkeys(own)]
    return Decision(True, "consent.retained", tuple(dict.fromkeys(one.consent for one in reasons)), tuple(reasons))


def _withdrawn(
    consents: Sequence[Resource], subject: str, policy: ConsentPolicy
) -> Iterator[tuple[Terms, int, int | None]]:
    """The Consents that are inactive and keep no data in use, with the instant of the withdrawal where it is told."""
    for one in consents:
        is_out_of_use = one.get("status") == "inactive" and read_terms(one, subject, policy) is None
        before = {name: value for name, value in one.items() if name != "extension"} | {"status": "active"}
        terms = read_terms(before, subject, policy) if is_out_of_use else None
        if terms is not None and is_given(terms):
            yield terms, FOREVER_BEFORE, withdrawal_of(one)[1]


def _over(given: Sequence[Terms], policy: ConsentPolicy) -> Iterator[tuple[Terms, int, int | None]]:
    """The Consents that a document withdrew, or whose time ends where the study makes no further use of them then."""
    for one in given:
        end = one.withdrawn if policy.retains_expired else ends_at(one)
        if one.until is None and end is not None and end < FOREVER_AFTER:
            yield one, end, end
