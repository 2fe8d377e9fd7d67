"""A Consent resource read into the terms that decide: one tree of provisions with everything vague marked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from gateway.consent.content import read_codes, read_content, read_instances
from gateway.consent.criterion import Criterion, code, codes, read_criterion, refuse_modifiers
from gateway.consent.periods import read_period
from gateway.consent.policy_codes import ACTION_SYSTEM, PURPOSE_SYSTEM, ROLE_SYSTEM, readings
from gateway.consent.request import ConsentPolicy
from gateway.core.instants import FOREVER_BEFORE, Interval, parse_interval
from gateway.core.kinds import KindTest, Match
from gateway.core.types import Resource

SCOPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/consentscope"
POLICY_RULE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
STUDY_EXTENSION = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
WITHDRAWAL_EXTENSION = "urn:trial-fhir-gateway:extension:withdrawal"
STOP_COLLECTION = "stop-collection"
NO_FURTHER_USE = "no-further-use"
DELETE = "delete"

_BOXES = frozenset(
    {
        "id",
        "extension",
        "type",
        "period",
        "actor",
        "action",
        "securityLabel",
        "purpose",
        "class",
        "code",
        "dataPeriod",
        "data",
        "provision",
    }
)
_FOREIGN_SCOPES = frozenset({"adr", "treatment"})
_RECIPIENTS = frozenset({"IRCP", "PRCP"})


@dataclass(frozen=True, slots=True)
class Provision:
    """One rule of the tree; a criterion that is None does not restrict.

    `vague` when the provision holds something that is not understood, `study` how surely it names this study
    (None when it names none), `period` when it is in force, `data` which clinical interval it is about. `content`
    is what class and security label say, `codes` the alternatives to `domains` in the element `code`, `instances`
    the references of single resources, `number` its place among its parent's provisions.
    """

    permits: bool
    vague: bool
    study: Match | None
    actors: Criterion | None
    actions: Criterion | None
    purposes: Criterion | None
    domains: Criterion | None
    period: Interval | None
    data: Interval | None
    content: KindTest | None
    codes: KindTest | None
    instances: Criterion | None
    children: tuple["Provision", ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """One applicable Consent: `version` is its versioned reference, `grants` whether its permits count.

    `since` is the instant it was given, `until` that at which another replaced it, `closed` the instant from which a
    stop-collection withdrawal ended it, `withdrawn` that from which a document of its own took its permits back.
    `retains`: what it permitted until a period ended stays permitted.
    """

    version: str
    grants: bool
    since: int
    closed: int | None
    root: Provision
    until: int | None = None
    retains: bool = False
    withdrawn: int | None = None

    def grants_at(self, now: int) -> bool:
        """Whether its permits count at an instant, as far as withdrawals say."""
        return self.grants and (self.withdrawn is None or now < self.withdrawn)


def read_terms(consent: Resource, subject: str, policy: ConsentPolicy) -> Terms | None:
    """The terms of a Consent for one subject's data; None when it neither permits nor denies anything.

    `subject` is a Patient id. Whether it was given already, or its periods hold, is a question of the instant and
    stays in the terms.
    """
    if (consent.get("patient") or {}).get("reference") != f"Patient/{subject}":
        return None
    status = consent.get("status")
    mode, closed = withdrawal_of(consent)
    if status != "active" and not (status == "inactive" and mode == STOP_COLLECTION and closed is not None):
        return None
    scope = scopes_of(consent)
    if scope and scope <= _FOREIGN_SCOPES:
        return None
    given = parse_interval(str(consent.get("dateTime", "")), policy.zone)
    withdrawn_but_active = status == "active" and mode is not None
    grants = (
        scope == {"research"}
        and given is not None
        and not withdrawn_but_active
        and (not policy.require_verified or _is_verified(consent))
    )
    return Terms(
        version=_version(consent),
        grants=grants,
        since=given.low if given else FOREVER_BEFORE,
        closed=closed if status == "inactive" else None,
        root=_root(consent, policy),
        retains=policy.retains_expired,
    )


def withdrawal_parts(consent: Resource) -> list[tuple[Any, Any]]:
    """Mode and instant, as written, of each withdrawal extension of a Consent."""
    return [(mode, at) for mode, at, _ in withdrawals(consent)]


def withdrawals(consent: Resource) -> list[tuple[Any, Any, Any]]:
    """Mode, instant and the reason of a legal hold (None for none), as written, of each withdrawal extension."""
    found = []
    for extension in consent.get("extension") or ():
        if extension.get("url") == WITHDRAWAL_EXTENSION:
            parts = {part.get("url"): part for part in extension.get("extension") or ()}
            mode, at, hold = (parts.get(name) or {} for name in ("mode", "at", "legalHold"))
            found.append((mode.get("valueCode"), at.get("valueInstant"), hold.get("valueString")))
    return found


def withdrawal_of(consent: Resource) -> tuple[str | None, int | None]:
    """Mode and instant, None for none; a mode of "" for a withdrawal that is not understood."""
    found = withdrawal_parts(consent)
    if not found:
        return None, None
    mode, at = found[0]
    instant = parse_interval(str(at))
    if len(found) > 1 or instant is None or mode not in (STOP_COLLECTION, NO_FURTHER_USE, DELETE):
        return "", None
    return mode, instant.low


def names_study(consent: Resource, policy: ConsentPolicy) -> bool:
    """Whether some provision of a Consent surely names this study."""
    pending = [_root(consent, policy)]
    while pending:
        provision = pending.pop()
        if provision.study is Match.CERTAIN:
            return True
        pending += provision.children
    return False


def scopes_of(consent: Resource) -> set[str]:
    """The codes of the scope; "" among them for a coding of another system, none when there is no scope."""
    codings = (consent.get("scope") or {}).get("coding") or ()
    return {str(coding.get("code", "")) if coding.get("system") == SCOPE_SYSTEM else "" for coding in codings}


def _is_verified(consent: Resource) -> bool:
    given = [one for one in consent.get("verification") or () if not one.get("modifierExtension")]
    return any(one.get("verified") is True for one in given)


def _version(consent: Resource) -> str:
    version = (consent.get("meta") or {}).get("versionId")
    reference = f"Consent/{consent.get('id', '')}"
    return f"{reference}/_history/{version}" if version else reference


def _root(consent: Resource, policy: ConsentPolicy) -> Provision:
    tree = consent.get("provision")
    foreign = bool(consent.get("modifierExtension") or consent.get("implicitRules"))
    if tree is None:
        tree = {}
    elif not isinstance(tree, dict):
        tree, foreign = {}, True
    if "type" not in tree and "_type" not in tree:
        tree = tree | {"type": _base_type(consent)}
    read = readings(tree, [tree], policy.codes, policy.zone)
    if len(read) != 1:
        return _provision(tree, policy, foreign)
    root = _provision(read[0].tree, policy, foreign)
    return replace(root, data=read[0].data or root.data)


def _base_type(consent: Resource) -> str:
    """The root's type where it has none of its own, from the policy rule: an assent permits, all else denies."""
    found = {
        coding.get("code")
        for coding in (consent.get("policyRule") or {}).get("coding") or ()
        if coding.get("system") == POLICY_RULE_SYSTEM
    }
    return "permit" if found and found <= {"OPTIN", "OPTINR"} else "deny"


