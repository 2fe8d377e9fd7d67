"""Roles that do not see who participants are, or which arm they are in, learn neither by any way of reading."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Access, Door, ScopeLimits
from gateway.access.reading.redaction import Redaction
from gateway.core.codec import dumps, loads
from gateway.core.errors import Forbidden
from gateway.search import Query, parse
from gateway.store import Page
from tests.contract.stores import PARAMETERS
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

SECRETS = ("Zzcanary", "1911-01-17", "vendor-4711", "Arm A")
NUMBER = "urn:trial-fhir-gateway:study:hf-dct-01:subject"


@pytest.fixture
def world(world: World) -> World:
    """The first participant with everything that tells who it is."""
    person = world.person("101-001")
    patient, consent, subject = world.enrolment_of(person)
    patient |= {
        "name": [{"family": "Zzcanary"}],
        "birthDate": "1911-01-17",
        "telecom": [{"value": "Zzcanary"}],
        "contained": [
            {
                "resourceType": "RelatedPerson",
                "id": "r",
                "patient": {"reference": "#p"},
                "name": [{"text": "Zzcanary"}],
            }
        ],
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Zzcanary</div>"},
        "identifier": [*patient["identifier"], {"system": "urn:vendor", "value": "vendor-4711"}],
    }
    subject |= {"assignedArm": "Arm A", "actualArm": "Arm A"}
    world.door("registrar").commit([patient, consent, subject])
    about = {"reference": f"Patient/{person.patient}", "display": "Zzcanary", "identifier": {"value": "Zzcanary"}}
    world.door("google-health").commit([observation(person, subject=about)])
    return world


def door(world: World, *redacts: str) -> Door:
    """A monitor's door: the data manager's with redactions."""
    role = replace(world.study.roles["data-manager"], redacts=redacts)
    study = replace(world.study, roles={**world.study.roles, "data-manager": role})
    access = Access(world.store, world.trail, {study.id: study}, lambda: world.now, ScopeLimits(PARAMETERS))
    return access.door(study.principal(study.clients["data-manager"]))


def everything(door: Door, world: World) -> bytes:
    """All bytes that every way of reading gives."""
    patient = world.person("101-001").patient
    page = Page(50)
    found = [
        door.read("Patient", patient),
        door.read("Patient", patient, 1),
        *door.history("Patient", patient).rows,
        *door.history().rows,
        *door.search(Query("Patient"), page).rows,
        *door.search(Query("ResearchSubject"), page).rows,
        *door.search_each([Query("Observation"), Query("Patient")], page).rows,
        *door.newest(Query("Observation"), 3),
        *door.stream("Patient"),
        *door.stream(Query("ResearchSubject")),
    ]
    included = door.search(asked(world, "Observation", "_include=Observation:subject"), page).included
    assert included
    return b"\n".join(one.body for one in (*found, *included))


def asked(world: World, type: str, text: str) -> Query:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&"))]
    return parse(type, pairs, PARAMETERS)


def told(door: Door, world: World) -> set[str]:
    bytes_ = everything(door, world)
    return {secret for secret in SECRETS if secret.encode() in bytes_}


def test_everything_is_there_without_redactions(world: World) -> None:
    assert told(door(world), world) == set(SECRETS)


@pytest.mark.parametrize(
    ("redacts", "seen"),
    [(("identity",), {"Arm A"}), (("arm",), set(SECRETS) - {"Arm A"}), (("identity", "arm"), set())],
)
def test_what_is_redacted_is_nowhere(world: World, redacts: tuple[str, ...], seen: set[str]) -> None:
    assert told(door(world, *redacts), world) == seen


def test_the_subject_number_stays(world: World) -> None:
    monitor = door(world, "identity")
    patient = loads(monitor.read("Patient", world.person("101-001").patient).body)
    assert [(one["system"], one["value"]) for one in patient["identifier"]] == [(NUMBER, "101-001")]
    assert monitor.begin_search(Query("Patient"), Page(5)) is None
    query = asked(world, "Patient", f"identifier={NUMBER}|101-001")
    assert len(monitor.search(query, Page(5)).rows) == 1


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("Patient", "birthdate=1911-01-17"),
        ("Patient", "birthdate:missing=false"),
        ("Patient", "name=zz"),
        ("Patient", "family:exact=Zzcanary"),
        ("Patient", "telecom=Zzcanary"),
        ("Patient", "identifier=urn:vendor|vendor-4711"),
        ("Patient", "identifier=vendor-4711"),
        ("Patient", f"identifier={NUMBER}|101-001,urn:vendor|vendor-4711"),
        ("Patient", "identifier:not=urn:vendor|vendor-4711"),
        ("Patient", "_sort=birthdate"),
        ("Patient", "_text=Zzcanary"),
        ("ResearchSubject", "identifier=x"),
        ("ResearchSubject", "individual:Patient.birthdate=lt1920"),
        ("Observation", "subject:Patient.name=Zzcanary"),
        ("Observation", "subject:Patient.identifier=urn:vendor|vendor-4711"),
        ("Observation", "subject:identifier=Zzcanary"),
        ("Patient", "_has:Observation:subject:code=x&family=Zz"),
    ],
)
def test_a_search_that_would_tell_is_refused(world: World, type: str, text: str) -> None:
    query = asked(world, type, text)
    monitor = door(world, "identity")
    for search in (
        lambda: monitor.search(query, Page(5)),
        lambda: monitor.search_each([query], Page(5)),
        lambda: list(monitor.stream(query)),
    ):
        with pytest.raises(Forbidden):
            search()


def test_people_are_not_in_the_order_of_their_birth(world: World) -> None:
    patient = {"reference": f"Patient/{world.person('101-001').patient}"}
    written = {"rp-b": "1990-01-01", "rp-c": "1980-01-01", "rp-a": "1985-01-01"}
    for identity, born in written.items():
        kin = {"resourceType": "RelatedPerson", "id": identity, "patient": patient, "birthDate": born}
        world.door("registrar").commit([kin])
    monitor = door(world, "identity")
    for reader in (door(world), monitor):
        for whole in ("RelatedPerson", Query("RelatedPerson")):
            assert [row.key.id for row in reader.stream(whole)] == [*written]
            bodies = [body for batch in reader.batches(whole) for body in batch.bodies]
            assert [loads(body)["id"] for body in bodies] == [*written]
    for query in (Query("RelatedPerson"), Query("", types=("RelatedPerson",))):
        assert [row.key.id for row in monitor.search(query, Page(50)).rows] == [*written][::-1]
    assert [row.key.id for row in door(world).search(Query("RelatedPerson"), Page(50)).rows] != [*written][::-1]


def test_who_sees_less_writes_nothing(world: World) -> None:
    monitor = door(world, "identity")
    written = observation(world.person("101-001"), id="o9")
    with pytest.raises(Forbidden):
        monitor.commit([written])
    with pytest.raises(Forbidden):
        monitor.transact(lambda _finder: [], "update")


@pytest.mark.parametrize(
    "reference",
    [
        {"display": "Zzcanary"},
        {"type": "Patient", "identifier": {"value": "Zzcanary"}, "display": "Zzcanary"},
        {"reference": "#p", "display": "Zzcanary"},
        {"reference": "https://elsewhere.example/fhir/Patient/1/_history/2", "display": "Zzcanary"},
        {"reference": "Patient?identifier=x|1", "display": "Zzcanary"},
        {
            "reference": "urn:uuid:9c1f7c52-5e5b-4a4e-8a3f-1d2c3b4a5968",
            "display": "Zzcanary",
            "_display": {"id": "z"},
        },
        {"identifier": {"value": "Zzcanary"}, "extension": [{"url": "urn:y", "valueString": "Zzcanary"}]},
    ],
    ids=["name", "type", "contained", "absolute", "conditional", "uuid", "identifier"],
)
def test_who_cannot_be_told_apart_from_a_participant_is_not_named(reference: dict[str, object]) -> None:
    seen = Redaction(frozenset({"identity"})).resource(
        {"resourceType": "Observation", "code": {"text": "x"}, "performer": [reference]}
    )
    (shown,) = seen["performer"]
    assert b"Zzcanary" not in dumps(seen)
    assert shown == {name: reference[name] for name in ("reference", "type") if name in reference} or (
        shown["extension"][0]["valueCode"] == "masked"
    )


def test_other_content_stays_as_it_is() -> None:
    tree: dict[str, Any] = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 1, "unit": "kg"},
                            "performer": [{"reference": "Practitioner/1", "display": "Dr"}]}  # fmt: skip
    assert loads(dumps(Redaction(frozenset({"identity", "arm"})).resource(tree))) == tree
