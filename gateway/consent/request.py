"""The question, the study's rules for answering it, and the answer."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from gateway.study import Study

ACTIONS = ("access", "collect", "disclose")
"""What may be asked: reading and searching, ingesting, exporting (HL7 consentaction codes)."""


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """Who wants to do what, and why, at which instant.

    `organisation` is an Organization id, `action` one of `ACTIONS`, `purpose` a v3-ActReason code or "" when the
    caller has none, `now` microseconds since the epoch.
    """

    organisation: str
    action: str
    purpose: str
    now: int


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """What a study adds to its participants' Consents.

    `research_studies` are the references that name the study in a Consent (`ResearchStudy/<id>`), `zone` applies
    to dates without an offset, `require_verified` makes an unverified Consent permit nothing. `organisations`,
    `domains` and `purposes` are all that the study knows: what lies outside them is never granted by a provision
    that means "all but these".
    """

    research_studies: frozenset[str]
    zone: tzinfo = UTC
    require_verified: bool = False
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
