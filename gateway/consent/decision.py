"""The specification: one question, one placement, the participant's Consents, one answer.

For each (subject, domain) pair of the placement: any deny denies, else any permit permits, else deny; every pair
must be permitted. Permits match narrowly (the whole clinical interval inside, every criterion understood), denies
broadly (any overlap, any doubt).
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

from gateway.consent.reading import read_consents
from gateway.consent.request import ACTIONS, ConsentPolicy, ConsentRequest, Decision, Reason
from gateway.consent.retention import decide_retained
from gateway.consent.terms import Provision, Terms
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval
from gateway.core.kinds import KindTest, Match
from gateway.core.resources import RETAIN, Placement
from gateway.core.types import Resource

MAX_LEVELS = 3
"""How deep permits count; a Consent that nests deeper is refused when it is written."""


def decide(
    consents: Sequence[Resource], request: ConsentRequest, placement: Placement, policy: ConsentPolicy
) -> Decision:
    """Whether `consents` permit `request` on a resource so placed.

    They are current versions, of any participant; ResearchSubjects among them tell which Consent is for their study.
    """
    if placement.study_level:
        return Decision(True, "consent.study-level")
    if not placement.subjects:
        return Decision(False, "consent.no-subject")
    if request.action == RETAIN:
        return decide_retained(consents, request, placement, policy)
    clinical = Interval(placement.low, max(placement.high, placement.low + 1))
    used: dict[Reason, None] = {}
    for subject in placement.subjects:
        terms = read_consents(consents, subject, policy)
        for domain in placement.domains or ("",):
            answer = _decide_pair(terms, subject, Question(request, domain, clinical, placement))
            if not answer.permit:
                return answer
            used.update(dict.fromkeys(answer.reasons))
    versions = dict.fromkeys(reason.consent for reason in used)
    return Decision(True, "consent.permitted", tuple(versions), tuple(used))


@dataclass(frozen=True, slots=True)
class Asked:
    """The values that a provision's criteria are asked about; `kind` tells how surely a test of content is met."""

    organisation: str
    domain: str
    action: str
    purpose: str
    instance: str
    kind: Callable[[KindTest], Match]


class Question:
    """One request about one domain and clinical interval; with a `span` about what stays permitted after its time."""

    __slots__ = ("asked", "clinical", "request", "span")

    def __init__(self, request: ConsentRequest, domain: str, clinical: Interval, placement: Placement) -> None:
        self.request = request
        self.clinical = clinical
        self.span: Interval | None = None
        self.asked = Asked(
            request.organisation,
            domain,
            request.action,
            request.purpose,
            placement.instance,
            lambda test: test.match(placement.kind),
        )

    def match(self, provision: Provision) -> Match:
        """How surely all criteria of a provision are met, those of its ancestors and children aside."""
        surely = match_values(provision, self.asked)
        if surely and not in_force(provision, self.request.now, self.span):
            return Match.NO
        if surely and provision.data:
            if self.clinical.low >= provision.data.high or self.clinical.high <= provision.data.low:
                return Match.NO
            if self.clinical.low < provision.data.low or self.clinical.high > provision.data.high:
                return Match.POSSIBLE
        return surely

    def retained(self, span: Interval | None) -> "Question":
        """The same question about what was permitted in a span."""
        if span == self.span:
            return self
        found = copy(self)
        found.span = span
        return found

    def is_retained(self) -> bool:
        """Whether the content is of the span's time."""
        window = window_of(self.span)
        return window is None or self.clinical.high <= window.high


def match_values(provision: Provision, asked: Asked) -> Match:
    """How surely the criteria that name values are met."""
    surely = Match.POSSIBLE if provision.vague else Match.CERTAIN
    if provision.study is not None:
        surely = min(surely, provision.study)
    for criterion, value in (
        (provision.actors, asked.organisation),
        (provision.actions, asked.action),
        (provision.purposes, asked.purpose),
        (provision.instances, asked.instance),
    ):
        if criterion is not None:
            surely = min(surely, criterion.match(value))
    if provision.content is not None:
        surely = min(surely, asked.kind(provision.content))
    return min(surely, _match_code(provision, asked))


