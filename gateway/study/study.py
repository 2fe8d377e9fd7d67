"""A study as a whole: its parts, how it is loaded and checked, and the resources it begins with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue
from gateway.core.principal import Principal
from gateway.core.types import Resource
from gateway.study import enrolment
from gateway.study.build import build
from gateway.study.faults import check_participants, check_study
from gateway.study.files import File, read_resources, read_yaml
from gateway.study.parts import (
    Client,
    ConsentPolicy,
    Interactions,
    Organisation,
    Parking,
    Participant,
    ProfileRule,
    Role,
    Rule,
    Site,
    Source,
    ValidationPolicy,
)


@dataclass(frozen=True, slots=True)
class Study:
    """A study, checked as a whole. Names are keys of the mappings; order is the file's order.

    `domains` maps a data domain to the rules that claim resources for it; `profiles` maps every resource type that
    the study takes to the profiles it must conform to; other types are refused. `facts` are what mappings see as
    `%study`. `questionnaires` are canonicals of instruments among the assets; `definitions` are the study's own
    conformance resources and Questionnaires.
    """

    id: str
    title: str
    phase: str
    status: str
    zone: str
    period: Mapping[str, str]
    condition: Mapping[str, str]
    arms: Mapping[str, str]
    organisations: Mapping[str, Organisation]
    sites: Mapping[str, Site]
    sources: Mapping[str, Source]
    domains: Mapping[str, tuple[Rule, ...]]
    profiles: Mapping[str, tuple[ProfileRule, ...]]
    roles: Mapping[str, Role]
    clients: Mapping[str, Client]
    consent: ConsentPolicy
    participants: tuple[Participant, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    questionnaires: tuple[str, ...] = ()
    definitions: tuple[Resource, ...] = ()
    validation: ValidationPolicy = field(default_factory=ValidationPolicy)
    interactions: Interactions = field(default_factory=Interactions)
    parking: Parking = field(default_factory=Parking)
    by_patient: Mapping[str, Participant] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, root: Traversable) -> "Study":
        """The study in the folder `root`; raises `Unprocessable` with every fault at once."""
        (file, people, resources), issues = _read(root)
        if issues:
            raise Unprocessable(*issues)
        return cls(**build(file.tree, people.tree["participants"], resources))

    def client_of(self, source: str) -> Client | None:
        """The client that delivers `source`; None when there is no such source."""
        return next((client for client in self.clients.values() if source and client.source == source), None)

    def principal(self, client: Client) -> Principal:
        """The client as who asks, without a token: for the command line and for work that goes on after a request."""
        return Principal(
            client.id,
            self.id,
            client.organisation,
            client.role,
            client.purpose,
            client.scopes,
            client.source,
            site=client.site,
        )

    def principal_of(self, source: str) -> Principal:
        """Who delivers `source`; raises KeyError when the study has no such source."""
        client = self.client_of(source)
        if client is None:
            raise KeyError(source)
        return self.principal(client)

    def enrolment(self) -> list[Resource]:
        """Organizations, Locations, the ResearchStudy, Questionnaires, then each participant's resources.

        A participant has a Patient, a Consent and a ResearchSubject, in this order. Ids are deterministic, so that
        loading twice changes nothing.
        """
        found = [enrolment.organisation(entry) for entry in self.organisations.values()]
        found += [enrolment.location(self.id, site) for site in self.sites.values()]
        found.append(self._research_study())
        found += [resource for resource in self.definitions if resource["resourceType"] == "Questionnaire"]
        for person in self.participants:
            found += enrolment.resources_of(self.id, person, self.sites, self.arms, self.consent)
        return found

    def consent_of(self, person: Participant) -> Resource:
        """The Consent that the study file says the participant gave."""
        return enrolment.consent_of(self.id, person, self.consent)

    def _research_study(self) -> Resource:
        study: Resource = {
            "resourceType": "ResearchStudy",
            "id": self.id,
            "identifier": [{"system": "urn:trial-fhir-gateway:study", "value": self.id}],
            "title": self.title,
            "status": self.status,
        }
        if self.phase:
            system = "http://terminology.hl7.org/CodeSystem/research-study-phase"
            study["phase"] = {"coding": [{"system": system, "code": self.phase}]}
        if self.condition:
            study["condition"] = [{"coding": [dict(self.condition)]}]
        if self.period:
            study["period"] = dict(self.period)
        study["site"] = [{"reference": f"Location/site-{key}"} for key in self.sites]
        if self.arms:
            study["arm"] = [{"name": name} for name in self.arms.values()]
        return study


class Studies(Mapping[str, Study]):
    """The installed studies by id."""

    def __init__(self, studies: Iterable[Study]) -> None:
        self._studies = {study.id: study for study in studies}

    @classmethod
    def load(cls, roots: Iterable[Traversable]) -> "Studies":
        """The studies in `<root>/studies/<id>/` of each profiles root; a later root replaces a study of the same id.

        Raises `Unprocessable` with the faults of the first study that has any.
        """
        folders: dict[str, Traversable] = {}
        for root in roots:
            parent = root.joinpath("studies")
            if parent.is_dir():
                folders |= {entry.name: entry for entry in parent.iterdir() if entry.joinpath("study.yaml").is_file()}
        return cls(Study.load(folders[name]) for name in sorted(folders))

    def __getitem__(self, study: str) -> Study:
        return self._studies[study]

    def __iter__(self) -> Iterator[str]:
        return iter(self._studies)

    def __len__(self) -> int:
        return len(self._studies)


def check(root: Traversable) -> list[Issue]:
    """Every fault of the study folder `root`, in the order of its files; empty when it can be loaded."""
    return _read(root)[1]


def _read(root: Traversable) -> tuple[tuple[File, File, dict[str, Resource]], list[Issue]]:
    issues: list[Issue] = []
    file = read_yaml(root, "study.yaml", "study.schema.json", issues)
    people = read_yaml(root, "participants.yaml", "participants.schema.json", issues)
    resources = read_resources(root, issues) if root.is_dir() else {}
    if not issues:
        issues.extend(check_study(file, resources, root.name))
        issues.extend(check_participants(people, file.tree))
    return (file, people, resources), issues
