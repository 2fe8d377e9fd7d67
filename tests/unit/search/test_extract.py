"""Resources to index entries, by data type; every R4 type can be indexed."""

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.core import loads
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.definitions import r4
from gateway.search import Parameters, extract, matches, parse
from gateway.search.query import DateEntry, IndexEntry, PresentEntry, ReferenceEntry, TokenEntry, TokenTextEntry

PARAMETERS = Parameters(r4())
EXAMPLES = Path(os.environ.get("GATEWAY_CONFORMANCE_DIR", "../shared/conformance")) / "r4-examples"


def entries(parameter: str, type: str = "Observation", **elements: Any) -> list[IndexEntry]:
    found = extract({"resourceType": type, "id": "a", **elements}, PARAMETERS)
    told = (PresentEntry, TokenTextEntry)
    return [entry for entry in found if entry.parameter == parameter and not isinstance(entry, told)]


def test_codings_are_tokens_and_text_is_none() -> None:
    code = {"coding": [{"system": "urn:a", "code": "1"}, {"code": "2"}, {"system": "urn:b"}], "text": "x"}
    assert entries("code", code=code) == [TokenEntry("code", "urn:a", "1"), TokenEntry("code", "", "2")]


def test_identifiers_are_tokens() -> None:
    both = [{"system": "urn:a", "value": "1", "use": "official"}, {"value": "2"}, {"system": "urn:b"}]
    assert entries("identifier", identifier=both) == [
        TokenEntry("identifier", "urn:a", "1"),
        TokenEntry("identifier", "", "2"),
    ]


def test_a_plain_code_is_a_token_without_system() -> None:
    concepts = [{"code": "a"}, {"code": "b", "concept": [{"code": "c"}]}]
    assert entries("code", "CodeSystem", concept=concepts) == [
        TokenEntry("code", "", "a"),
        TokenEntry("code", "", "b"),
    ]


@pytest.mark.parametrize(
    ("reference", "patient", "subject"),
    [
        ("Patient/1", ["Patient/1"], ["Patient/1"]),
        ("Patient/1/_history/3", ["Patient/1"], ["Patient/1"]),
        ("Group/1", [], ["Group/1"]),
        ("Practitioner/1", [], []),
        ("urn:uuid:1", ["urn:uuid:1"], ["urn:uuid:1"]),
        ("https://x.example/Patient/1", ["https://x.example/Patient/1"], ["https://x.example/Patient/1"]),
        ("#contained", [], []),
        ("", [], []),
    ],
)
def test_references_count_by_the_type_of_their_target(reference: str, patient: list[str], subject: list[str]) -> None:
    given = {"reference": reference}
    assert entries("patient", subject=given) == [ReferenceEntry("patient", target) for target in patient]
    assert entries("subject", subject=given) == [ReferenceEntry("subject", target) for target in subject]


def test_dates_are_intervals() -> None:
    may = parse_interval("2026-05")
    day = parse_interval("2026-05-31")
    assert may is not None
    assert day is not None
    assert entries("date", effectiveDateTime="2026-05") == [DateEntry("date", may.low, may.high)]
    period = {"start": "2026-05", "end": "2026-05-31"}
    assert entries("date", effectivePeriod=period) == [DateEntry("date", may.low, day.high)]
    assert entries("date", effectivePeriod={"start": "2026-05"}) == [DateEntry("date", may.low, FOREVER_AFTER)]
    assert entries("date", effectivePeriod={"end": "2026-05"}) == [DateEntry("date", FOREVER_BEFORE, may.high)]
    assert entries("date", effectiveTiming={"event": ["2026-05-31", "2026-05"]}) == [
        DateEntry("date", may.low, may.high)
    ]
    bounds = {"repeat": {"boundsPeriod": period}}
    assert entries("date", effectiveTiming=bounds) == [DateEntry("date", may.low, day.high)]


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"effectiveDateTime": "last week"},
        {"effectivePeriod": {}},
        {"effectivePeriod": {"start": "2026", "end": "2020"}},
        {"effectiveTiming": {"event": []}},
        {"effectiveTiming": {"code": {"text": "daily"}}},
        {"effectiveDateTime": 5},
        {
            "code": {"coding": "none"},
            "identifier": ["x", 3],
            "subject": "Patient/1",
            "category": [{"coding": [None]}],
        },
    ],
)
def test_what_is_no_date_gives_no_entry_and_no_error(elements: dict[str, Any]) -> None:
    assert entries("date", **elements) == []


def test_every_type_has_its_indexed_parameters() -> None:
    definitions = r4()
    for type in definitions.types():
        known = definitions.search_parameters(type)
        offered = PARAMETERS.of(type)
        for code in ("identifier", "patient", "subject", "code", "date", "category"):
            assert (code in offered) == (code in known), f"{type}.{code}"


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official R4 examples are not here")
def test_every_official_example_is_found_by_each_of_its_own_tokens() -> None:
    found = 0
    for path in sorted(EXAMPLES.glob("**/*.json")):
        resource = loads(path.read_bytes())
        type = resource.get("resourceType")
        if not PARAMETERS.is_type(type):
            continue
        for entry in extract(resource, PARAMETERS):
            if isinstance(entry, TokenEntry):
                value = "|".join(_escaped(part) for part in (entry.system, entry.code))
                assert matches(parse(type, [(entry.parameter, value)], PARAMETERS), resource, PARAMETERS), path.name
                found += 1
    assert found > 500


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, "\\" + character)
    return text
