"""All Consents of a subject together: which study they are for, and which of them a newer one has replaced."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.consent.documents import after_documents, mode_of
from gateway.consent.narrowing import bounded
from gateway.consent.request import ConsentPolicy
from gateway.consent.terms import STUDY_EXTENSION, Terms, names_study, read_terms, scopes_of
from gateway.core.instants import parse_interval
from gateway.core.types import Resource

CONSENT = "Consent"
SUBJECT = "ResearchSubject"


@dataclass(frozen=True, slots=True)
class _Signed:
    """What tells whether one Consent takes the place of another: the policies it accepts, its scope, and when."""

    policies: frozenset[str]
    scope: frozenset[str]
    since: int


def read_consents(resources: Sequence[Resource], subject: str, policy: ConsentPolicy) -> list[Terms]:
    """The terms of all Consents of one subject, each until the instant at which another replaced or withdrew it.

    `resources` are current versions: Consents of any participant, and ResearchSubjects, whose `consent` is for their
    study when it names none itself.
    """
    consents = consents_for(resources, subject, policy)
    signed = [found for one in consents if (found := _signed(one, subject, policy))]
    terms = []
    for one in consents:
        read = read_terms(one, subject, policy)
        if read:
            until = _replaced_at(_signed(one, subject, policy), signed)
            terms.append((mode_of(one, policy.documents), replace(read, until=until)))
    return bounded(after_documents(terms))


def consents_for(resources: Sequence[Resource], subject: str, policy: ConsentPolicy) -> list[Resource]:
    """The Consents among the resources; those that a ResearchSubject says are for this study name it."""
    linked = set(_linked(resources, subject, policy))
    return [_for_study(one, policy) if one.get("id") in linked else one for one in resources if _is(one, CONSENT)]


def replaced(written: Resource, others: Sequence[Resource], policy: ConsentPolicy, now: int) -> list[Resource]:
    """Those of `others` that are active and that `written`, of the same participant, replaces at `now`."""
    reference = (written.get("patient") or {}).get("reference", "")
    subject = str(reference).removeprefix("Patient/")
    new = _signed(written, subject, policy)
    if new is None or written.get("status") != "active" or new.since > now:
        return []
    return [
        other
        for other in others
        if other.get("id") != written.get("id")
        and other.get("status") == "active"
        and _replaced_at(_signed(other, subject, policy), [new]) is not None
    ]


def needs_link(consents: Sequence[Resource]) -> bool:
    """Whether one of the Consents names no study, so that a ResearchSubject may tell it."""
    return any(_is(one, CONSENT) and not list(_extensions(one.get("provision"))) for one in consents)


def _is(resource: Resource, kind: str) -> bool:
    return bool(resource.get("resourceType", CONSENT) == kind)


def _linked(resources: Sequence[Resource], subject: str, policy: ConsentPolicy) -> Iterator[str]:
    """The ids of the Consents that ResearchSubjects of this study and subject lead to, and that name no study."""
    silent = {one.get("id") for one in resources if _is(one, CONSENT) and needs_link([one])}
    for one in resources:
        if not _is(one, SUBJECT) or _reference(one, "individual") != f"Patient/{subject}":
            continue
        kind, _, identity = _reference(one, "consent").partition("/")
        if _reference(one, "study") in policy.research_studies and kind == CONSENT and identity in silent:
            yield identity


def _reference(resource: Resource, name: str) -> str:
    value = resource.get(name)
    return str(value.get("reference", "")) if isinstance(value, dict) else ""


def _for_study(consent: Resource, policy: ConsentPolicy) -> Resource:
    """The Consent with this study named at its root."""
    root = consent.get("provision", {})
    if not isinstance(root, dict):
        return consent
    named = [
        {"url": STUDY_EXTENSION, "valueReference": {"reference": study}} for study in sorted(policy.research_studies)
    ]
    return {**consent, "provision": {**root, "extension": [*root.get("extension", ()), *named[:1]]}}


def _extensions(provision: Any) -> Iterator[Any]:
    """Every extension about a study in a tree of provisions."""
    pending = [provision]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            for extension in node.get("extension") or ():
                if isinstance(extension, dict) and extension.get("url") == STUDY_EXTENSION:
                    yield extension
            pending.append(node.get("provision"))


def _signed(consent: Resource, subject: str, policy: ConsentPolicy) -> _Signed | None:
    """None for what neither replaces nor can be replaced: no policy named, another study's, never in force."""
    given = parse_interval(str(consent.get("dateTime", "")), policy.zone)
    policies = frozenset(
        entry["uri"] for entry in consent.get("policy") or () if isinstance(entry, dict) and "uri" in entry
    )
    is_own = _reference(consent, "patient") == f"Patient/{subject}"
    if not is_own or not policies or given is None or consent.get("status") not in ("active", "inactive"):
        return None
    if not names_study(consent, policy):
        return None
    return _Signed(policies, frozenset(scopes_of(consent)), given.low)


def _replaced_at(old: _Signed | None, signed: Sequence[_Signed]) -> int | None:
    """The first instant at which one of the others, given later, took the place of `old`."""
    if old is None:
        return None
    later = [
        new.since
        for new in signed
        if new.since > old.since and new.scope == old.scope and new.policies & old.policies
    ]
    return min(later, default=None)
