"""Checks what the parts of a study say of each other: names, zones, dates, identities, Consent templates."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core.instants import parse_interval
from gateway.core.issues import Issue, issue
from gateway.core.rules import RULES
from gateway.core.types import Resource
from gateway.study.files import File

STUDY_LINK = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
DOMAIN_SYSTEM = "urn:trial-fhir-gateway:data-domain"
RETENTION_PURPOSES = ("HCOMPL", "HLEGAL")
"""The purposes of use (v3-ActReason) for which what is retained is read: compliance and law."""


def check_study(file: File, resources: Mapping[str, Resource], folder: str) -> Iterator[Issue]:
    """Faults of names within study.yaml."""
    tree = file.tree
    yield from _head(file, folder)
    yield from _sites(file)
    yield from _clients(file)
    yield from _retention(file)
    yield from _validation(file)
    yield from _codes(file)
    for index, name in enumerate(tree["consent"]["templates"]):
        source = file.at("consent", "templates", index)
        template = resources.get(f"Consent-{name}.json")
        if template is None:
            yield issue("study.missing-file", source=source, file=f"Consent-{name}.json")
        else:
            yield from _template(name, template, tree)


def _head(file: File, folder: str) -> Iterator[Issue]:
    head = file.tree["study"]
    if folder and head["id"] != folder:
        yield issue("study.folder", source=file.at("study", "id"))
    yield from _zone(file, head["zone"], "study", "zone")
    for key, value in head.get("period", {}).items():
        yield from _date(file, value, "study", "period", key)


def _sites(file: File) -> Iterator[Issue]:
    seen: set[str] = set()
    for index, site in enumerate(file.tree["sites"]):
        if site["id"] in seen:
            yield issue("study.twice", source=file.at("sites", index, "id"), what="A site")
        seen.add(site["id"])
        yield from _zone(file, site["zone"], "sites", index, "zone")
        organisations = file.tree["organisations"]
        yield from _known("organisation", site["organisation"], organisations, file, "sites", index, "organisation")


def _clients(file: File) -> Iterator[Issue]:
    tree = file.tree
    delivered: set[str] = set()
    sites = {site["id"] for site in tree["sites"]}
    for key, client in tree["clients"].items():
        at = ("clients", key)
        yield from _known("organisation", client["organisation"], tree["organisations"], file, *at, "organisation")
        yield from _known("role", client["role"], tree["roles"], file, *at, "role")
        if "site" in client:
            yield from _known("site", client["site"], sites, file, *at, "site")
        if "source" in client:
            yield from _known("source", client["source"], tree["sources"], file, *at, "source")
            delivered.add(client["source"])
        elif tree["roles"].get(client["role"], {}).get("collects"):
            yield issue("study.client-source", source=file.at(*at), client=key)
    for key in tree["sources"]:
        if key not in delivered:
            yield issue("study.source-client", source=file.at("sources", key), name=key)


def _retention(file: File) -> Iterator[Issue]:
    """Who sees what is retained reads it, for a regulator or a court."""
    roles = file.tree["roles"]
    retaining = {name: role for name, role in roles.items() if role.get("sees_retained")}
    for name, role in retaining.items():
        is_more = any(role.get(flag) for flag in ("enrols", "collects", "break_glass", "deidentify"))
        if is_more or not all(map(_reads, role["scopes"])):
            yield issue("study.retention-role", source=file.at("roles", name), name=name)
    for key, client in file.tree["clients"].items():
        if client["role"] in retaining:
            if client["purpose"] not in RETENTION_PURPOSES:
                source = file.at("clients", key, "purpose")
                yield issue("study.retention-purpose", source=source, client=key, known=", ".join(RETENTION_PURPOSES))
            if not all(map(_reads, client.get("scopes", ()))):
                yield issue("study.retention-role", source=file.at("clients", key, "scopes"), name=client["role"])


def _reads(scope: str) -> bool:
    return set(scope.partition("?")[0].rpartition(".")[2]) <= {"r", "s"} or "/" not in scope


def _codes(file: File) -> Iterator[Issue]:
    """The names in what codes of Consents mean."""
    consent, organisations = file.tree["consent"], file.tree["organisations"]
    at = ("consent", "broad_consent", "organisations")
    for index, name in enumerate(consent.get("broad_consent", {}).get("organisations", ())):
        yield from _known("organisation", name, organisations, file, *at, index)
    for code, both in consent.get("policy_codes", {}).items():
        for kind, meaning in both.items():
            place = ("consent", "policy_codes", code, kind)
            for what, known in (("organisation", organisations), ("domain", file.tree["domains"])):
                for index, name in enumerate(meaning.get(f"{what}s", ())):
                    yield from _known(what, name, known, file, *place, f"{what}s", index)


def _validation(file: File) -> Iterator[Issue]:
    validation = file.tree.get("validation", {})
    seen: set[str] = set()
    for index, rule in enumerate(validation.get("rules", [])):
        if rule["id"] in seen:
            yield issue("study.twice", source=file.at("validation", "rules", index, "id"), what="A rule")
        seen.add(rule["id"])
    for index, entry in enumerate(validation.get("suppress", [])):
        if entry["rule"] not in RULES:
            source = file.at("validation", "suppress", index, "rule")
            yield issue("study.unknown-rule", source=source, name=entry["rule"])


def check_participants(file: File, tree: Mapping[str, Any]) -> Iterator[Issue]:
    """Faults of participants.yaml against study.yaml; no message tells an identity."""
    sites = {site["id"] for site in tree["sites"]}
    seen: set[str] = set()
    identities: set[tuple[str, str]] = set()
    for index, person in enumerate(file.tree["participants"]):
        at = ("participants", index)
        if person["id"] in seen:
            yield issue("study.twice", source=file.at(*at, "id"), what="A participant")
        seen.add(person["id"])
        yield from _person(file, person, at, sites, tree)
        for system, value in person.get("identities", {}).items():
            if (system, value) in identities:
                yield issue("study.identity-twice", source=file.at(*at, "identities", system), system=system)
            identities.add((system, value))


def _person(
    file: File, person: Mapping[str, Any], at: tuple[str, int], sites: Collection[str], tree: Mapping[str, Any]
) -> Iterator[Issue]:
    yield from _known("site", person["site"], sites, file, *at, "site")
    yield from _known("template", person["consent"], tree["consent"]["templates"], file, *at, "consent")
    if "arm" in person:
        yield from _known("arm", person["arm"], tree.get("arms", {}), file, *at, "arm")
    if not person["id"].startswith(person["site"] + "-"):
        yield issue("study.participant-site", source=file.at(*at, "id"))
    if "zone" in person:
        yield from _zone(file, person["zone"], *at, "zone")
    for key in ("birthDate", "enrolled", "consented"):
        yield from _date(file, person[key], *at, key)
    if "withdrawn" in person:
        yield from _date(file, person["withdrawn"]["at"], *at, "withdrawn", "at")


def _template(name: str, template: Resource, tree: Mapping[str, Any]) -> Iterator[Issue]:
    def fault(problem: str) -> Issue:
        return issue("study.consent-template", source=f"Consent-{name}.json", name=name, problem=problem)

    if template["resourceType"] != "Consent":
        yield fault("is not a Consent")
        return
    for key in ("id", "patient", "dateTime"):
        if key in template:
            yield fault(f"must not have {key}")
    provisions = list(_provisions(template.get("provision")))
    links = [
        extension.get("valueReference", {}).get("reference")
        for provision in provisions
        for extension in provision.get("extension", [])
        if extension.get("url") == STUDY_LINK
    ]
    if f"ResearchStudy/{tree['study']['id']}" not in links:
        yield fault("does not name this study, so it would permit nothing")
    for provision in provisions:
        yield from _provision(name, provision, tree)


def _provision(name: str, provision: Resource, tree: Mapping[str, Any]) -> Iterator[Issue]:
    source = f"Consent-{name}.json"
    for concept in provision.get("code", []):
        for coding in concept.get("coding", []):
            if coding.get("system") == DOMAIN_SYSTEM and coding.get("code") not in tree["domains"]:
                yield issue("study.domain-code", source=source, name=name, domain=coding.get("code", ""))
    for actor in provision.get("actor", []):
        kind, _, key = actor.get("reference", {}).get("reference", "").partition("/")
        if kind == "Organization" and key not in tree["organisations"]:
            known = ", ".join(tree["organisations"])
            yield issue("study.unknown-name", source=source, what="organisation", name=key, known=known)


def _provisions(root: Any) -> Iterator[Resource]:
    if isinstance(root, dict):
        yield root
        for child in root.get("provision", []):
            yield from _provisions(child)


def _known(what: str, name: str, declared: Collection[str], file: File, *path: str | int) -> Iterator[Issue]:
    if name not in declared:
        known = ", ".join(declared if isinstance(declared, Mapping | Sequence) else sorted(declared))
        yield issue("study.unknown-name", source=file.at(*path), what=what, name=name, known=known)


def _zone(file: File, name: str, *path: str | int) -> Iterator[Issue]:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        yield issue("study.zone", source=file.at(*path))


def _date(file: File, text: str, *path: str | int) -> Iterator[Issue]:
    day = text[:10]
    try:
        date.fromisoformat(day)
    except ValueError:
        yield issue("study.date", source=file.at(*path))
        return
    if parse_interval(text) is None:
        yield issue("study.date", source=file.at(*path))
