"""Builds the parts of a study from trees that passed the form check."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.ids import resource_id
from gateway.core.types import Resource
from gateway.study.parts import (
    BroadConsent,
    BusinessRule,
    Client,
    CodeMeaning,
    ConsentPolicy,
    Interactions,
    Organisation,
    Parking,
    Participant,
    PolicyCode,
    ProfileRule,
    Role,
    Rule,
    Site,
    Source,
    Suppression,
    ValidationPolicy,
    Withdrawal,
)

Tree = Mapping[str, Any]


def build(tree: Tree, people: Sequence[Tree], resources: Mapping[str, Resource]) -> dict[str, Any]:
    """The fields of the study of a checked `study.yaml`, its participants and the JSON files beside it."""
    head = tree["study"]
    sites = {row["id"]: Site(**{"country": "", **row}) for row in tree["sites"]}
    participants = tuple(_participant(row, head["id"], sites) for row in people)
    roles = {
        name: Role(name, **{**row, "scopes": tuple(row["scopes"]), "redacts": tuple(row.get("redacts", ()))})
        for name, row in tree["roles"].items()
    }
    return {
        "id": head["id"],
        "title": head["title"],
        "phase": head.get("phase", ""),
        "status": head["status"],
        "zone": head["zone"],
        "period": head.get("period", {}),
        "condition": head.get("condition", {}),
        "arms": tree.get("arms", {}),
        "organisations": {key: Organisation(key, name) for key, name in tree["organisations"].items()},
        "sites": sites,
        "sources": {key: _source(key, row) for key, row in tree["sources"].items()},
        "domains": {name: tuple(Rule(**rule) for rule in rules) for name, rules in tree["domains"].items()},
        "profiles": {
            kind: tuple(ProfileRule(rule["profile"], rule.get("where", "")) for rule in rules)
            for kind, rules in tree["profiles"].items()
        },
        "validation": _validation(tree.get("validation", {})),
        "interactions": Interactions(**tree.get("interactions", {})),
        "parking": Parking(**tree.get("parking", {})),
        "roles": roles,
        "clients": {key: _client(key, row, roles) for key, row in tree["clients"].items()},
        "consent": _policy(tree["consent"], resources),
        "participants": participants,
        "facts": {"id": head["id"], "title": head["title"], "zone": head["zone"], **head.get("facts", {})},
        "questionnaires": tuple(tree.get("questionnaires", ())),
        "definitions": tuple(found for name, found in resources.items() if found["resourceType"] != "Consent"),
        "by_patient": {person.patient: person for person in participants},
    }


def _source(key: str, row: Tree) -> Source:
    return Source(key, row["name"], tuple(row["mappings"]), row.get("facts", {}))


def _client(key: str, row: Tree, roles: Mapping[str, Role]) -> Client:
    role = roles[row["role"]]
    scopes = tuple(row.get("scopes", role.scopes))
    keys = tuple(row.get("jwks", {}).get("keys", ()))
    return Client(
        key,
        row["organisation"],
        role.name,
        row["purpose"],
        scopes,
        row.get("source", ""),
        keys,
        row.get("jwks_url", ""),
        tuple(row.get("redirect_uris", ())),
        row.get("secret_sha256", ""),
        row.get("issuer", ""),
        row.get("site", ""),
    )


def _policy(row: Tree, resources: Mapping[str, Resource]) -> ConsentPolicy:
    templates = {name: resources[f"Consent-{name}.json"] for name in row["templates"]}
    return ConsentPolicy(
        row["policy"],
        templates,
        row.get("require_verified", False),
        row.get("after_expiry", "no-further-use"),
        row.get("withdrawal_documents", {}),
        {
            code: PolicyCode(**{kind: _meaning(tree) for kind, tree in both.items()})
            for code, both in row.get("policy_codes", {}).items()
        },
        BroadConsent(**_tuples(row["broad_consent"])) if "broad_consent" in row else None,
    )


def _meaning(row: Tree) -> CodeMeaning:
    return CodeMeaning(**_tuples(row))


def _tuples(row: Tree) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _validation(row: Tree) -> ValidationPolicy:
    return ValidationPolicy(
        row.get("policy", "quarantine"),
        tuple(BusinessRule(**rule) for rule in row.get("rules", ())),
        tuple(Suppression(**entry) for entry in row.get("suppress", ())),
    )


def _participant(row: Tree, study: str, sites: Mapping[str, Site]) -> Participant:
    withdrawn = row.get("withdrawn")
    return Participant(
        id=row["id"],
        patient=resource_id(study, "enrolment", "Patient", (row["id"],)),
        research_subject=resource_id(study, "enrolment", "ResearchSubject", (row["id"],)),
        site=row["site"],
        zone=row.get("zone", sites[row["site"]].zone),
        birth_date=row["birthDate"],
        gender=row.get("gender", "unknown"),
        arm=row.get("arm", ""),
        enrolled=row["enrolled"],
        identities=row.get("identities", {}),
        consent=row["consent"],
        consented=row["consented"],
        withdrawn=Withdrawal(**withdrawn) if withdrawn else None,
        devices=tuple(row.get("devices", ())),
    )