def _provision(tree: Resource, policy: ConsentPolicy, foreign: bool = False) -> Provision:
    kind = tree.get("type")
    study, odd_extension = _study(tree, policy)
    period, odd_period = read_period(tree.get("period"), policy.zone)
    data, odd_data = read_period(tree.get("dataPeriod"), policy.zone)
    children = tree.get("provision", [])
    domains, of_content = read_codes(tree.get("code"), permits=kind == "permit")
    odd_children = not isinstance(children, list) or not all(isinstance(child, dict) for child in children)
    return Provision(
        permits=kind == "permit",
        vague=any((foreign, odd_extension, odd_period, odd_data, odd_children))
        or kind not in ("permit", "deny")
        or not _BOXES.issuperset(tree),
        study=study,
        actors=read_criterion(tree.get("actor"), _organisations),
        actions=read_criterion(tree.get("action"), codes(ACTION_SYSTEM)),
        purposes=read_criterion(tree.get("purpose"), code(PURPOSE_SYSTEM)),
        domains=domains,
        period=period,
        data=data,
        content=read_content(tree, permits=kind == "permit"),
        codes=of_content,
        instances=read_instances(tree.get("data")),
        children=() if odd_children else tuple(_children(children, policy)),
    )


def _children(trees: list[Resource], policy: ConsentPolicy) -> Iterable[Provision]:
    """The provisions below another; one by codes of a policy is as many as they have meanings."""
    for number, tree in enumerate(trees):
        for reading in readings(tree, trees, policy.codes, policy.zone):
            read = _provision(reading.tree, policy)
            yield replace(read, number=number, data=reading.data or read.data)


def _study(tree: Resource, policy: ConsentPolicy) -> tuple[Match | None, bool]:
    """How surely the provision names this study, and whether it has an extension that is not understood."""
    extensions = tree.get("extension", [])
    if not isinstance(extensions, list):
        return None, True
    references = [
        (extension.get("valueReference") or {}).get("reference")
        for extension in extensions
        if isinstance(extension, dict) and extension.get("url") == STUDY_EXTENSION
    ]
    odd = len(references) != len(extensions)
    if not references:
        return None, odd
    if policy.research_studies.intersection(references):
        return Match.CERTAIN, odd
    known = all(isinstance(text, str) and text.startswith("ResearchStudy/") for text in references)
    return (Match.NO if known else Match.POSSIBLE), odd


def _organisations(actor: Any) -> Iterable[str]:
    """The Organization id of an actor that receives data; anything else is not understood."""
    refuse_modifiers(actor)
    roles = {one.get("code") for one in actor["role"]["coding"] if one.get("system", ROLE_SYSTEM) == ROLE_SYSTEM}
    kind, _, identity = actor["reference"]["reference"].partition("/")
    return [identity] if kind == "Organization" and identity and "/" not in identity and roles & _RECIPIENTS else []