def _match_code(provision: Provision, asked: Asked) -> Match:
    """A domain or a code of the content: one of the alternatives is enough."""
    found = [provision.domains.match(asked.domain)] if provision.domains is not None else []
    if provision.codes is not None:
        found.append(asked.kind(provision.codes))
    return max(found, default=Match.CERTAIN)


def in_force(provision: Provision, now: int, span: Interval | None = None) -> bool:
    """Whether `now` lies in the provision's period; asked what is retained of a `span`, whether it has begun.

    What is retained was permitted once: a deny beside it keeps from it what it denied, although its own time is over.
    """
    period = provision.period
    return period is None or (period.low <= now and (span is not None or now < period.high))


def narrowed(span: Interval | None, provision: Provision) -> Interval | None:
    """The part of a span in which a provision was in force; None stays None."""
    if span is None or provision.period is None:
        return span
    return Interval(max(span.low, provision.period.low), min(span.high, provision.period.high))


def window_of(span: Interval | None) -> Interval | None:
    """The clinical interval of what is retained of a span, empty for what never was in force; None for any."""
    if span is None:
        return None
    return Interval(FOREVER_BEFORE, span.high if span.low < span.high else FOREVER_BEFORE)


def is_baseline(root: Provision) -> bool:
    """Whether a root deny only sets the ground for permits below it, and is not itself a dissent."""
    return not root.permits and _permits_below(root, 1)


def _permits_below(provision: Provision, level: int) -> bool:
    return level < MAX_LEVELS and any(
        child.permits or _permits_below(child, level + 1) for child in provision.children
    )


def _decide_pair(terms: Sequence[Terms], subject: str, question: Question) -> Decision:
    given = []
    for consent in terms:
        answer, place = _evaluate_consent(consent, question)
        if answer is None:
            continue
        reason = Reason(consent.version, subject, question.asked.domain, place, answer)
        if not answer:
            return Decision(False, "consent.denied", (consent.version,), (reason,))
        given.append(reason)
    if given:
        return Decision(True, "consent.permitted", tuple(reason.consent for reason in given), tuple(given))
    return Decision(False, "consent.not-permitted")


def _evaluate_consent(consent: Terms, question: Question) -> tuple[bool | None, str]:
    """True permits, False denies, None says nothing; and which provision it is."""
    request = question.request
    if consent.since > request.now or (consent.until is not None and consent.until <= request.now):
        return None, ""
    grants = consent.grants_at(request.now) and request.action in ACTIONS
    if consent.closed is not None:
        stopped = request.action == "collect" and request.now >= consent.closed
        grants = grants and not stopped and question.clinical.high <= consent.closed
    answer, place = _evaluate(consent.root, question, ("provision",), grants, linked=False)
    if answer is None and consent.retains and request.action != "collect":
        span = Interval(consent.since, FOREVER_AFTER)
        still, where = _evaluate(consent.root, question.retained(span), ("provision",), grants, linked=False)
        return (still, where) if still else (None, "")
    return answer, place


def _evaluate(
    provision: Provision, question: Question, place: tuple[str, ...], certain: bool, linked: bool
) -> tuple[bool | None, str]:
    """The answer of a provision and the place of what gave it; `certain` while every ancestor surely matches,
    `linked` once one names the study."""
    surely = question.match(provision)
    if surely is Match.NO:
        return None, ""
    question = question.retained(narrowed(question.span, provision))
    certain = certain and surely is Match.CERTAIN and question.is_retained()
    linked = linked or provision.study is Match.CERTAIN
    answers = [
        _evaluate(child, question, (*place, f"provision[{child.number}]"), certain, linked)
        for child in provision.children
    ]
    for wanted in (False, True):
        for answer, where in answers:
            if answer is wanted:
                return answer, where
    own = ".".join(("Consent", *place))
    if provision.permits:
        return (True, own) if certain and linked and len(place) <= MAX_LEVELS else (None, "")
    return (None, "") if len(place) == 1 and is_baseline(provision) else (False, own)
