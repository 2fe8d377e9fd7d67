"""The FHIR resources of a study's organisations, sites and participants, made from the study file."""

import copy
from collections.abc import Mapping

from gateway.core.ids import resource_id
from gateway.core.types import Resource
from gateway.study.parts import ConsentPolicy, Organisation, Participant, Site

SUBJECT_SYSTEM = "urn:trial-fhir-gateway:study:{study}:subject"
SITE_SYSTEM = "urn:trial-fhir-gateway:study:{study}:site"
WITHDRAWAL_URL = "urn:trial-fhir-gateway:extension:withdrawal"
TIMEZONE_URL = "http://hl7.org/fhir/StructureDefinition/timezone"


def organisation(entry: Organisation) -> Resource:
    """The Organization of an organisation; its id is the study file's."""
    return {"resourceType": "Organization", "id": entry.id, "active": True, "name": entry.name}


def location(study: str, site: Site) -> Resource:
    """The Location of a site, with its time zone."""
    place: Resource = {
        "resourceType": "Location",
        "id": f"site-{site.id}",
        "extension": [{"url": TIMEZONE_URL, "valueCode": site.zone}],
        "identifier": [{"system": SITE_SYSTEM.format(study=study), "value": site.id}],
        "status": "active",
        "name": site.name,
    }
    if site.country:
        place["address"] = {"country": site.country}
    place["managingOrganization"] = {"reference": f"Organization/{site.organisation}"}
    return place


def resources_of(
    study: str, person: Participant, sites: Mapping[str, Site], arms: Mapping[str, str], policy: ConsentPolicy
) -> list[Resource]:
    """The Patient, the Consent and the ResearchSubject of a participant."""
    consent = consent_of(study, person, policy)
    subject: Resource = {
        "resourceType": "ResearchSubject",
        "id": person.research_subject,
        "identifier": [{"system": SUBJECT_SYSTEM.format(study=study), "value": person.id}],
        "status": "withdrawn" if person.withdrawn else "on-study",
        "period": {"start": person.enrolled},
        "study": {"reference": f"ResearchStudy/{study}"},
        "individual": {"reference": f"Patient/{person.patient}"},
        "consent": {"reference": f"Consent/{consent['id']}"},
    }
    if person.arm:
        subject["assignedArm"] = arms[person.arm]
    return [_patient(study, person, sites[person.site]), consent, subject]


def consent_of(study: str, person: Participant, policy: ConsentPolicy) -> Resource:
    """The participant's Consent, made from the template that was signed; inactive when it was withdrawn."""
    consent: Resource = {
        **copy.deepcopy(policy.templates[person.consent]),
        "id": resource_id(study, "enrolment", "Consent", (person.id,)),
        "patient": {"reference": f"Patient/{person.patient}"},
        "dateTime": person.consented,
        "policy": [{"uri": policy.policy}],
    }
    return withdraw(consent, person.withdrawn.mode, person.withdrawn.at) if person.withdrawn else consent


def withdraw(consent: Resource, mode: str, at: str) -> Resource:
    """The Consent as it reads once withdrawn: inactive, with the mode and the instant (FHIR instant) of it."""
    kept = [entry for entry in consent.get("extension", []) if entry.get("url") != WITHDRAWAL_URL]
    parts = [{"url": "mode", "valueCode": mode}, {"url": "at", "valueInstant": at}]
    return {**consent, "status": "inactive", "extension": [*kept, {"url": WITHDRAWAL_URL, "extension": parts}]}


def _patient(study: str, person: Participant, site: Site) -> Resource:
    own = {"use": "official", "system": SUBJECT_SYSTEM.format(study=study), "value": person.id}
    others = [{"use": "secondary", "system": key, "value": value} for key, value in person.identities.items()]
    return {
        "resourceType": "Patient",
        "id": person.patient,
        "extension": [{"url": TIMEZONE_URL, "valueCode": person.zone}],
        "identifier": [own, *others],
        "active": True,
        "gender": person.gender,
        "birthDate": person.birth_date,
        "managingOrganization": {"reference": f"Organization/{site.organisation}"},
    }
