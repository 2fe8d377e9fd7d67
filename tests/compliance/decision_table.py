"""The decision table of `consent_decisions.yaml` as Consents, requests and placements."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from gateway.consent import ConsentPolicy, ConsentRequest
from gateway.core import yaml
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.kinds import CONFIDENTIALITY, LEVELS, NORMAL, Kind, Part
from gateway.core.resources import Placement

TABLE = Path(__file__).with_name("consent_decisions.yaml")
STUDY = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
NOW = parse_interval("2026-06-01T12:00:00Z")
LABELS = dict.fromkeys(LEVELS, CONFIDENTIALITY)
PLAIN = ("type", "study", "period", "dataPeriod", "below", "unknown")


@dataclass(frozen=True, slots=True)
class Case:
    """One row: the question, what it is about, and the answer that is right."""

    id: str
    name: str
    consents: list[dict[str, Any]]
    request: ConsentRequest
    study: str
    placement: Placement
    placed_in: str
    policy: ConsentPolicy
    permit: bool


def cases() -> list[Case]:
    """All rows of the table."""
    return [_case(row) for row in yaml.load(TABLE.read_text("utf-8")).tree["cases"]]


def _case(row: Mapping[str, Any]) -> Case:
    asked = {"study": "S1", "organisation": "A", "action": "access", "purpose": "HRESCH"} | row.get("request", {})
    about = {"subjects": ["P1"], "domains": ["heart"], "when": "2026-03-01", "study": "S1"} | row.get("resource", {})
    consents = row["consents"] if "consents" in row else [{"root": row["root"]}]
    policy = ConsentPolicy(
        frozenset({f"ResearchStudy/{asked['study']}"}),
        require_verified=row.get("verify", False),
        retains_expired=row.get("retain", False),
        organisations=frozenset("AB"),
        domains=frozenset({"heart", "lab"}),
        purposes=frozenset({"HRESCH", "TREAT", "CLINTRCH"}),
    )
    assert NOW
    return Case(
        id=str(row["id"]),
        name=row["case"],
        consents=[
            *(_consent(f"c{number}", entry) for number, entry in enumerate(consents)),
            *(_subject(f"s{number}", entry) for number, entry in enumerate(row.get("enrolments", ()))),
        ],
        request=ConsentRequest(asked["organisation"], asked["action"], asked["purpose"], NOW.low),
        study=asked["study"],
        placement=_placement(about),
        placed_in=about["study"],
        policy=policy,
        permit=row["expect"] == "permit",
    )


def _placement(about: Mapping[str, Any]) -> Placement:
    if about.get("level") == "study":
        return Placement(study_level=True)
    when = about["when"]
    first, last = when if isinstance(when, list) else (when, when)
    low, high = parse_interval(first or ""), parse_interval(last or "")
    label = about.get("label")
    labels = (f"{LABELS.get(str(label), TERMINOLOGY + 'v3-ActCode')}|{label}",) if label else ()
    level = LEVELS.get(str(label), NORMAL)
    kind = Kind((Part("Observation", ("http://loinc.org|8867-4",), labels=labels, level=level),), direct=True)
    placed = Placement(tuple(about["subjects"]), tuple(about["domains"]), kind=kind, instance="Observation/1")
    return structs.replace(placed, low=low.low if low else FOREVER_BEFORE, high=high.high if high else FOREVER_AFTER)


def _consent(identity: str, row: Mapping[str, Any]) -> dict[str, Any]:
    consent = {
        "resourceType": "Consent",
        "id": identity,
        "status": row.get("status", "active"),
        "scope": _concept(TERMINOLOGY + "consentscope", row.get("scope", "research")),
        "category": [_concept("http://loinc.org", "59284-0")],
        "patient": {"reference": f"Patient/{row.get('patient', 'P1')}"},
        "dateTime": row.get("dateTime", "2026-01-01"),
        "provision": _provision(row["root"]),
    }
    if "rule" in row:
        consent["policyRule"] = _concept(TERMINOLOGY + "v3-ActCode", row["rule"])
    if "policy" in row:
        consent["policy"] = [{"uri": uri} for uri in row["policy"]]
    if "verified" in row:
        consent["verification"] = [{"verified": row["verified"]}]
    if "withdrawn" in row:
        mode, at = row["withdrawn"]
        parts = [{"url": "mode", "valueCode": mode}, {"url": "at", "valueInstant": at}]
        consent["extension"] = [{"url": "urn:trial-fhir-gateway:extension:withdrawal", "extension": parts}]
    return consent


def _subject(identity: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "ResearchSubject",
        "id": identity,
        "status": "on-study",
        "study": {"reference": f"ResearchStudy/{row.get('study', 'S1')}"},
        "individual": {"reference": f"Patient/{row.get('patient', 'P1')}"},
        "consent": {"reference": f"Consent/{row['consent']}"},
    }


def _provision(row: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": row["type"]} if "type" in row else {}
    if "study" in row:
        reference = {"reference": f"ResearchStudy/{row['study']}"}
        tree["extension"] = [{"url": STUDY, "valueReference": reference}]
    for name in ("period", "dataPeriod"):
        if name in row:
            bounds = zip(("start", "end"), row[name], strict=True)
            tree[name] = {bound: text for bound, text in bounds if text}
    if row.get("unknown"):
        tree["modifierExtension"] = [{"url": "urn:example:unknown", "valueBoolean": True}]
    for name, value in row.items():
        if name not in PLAIN:
            element, entries = _criterion(name, value if isinstance(value, list) else [value])
            tree.setdefault(element, []).extend(entries)
    if "below" in row:
        tree["provision"] = [_provision(child) for child in row["below"]]
    return tree


def _criterion(name: str, values: list[str]) -> tuple[str, list[dict[str, Any]]]:
    recipient = _concept(TERMINOLOGY + "v3-ParticipationType", "IRCP")
    if name == "actor":
        return name, [{"role": recipient, "reference": {"reference": f"Organization/{value}"}} for value in values]
    if name == "role":
        return "actor", [{"role": _concept("urn:example:role", value)} for value in values]
    if name == "data":
        return name, [{"meaning": "instance", "reference": {"reference": value}} for value in values]
    if name == "related":
        return "data", [{"meaning": "related", "reference": {"reference": value}} for value in values]
    systems = {
        "action": ("action", TERMINOLOGY + "consentaction"),
        "domain": ("code", "urn:trial-fhir-gateway:data-domain"),
        "loinc": ("code", "http://loinc.org"),
        "purpose": ("purpose", TERMINOLOGY + "v3-ActReason"),
        "class": ("class", "http://hl7.org/fhir/resource-types"),
        "label": ("securityLabel", TERMINOLOGY + "v3-Confidentiality"),
    }
    element, system = systems[name]
    if name == "label":
        coded = [{"system": LABELS.get(value, TERMINOLOGY + "v3-ActCode"), "code": value} for value in values]
    else:
        coded = [{"system": system, "code": value} for value in values]
    return element, [{"coding": [entry]} for entry in coded] if element in ("action", "code") else coded


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}
