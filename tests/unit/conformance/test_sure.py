"""What is passed over as surely good has no finding: neither by its type nor by a profile."""

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conformance.base import BaseTypes
from gateway.conformance.invariant import Invariants
from gateway.conformance.profile import ProfileCompiler
from gateway.conformance.run import Check, Location, Run, Scope
from gateway.conformance.shapes import Sure, Whole
from gateway.conformance.sure import SureTypes
from gateway.definitions import r4
from gateway.terminology import LocalTerminology

TERMINOLOGY = LocalTerminology(r4())
INVARIANTS = Invariants(TERMINOLOGY)
SURE = SureTypes(r4(), TERMINOLOGY, INVARIANTS)
AT: Location = (None, "Observation", -1)
UCUM = "http://unitsofmeasure.org"
HEART_RATE = "http://hl7.org/fhir/StructureDefinition/heartrate"

GOOD: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "one",
    "meta": {"profile": [HEART_RATE]},
    "identifier": [{"system": "http://example.org/ids", "value": "1"}],
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs",
                    "display": "Vital Signs",
                }
            ]
        }
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
    "subject": {"reference": "Patient/one", "display": "One"},
    "effectivePeriod": {"start": "2026-03-01", "end": "2026-03-02"},
    "valueQuantity": {"value": Decimal("60"), "unit": "beats/minute", "system": UCUM, "code": "/min"},
    "performer": [{"reference": "Practitioner/one"}],
    "referenceRange": [{"text": "from one"}],
    "component": [{"code": {"text": "a part"}, "valueInteger": 1}],
}

LEAVES: st.SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -1, 2**40, Decimal("4.060"), Decimal("NaN"), "", " ", "a", "final", "2026-02-30", "2026-03-01",
    "2026-03-01T10:00:00Z", "2025-01-01", "Patient/one", "Medication/one", "#one", "http://loinc.org", "8867-4", UCUM,
    "/min", "vital-signs", "\x00", "urn:uuid:1", [], {}, ["a"], [None], {"id": "a"}, {"code": "a"}, [{}],
    {"extension": [{"url": "http://example.org/a", "valueString": "a"}]}, {"value": 1, "code": "mm"},
    {"reference": "Device/one"}, {"start": "2026-03-02", "end": "2026-03-01"}, {"value": 1, "_value": {"id": "a"}},
])  # fmt: skip
NAMES = st.sampled_from(
    [
        "id", "extension", "value", "code", "system", "display", "version", "text", "coding", "reference", "type",
        "identifier", "unit", "comparator", "status", "start", "end", "valueString", "valueQuantity", "_status",
        "effectiveDateTime", "dataAbsentReason", "component", "contained", "colour", "subject", "userSelected",
    ]
)  # fmt: skip


def holders(tree: Any) -> list[Any]:
    """Every object and array in a tree."""
    found = [tree]
    for node in found:
        members = node.values() if isinstance(node, dict) else node
        found += [member for member in members if isinstance(member, dict | list)]
    return found


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """The good Observation with some values replaced, added or left out."""
    tree = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(0, 3))):
        holder = draw(st.sampled_from(holders(tree)))
        if isinstance(holder, list):
            holder.append(copy.deepcopy(draw(LEAVES)))
            continue
        name = draw(st.sampled_from([*holder, None]) if holder else st.none()) or draw(NAMES)
        if name in holder and draw(st.booleans()):
            del holder[name]
        else:
            holder[name] = copy.deepcopy(draw(LEAVES))
    return tree


def types(*, sure: bool) -> BaseTypes:
    """The types of R4, with the tests that spare checks or without."""

    def nothing(_value: Any, _at: Location, _run: Run) -> None:
        return None

    def none(_path: str) -> Mapping[str, Sure]:
        return {}

    return BaseTypes(
        r4(),
        TERMINOLOGY,
        INVARIANTS,
        nested=lambda _path: nothing,
        extension=lambda _path, _element: nothing,
        profile=lambda _url: nothing,
        surely=SURE.fields if sure else none,
    )


QUICK, SLOW = types(sure=True).check("Observation"), types(sure=False).check("Observation")
COMPILER = ProfileCompiler(r4(), TERMINOLOGY, INVARIANTS, lambda _url: SLOW)


def level(url: str) -> list[Whole]:
    """What a profile says of each element of an Observation."""
    tree = r4().tree(url)
    assert tree is not None
    return list(COMPILER.level(tree, "Observation"))


PROFILES = {url: level(f"http://hl7.org/fhir/StructureDefinition/{url}") for url in ("heartrate", "bp", "bodyweight")}


def findings(check: Check, tree: dict[str, Any]) -> list[Any]:
    run = Run(Scope(tree, tree))
    check(tree, AT, run)
    return run.issues


@settings(max_examples=300, deadline=None)
@given(changed())
def test_the_findings_are_those_of_the_checks(tree: dict[str, Any]) -> None:
    assert findings(QUICK, tree) == findings(SLOW, tree)


@settings(max_examples=300, deadline=None)
@given(changed(), st.sampled_from(sorted(PROFILES)))
def test_what_a_profile_passes_over_has_no_finding(tree: dict[str, Any], url: str) -> None:
    shape = tuple(tree)
    for whole in PROFILES[url]:
        tested = whole.test(shape)
        passed = whole.settles(shape) or (tested is not None and tested[1](tree[tested[0]]))
        assert not passed or not findings(whole.check, tree)


def test_the_good_is_passed_over() -> None:
    fields = SURE.fields("Observation")
    left = [name for name, value in GOOD.items() if name != "resourceType" and not fields[name](value)]
    assert left == []
    spared = [whole for whole in PROFILES["heartrate"] if whole.settles(tuple(GOOD)) or whole.test(tuple(GOOD))]
    assert len(spared) > len(PROFILES["heartrate"]) - 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("valueQuantity", {"value": 1, "code": "/min"}),  # a code without its system
        ("effectivePeriod", {"start": "2026-03-02", "end": "2026-03-01"}),
        ("status", "done"),
        ("identifier", [{"system": "ids", "value": "1"}]),
        ("subject", {"reference": "Medication/one"}),
        ("note", [{"text": ""}]),
    ],
)
def test_doubt_is_no(name: str, value: Any) -> None:
    assert not SURE.fields("Observation")[name](value)
