"""The question, the study's rules for answering it, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from gateway.consent.broad_consent import broad_codes
from gateway.consent.known_documents import known_documents
from gateway.core.resources import RETAIN
from gateway.study import Study
from gateway.study.parts import Client, PolicyCode

ACTIONS = ("access", "collect", "disclose")
"""What may be asked: reading and searching, ingesting, exporting (HL7 consentaction codes)."""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """Who wants to do what, and why, at which instant.

    `organisation` is an Organization id, `action` one of `ACTIONS`, or `RETAIN` of who must keep data, `purpose` a
    v3-ActReason code or "" when the caller has none, `now` microseconds since the epoch.
    """

    organisation: str
    action: str
    purpose: str
    now: int

    @classmethod
    def of(cls, study: Study, client: Client, action: str, now: int) -> "ConsentRequest":
        """What is asked when a client of the study does something. Whoever sees what is retained asks for that alone,
        and for nothing at all but to read it."""
        if study.roles[client.role].sees_retained:
            action = RETAIN if action == "access" else ""
        return cls(client.organisation, action, client.purpose, now)


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """What a study adds to its participants' Consents.

    `research_studies` are the references that name the study in a Consent (`ResearchStudy/<id>`), `zone` applies
    to dates without an offset, `require_verified` makes an unverified Consent permit nothing. With `retains_expired`
    what a Consent permitted until the end of a period stays permitted, but to collect. `documents` are modes of
    withdrawal by the URIs of the documents that withdraw, `codes` meanings of a policy's codes by `system|code`.
    `organisations`, `domains` and `purposes` are all that the study knows: what lies outside them is never granted by
    a provision that means "all but these".
    """

    research_studies: frozenset[str]
    zone: tzinfo = UTC
    require_verified: bool = False
    retains_expired: bool = False
    documents: Mapping[str, str] = field(default_factory=known_documents, hash=False)
    codes: Mapping[str, PolicyCode] = field(default_factory=dict, hash=False)
    organisations: frozenset[str] = field(default=frozenset())
    domains: frozenset[str] = field(default=frozenset())
    purposes: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, study: Study) -> "ConsentPolicy":
        """The policy of a study file; its ResearchStudy has the study's id."""
        return cls(
            research_studies=frozenset({f"ResearchStudy/{study.id}"}),
            zone=ZoneInfo(study.zone),
            require_verified=study.consent.require_verified,
            retains_expired=study.consent.after_expiry == "retain",
            documents={**known_documents(), **study.consent.withdrawal_documents},
            codes={**broad_codes(study.consent.broad_consent, study.organisations), **study.consent.policy_codes},
            organisations=frozenset(study.organisations),
            domains=frozenset(study.domains),
            purposes=frozenset(client.purpose for client in study.clients.values()),
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """What one Consent said about the data of one participant in one domain ("" for none): `provision` is the place
    (`Consent.provision.provision[0]`) of the provision that permits or denies, `consent` the version it is in."""

    consent: str
    subject: str
    domain: str
    provision: str
    permits: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: `reason` is a rule id, `consents` the versions that decided (`Consent/1/_history/2`), `reasons`
    where in them."""

    permit: bool
    reason: str
    consents: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
