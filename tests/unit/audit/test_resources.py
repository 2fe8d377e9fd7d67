"""AuditEvents claim a profile of BALP where they meet it, and their queries name nobody."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.audit import resource, told
from gateway.core.event import Event
from gateway.definitions import r4
from gateway.search import Parameters, parse
from tests.unit.audit.balp import PREFIX, faults
from tests.unit.audit.events import EVENT

PARAMETERS = Parameters(r4())
SERVER = "https://gateway.example.org"
READ = structs.replace(
    EVENT,
    token="0123",
    request="r1",
    versions=(2,),
    patients=("p1",),
    consents=("Consent/c/_history/1",),
    network="192.0.2.7",
)
SEARCH = structs.replace(
    READ,
    action="E",
    operation="search",
    query="Observation?code=8867-4",
    targets=("Observation/1", "Observation/2"),
    versions=(1, 1),
)
WRITE = structs.replace(READ, action="U", operation="update", before=("a" * 64,), after=("b" * 64,), why="typo")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (READ, "PatientRead"),
        (structs.replace(READ, operation="vread", user="Practitioner/1"), "PatientRead"),
        (structs.replace(READ, user="subject:0123"), "PatientRead"),
        (structs.replace(READ, patients=(), consents=(), targets=("Device/1",)), "Read"),
        (structs.replace(READ, patients=("p1", "p2")), "Read"),
        (SEARCH, "PatientQuery"),
        (structs.replace(SEARCH, targets=(), versions=(), patients=(), consents=()), "Query"),
        (structs.replace(SEARCH, patients=("p1", "p2"), user="Patient/p1"), "Query"),
        (structs.replace(WRITE, action="C", operation="create", before=()), "PatientCreate"),
        (WRITE, "PatientUpdate"),
        (structs.replace(WRITE, operation="patch", user="Practitioner/1"), "PatientUpdate"),
    ],
)
def test_it_meets_the_profile_that_it_claims(event: Event, name: str) -> None:
    shown = resource(event, "e1", SERVER)
    assert shown["meta"]["profile"] == [PREFIX + name]
    assert faults(shown) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"network": ""},
        {"outcome": "denied"},
        {"outcome": "failure"},
        {"operation": "history"},
        {"operation": "everything"},
        {"action": "D", "operation": "delete"},
        {"targets": ("Observation/1", "Observation/2"), "versions": (1, 1)},
        {"targets": ("Observation",), "versions": ()},
    ],
    ids=str,
)
def test_others_claim_none(changes: dict[str, Any]) -> None:
    assert "profile" not in resource(structs.replace(READ, **changes), "e1", SERVER)["meta"]
    assert "profile" not in resource(READ, "e1")["meta"]


def test_the_query_is_told_as_text_and_coded() -> None:
    [query] = [one for one in resource(SEARCH, "e1", SERVER)["entity"] if "query" in one]
    assert base64.b64decode(query["query"]).decode() == query["description"] == SEARCH.query


@pytest.mark.parametrize(("address", "code"), [("192.0.2.7", "2"), ("2001:db8::1", "2"), ("proxy.example.org", "1")])
def test_an_address_or_a_name(address: str, code: str) -> None:
    client = resource(structs.replace(READ, network=address), "", SERVER)["agent"][0]
    assert client["network"] == {"address": address, "type": code}


@pytest.mark.parametrize(
    ("type", "asked", "expected"),
    [
        ("Observation", "code=http://loinc.org|8867-4", "Observation?code=http://loinc.org|8867-4"),
        ("Observation", "code=8867-4,smith", "Observation?code=8867-4,*"),
        ("Observation", "code=http://snomed.info/sct|271649006", "Observation?code=http://snomed.info/sct|271649006"),
        ("Observation", "code=http://loinc.org|smith", "Observation?code=http://loinc.org|*"),
        ("Observation", "code=urn:mrn|8867-4", "Observation?code=*"),
        ("Observation", "identifier=http://loinc.org|smith", "Observation?identifier=http://loinc.org|*"),
        ("Observation", "date=ge2026-01-01", "Observation?date=ge2026-01-01T00:00:00.000Z"),
        ("Observation", "date=0001", "Observation?date=eq0001-01-01T00:00:00.000Z"),
        ("Observation", "subject=Patient/smith", "Observation?subject=*"),
        ("Observation", "subject:Patient.birthdate=1911-01-17", "Observation?subject.birthdate=*"),
        ("Observation", "subject:Patient.name=smith", "Observation?subject.name=*"),
        ("Observation", "value-quantity=gt5&_sort=-date", "Observation?value-quantity=*&_sort=-date"),
        ("Observation", "code:not=8867-4&date:missing=true", "Observation?code:not=8867-4&date:missing=true"),
        ("Patient", "birthdate=1911-01-17&gender=male", "Patient?birthdate=*&gender=*"),
        ("Patient", "_lastUpdated=ge2026", "Patient?_lastUpdated=ge2026-01-01T00:00:00.000Z"),
        ("Patient", "_has:Observation:patient:code=8867-4", "Patient?_has:Observation:patient:code=8867-4"),
        ("Patient", "_id=smith&_count=5&_total=accurate", "Patient?_id=*&_count=5&_total=accurate"),
        ("Observation", "_include=Observation:subject", "Observation?_include=Observation:subject"),
    ],
)
def test_what_is_told_of_a_search(type: str, asked: str, expected: str) -> None:
    pairs = [tuple(part.split("=", 1)) for part in asked.split("&")]
    assert told([parse(type, pairs, PARAMETERS)]) == expected  # type: ignore[arg-type]


NAMES = sorted(one for one in ("code", "identifier", "subject", "patient", "category", "status", "device", "_id"))


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.from_regex(r"[A-Za-z]{5,12}", fullmatch=True)), min_size=1))
def test_no_word_is_told(pairs: list[tuple[str, str]]) -> None:
    query = parse("Observation", [(name, f"zz{word}") for name, word in pairs], PARAMETERS)
    assert "zz" not in told([query])
