"""What is passed over as surely good has no finding: neither by its type nor by a profile."""

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conformance.base.sure import SureTypes
from gateway.conformance.base.types import BaseTypes, all_of
from gateway.conformance.invariants.invariant import Invariants
from gateway.conformance.invariants.shapes import Sure, Whole
from gateway.conformance.profile.compiled import ProfileCompiler
from gateway.conformance.run import Check, Location, Run, Scope
from gateway.conformance.values.reference import with_shortcut
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

BENEFIT: dict[str, Any] = {
    "resourceType": "ExplanationOfBenefit",
    "contained": [
        {"resourceType": "ServiceRequest", "id": "one", "status": "active", "intent": "order", "subject": {}},
        {"resourceType": "Coverage", "id": "two", "status": "active", "payor": [{"display": "One"}]},
    ],
    "status": "active",
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
    "use": "claim",
    "patient": {"reference": "Patient/one"},
    "created": "2026-03-01T10:00:00Z",
    "insurer": {"display": "One"},
    "provider": {"reference": "Practitioner/one", "display": "One"},
    "referral": {"reference": "#one"},
    "outcome": "complete",
    "careTeam": [
        {"sequence": 1, "provider": {"reference": "Practitioner/one"}, "role": {"coding": [{"code": "primary"}]}},
        {"sequence": 2, "provider": {"display": "Two"}},
    ],
    "insurance": [{"focal": True, "coverage": {"reference": "#two", "display": "Two"}}],
    "item": [{"sequence": 1, "productOrService": {"text": "one"}, "net": {"value": 1, "currency": "USD"}}],
}
TREES = {"Observation": GOOD, "ExplanationOfBenefit": BENEFIT}

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
def changed(draw: st.DrawFn, kind: str = "Observation") -> dict[str, Any]:
    """The good resource of a type with some values replaced, added or left out."""
    tree = copy.deepcopy(TREES[kind])
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


QUICK, SLOW = ({kind: types(sure=sure).check(kind) for kind in TREES} for sure in (True, False))
COMPILER = ProfileCompiler(r4(), TERMINOLOGY, INVARIANTS, lambda _url: SLOW["Observation"])


def level(url: str) -> list[Whole]:
    """What a profile says of each element of an Observation."""
    tree = r4().tree(url)
    assert tree is not None
    return list(COMPILER.level(tree, "Observation"))


PROFILES = {url: level(f"http://hl7.org/fhir/StructureDefinition/{url}") for url in ("heartrate", "bp", "bodyweight")}


def findings(check: Check, tree: dict[str, Any], around: dict[str, Any] | None = None) -> list[Any]:
    run = Run(Scope(around or tree, around or tree))
    check(tree, AT, run)
    return run.issues


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(TREES)).flatmap(lambda kind: st.tuples(st.just(kind), changed(kind))))
def test_the_findings_are_those_of_the_checks(found: tuple[str, dict[str, Any]]) -> None:
    kind, tree = found
    assert findings(QUICK[kind], tree) == findings(SLOW[kind], tree)


@settings(max_examples=300, deadline=None)
@given(changed(), st.sampled_from(sorted(PROFILES)))
def test_what_a_profile_passes_over_has_no_finding(tree: dict[str, Any], url: str) -> None:
    shape = tuple(tree)
    for whole in PROFILES[url]:
        tested = whole.test(shape)
        passed = whole.settles(shape) or (tested is not None and tested[1](tree[tested[0]]))
        assert not passed or not findings(whole.check, tree)


REFERENCES = st.fixed_dictionaries(
    {},
    optional={
        "reference": st.sampled_from(
            ["#", "#one", "#two", "#three", "#one/two", "#Coverage/two", "Coverage/two", "Patient/one", "", None, 1]
        ),
        "display": st.sampled_from(["One", "", " ", 1, None]),
        "type": st.sampled_from(["Coverage", "Patient", "Nothing"]),
        "id": st.just("a"),
    },
)


@pytest.mark.parametrize(("path", "name"), [("ExplanationOfBenefit.insurance", "coverage"), ("Claim", "referral")])
@given(REFERENCES, st.sampled_from(["#one", "one", [], None]))
def test_a_reference_that_is_passed_over_has_no_finding(path: str, name: str, value: Any, odd: Any) -> None:
    element = r4().children(path)[name]
    full = all_of(types(sure=False).value_checks(f"{path}.{name}", element, element.types[0]))
    tree = {**BENEFIT, "contained": [*BENEFIT["contained"], {"resourceType": odd, "id": "three"}]}
    quick = with_shortcut(r4(), element.types[0], full)
    assert findings(quick, value, tree) == findings(full, value, tree)


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
