"""When what Consents permit ends: with a period, by a newer Consent, or because it was withdrawn."""

from collections.abc import Sequence

from gateway.consent.narrowing import provisions
from gateway.consent.reading import read_consents
from gateway.consent.request import ConsentPolicy
from gateway.consent.terms import Provision, Terms
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE
from gateway.core.kinds import Match
from gateway.core.types import Resource


def is_left(resources: Sequence[Resource], subject: str, policy: ConsentPolicy, now: int) -> bool:
    """Whether a participant (Patient id) still gives some Consent to the study: neither withdrawn nor replaced, and
    not over at `now`. One that is dated ahead is one too.

    `resources` are the current versions of its Consents and ResearchSubjects.
    """
    return any(_is_live(one, now) for one in read_consents(resources, subject, policy))


def ends_at(terms: Terms) -> int:
    """The instant from which no permit of a Consent is in force any more: `FOREVER_AFTER` for one without an end,
    `FOREVER_BEFORE` for one that permits nothing."""
    return _end(terms.root, min(FOREVER_AFTER if one is None else one for one in (terms.until, terms.withdrawn)))


def is_given(terms: Terms) -> bool:
    """Whether a Consent has permits, and they count in this study, at any time."""
    is_linked = any(one.study is Match.CERTAIN for one in provisions(terms.root))
    return terms.grants and is_linked and ends_at(terms) > FOREVER_BEFORE


def _is_live(terms: Terms, now: int) -> bool:
    return is_given(terms) and terms.closed is None and ends_at(terms) > now


def _end(provision: Provision, latest: int) -> int:
    if provision.period is not None:
        latest = min(latest, provision.period.high)
    ends = [_end(child, latest) for child in provision.children]
    is_permit = provision.permits and not provision.vague
    return max([*ends, latest] if is_permit else ends, default=FOREVER_BEFORE)
