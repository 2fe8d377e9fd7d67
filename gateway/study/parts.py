"""The parts of a study, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.core.types import Resource

WithdrawalMode = Literal["stop-collection", "no-further-use"]
Severity = Literal["error", "warning", "information"]
Policy = Literal["quarantine", "reject", "warn"]
ConditionalDelete = Literal["not-supported", "single", "multiple"]
AfterExpiry = Literal["no-further-use", "retain"]
ClinicalTime = Literal["", "in-period", "before-period"]
Reasoned = Literal["people", "everyone", "nobody"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An Organization of the study; Consents and clients name it by `id`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A trial site: `zone` is an IANA time zone, `organisation` the id of the Organization that runs it."""

    id: str
    name: str
    zone: str
    organisation: str
    country: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where payloads come from: the mapping ids it may use, in order of preference, and facts handed to them."""

    key: str
    name: str
    mappings: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """Selects resources: of `type`, and for which the FHIRPath `where` is true; "" selects all of the type."""

    type: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """Resources that `where` selects ("" selects all) must conform to the profile with the canonical `url`."""

    url: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class BusinessRule:
    """A rule of the study: the FHIRPath `expression` must be true of resources of `type` that `where` selects.

    Both see `%study`, `%site` and `%participant`. `message` tells a data manager what is wrong.
    """

    id: str
    type: str
    expression: str
    message: str
    where: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings of a validation rule that the study does not count, and the written reason.

    `element` is a FHIRPath without indexes (`Observation.category`); findings below it count as its own; "" is any.
    """

    rule: str
    reason: str
    element: str = ""


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """What the study makes of findings.

    `policy` is what an error does: `quarantine` keeps the unit (one participant's part of a payload) out, `reject`
    the whole payload, `warn` lets data in that are well-formed R4 and breaks of profiles and rules are warnings.
    """

    policy: Policy = "quarantine"
    rules: tuple[BusinessRule, ...] = ()
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class Parking:
    """What becomes of data that come before what they belong to: a visit before its participant, a result before
    its order. They wait `days` from when they were received, and are quarantined then; 0 is at once, and what they
    refer to need not be there."""

    days: int = 0


@dataclass(frozen=True, slots=True)
class Interactions:
    """What the study's FHIR base offers where FHIR leaves it open.

    `update_creates`: an update of what is not there creates it, at the client's id. `conditional_delete`: how many
    resources one conditional deletion may delete. `change_reason`: who must say why (`X-Change-Reason`) when
    participants' data that are stored are changed or deleted: `people` who logged in, `everyone` but the sources, or
    `nobody`.
    """

    update_creates: bool = True
    conditional_delete: ConditionalDelete = "single"
    change_reason: Reasoned = "people"


@dataclass(frozen=True, slots=True)
class Role:
    """What a kind of client may do: SMART v2 scopes; `enrols` may write participants and Consents without one;
    `collects` delivers data of a source. `redacts` names what it does not see: `identity`, `arm`; it may write
    nothing then. `break_glass` allows to read one participant's data in an emergency, whatever the Consents say.
    `operates` is shown how the database answers its searches. `deidentify` names the policy through which alone data
    leave for it, by an export; "" for data as they are. `groups` are the Groups whose members it may choose then: ids
    by the names that it calls them. `registers` keeps the registry of clients over HTTP. `sees_retained` reads the
    data under a withdrawal with no further use, or of a Consent that is over, and no other data of participants."""

    name: str
    scopes: tuple[str, ...]
    enrols: bool = False
    collects: bool = False
    redacts: tuple[str, ...] = ()
    break_glass: bool = False
    operates: bool = False
    deidentify: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    registers: bool = False
    sees_retained: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """A registered caller. `purpose` is a v3-ActReason code, `source` the source that it delivers or "".

    It proves who it is with one of the public keys `jwks`, or of the key set at `jwks_url`; without either it gets
    its tokens from an operator. An app that people launch has `redirect_uris`; with neither key nor `secret_sha256`,
    the digest of its secret, it is a public one. Tokens of the external `issuer` are accepted for it.
    With a `site` it sees and writes data of that site's participants alone.
    """

    id: str
    organisation: str
    role: str
    purpose: str
    scopes: tuple[str, ...]
    source: str = ""
    jwks: tuple[Mapping[str, Any], ...] = ()
    jwks_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    secret_sha256: str = ""
    issuer: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a participant withdrew, how, and when (a FHIR instant)."""

    mode: WithdrawalMode
    at: str


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in the trial, synthetic here. `id` is the subject number; `identities` system -> value at vendors.

    `patient` and `research_subject` are the ids of the FHIR resources. `consent` names a template, signed at
    `consented` (FHIR instant). `devices` are the names or serial numbers of the devices assigned to the person.
    """

    id: str
    patient: str
    research_subject: str
    site: str
    zone: str
    birth_date: str
    gender: str
    arm: str
    enrolled: str
    identities: Mapping[str, str]
    consent: str
    consented: str
    withdrawn: Withdrawal | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a code of a policy says about data: the criteria that it stands for, absent ones restrict nothing.

    No action at all, or no organisation, is nothing that the gateway does. `data` is the clinical time that the
    provision's own period tells: within it, or before it begins. A permit with `data_of` is about the data whose time
    permits with those codes (`system|code`), beside it in the same Consent, tell; in a deny that restricts nothing.
    """

    actions: tuple[str, ...] | None = None
    purposes: tuple[str, ...] = ()
    organisations: tuple[str, ...] | None = None
    domains: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    data: ClinicalTime = ""
    data_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyCode:
    """What a code of a policy means in a permit and in a deny; None where it is not understood."""

    permit: CodeMeaning | None = None
    deny: CodeMeaning | None = None


@dataclass(frozen=True, slots=True)
class BroadConsent:
    """That a study takes the German broad consent: `organisations` of it protect data as the GDPR asks, and kinds of
    data (`insurer-data`, `biomaterial`) are `not_held`, so that what is said about them concerns nothing here."""

    organisations: tuple[str, ...]
    not_held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """The study's rules for Consents: the policy document's URI, the templates by name, whether a Consent permits
    nothing until it is verified, and what becomes of data once the period of what permitted it has ended: no further
    use, or it is retained, so that what was collected until then stays usable. `withdrawal_documents` are modes by
    the policy URIs of Consents by which participants withdraw, beside those that every study knows; `policy_codes`
    are what a policy's codes mean, by `system|code`, beside those of the `broad_consent`.

    A template is a Consent tree without `id`, `patient` and `dateTime`.
    """

    policy: str
    templates: Mapping[str, Resource]
    require_verified: bool = False
    after_expiry: AfterExpiry = "no-further-use"
    withdrawal_documents: Mapping[str, WithdrawalMode] = field(default_factory=dict)
    policy_codes: Mapping[str, PolicyCode] = field(default_factory=dict)
    broad_consent: BroadConsent | None = None
