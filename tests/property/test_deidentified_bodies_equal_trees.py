"""De-identifying bodies element by element, with what is remembered, gives the bytes of the walk over the tree."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.deidentify import elements as remembering
from tests.compliance.official import folder

TODAY = date(2026, 6, 1)
KEY = StudyKey("s1", b"k" * 32)
SHIPPED = shipped_policies(asset_roots("profiles"))
WRITTEN = {
    "noise": [
        {"path": "Observation.value.value", "method": "perturb", "span": 4, "roundTo": 1},
        {"path": "Resource.id", "method": "keep"},
        {"path": "nodesByType('Meta')", "method": "keep"},
        {"path": "nodesByType('dateTime')", "method": "dateShift"},
        {"path": "Observation.contained", "method": "keep"},
    ],
    "asking": [
        {"path": "Observation.where(status = 'final').code", "method": "keep"},
        {"path": "Patient.name.where(use = 'official').family", "method": "cryptoHash"},
        {"path": "Patient.gender", "method": "substitute", "replaceWith": "unknown"},
    ],
    "several": [
        {"path": "nodesByType('Reference')", "method": "cryptoHash"},
        {"path": "nodesByType('code')", "method": "generalize", "cases": {"$this = 'final'": "done"}},
        {"path": "nodesByType('Extension')", "method": "keep"},
    ],
}


def deidentifiers(folder):
    for name, path in SHIPPED.items():
        yield name, Deidentifier(load_policy(path), KEY, TODAY)
    for name, rules in WRITTEN.items():
        path = folder / f"{name}.yaml"
        path.write_text(json.dumps({"fhirPathRules": rules, "processingErrors": "skip"}))
        yield name, Deidentifier(load_policy(path), KEY, TODAY)


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory):
    return dict(deidentifiers(tmp_path_factory.mktemp("policies")))


references = st.sampled_from(["Patient/1", "Patient/2", "Group/1", "#1", "Patient?identifier=a|b", "urn:uuid:1"])
instants = st.sampled_from(["2026-02-03T04:05:06Z", "2026-02", "0001-01-01", "soon", "2026-02-03"])
quantities = st.builds(
    lambda value, unit: {"value": value, "unit": unit}, st.decimals(0, 200, places=1), st.sampled_from(["kg", "/min"])
)
extensions = st.lists(st.builds(lambda text: {"url": "urn:x", "valueString": text}, st.text(max_size=3)), min_size=1)
metas = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.just(["http://example.org/p"]),
        "lastUpdated": instants,
        "security": st.just([{"code": "R"}]),
    },
)
patients = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "id": st.sampled_from(["1", "2"]),
        "meta": metas,
        "gender": st.sampled_from(["male", {"wrong": 1}, ["male"]]),
        "birthDate": st.sampled_from(["1930-01-01", "1980-01-01", "x"]),
        "_birthDate": st.builds(lambda extension: {"extension": extension}, extensions),
        "name": st.lists(
            st.builds(
                lambda use, family: {"use": use, "family": family}, st.sampled_from(["official", "old"]), st.text()
            )
        ),
        "address": st.just([{"postalCode": "02139", "state": "MA"}]),
    },
)
observations = st.fixed_dictionaries(
    {"resourceType": st.just("Observation")},
    optional={
        "id": st.sampled_from(["a", "b", "c"]),
        "meta": metas,
        "status": st.sampled_from(["final", "amended"]),
        "code": st.sampled_from([{"coding": [{"code": "8867-4"}]}, {"text": "Heart rate"}]),
        "subject": st.builds(lambda to: {"reference": to}, references),
        "performer": st.lists(st.builds(lambda to: {"reference": to}, references), max_size=2),
        "effectiveDateTime": instants,
        "effectivePeriod": st.builds(lambda start: {"start": start}, instants),
        "contained": st.lists(patients, max_size=1),
        "valueQuantity": quantities,
        "extension": extensions,
        "unknown": st.just(1),
    },
)
resources = st.one_of(patients, observations, st.sampled_from([{"resourceType": "Nothing"}, {}]))


def answer(deidentifier, resource):
    """What the walk over the tree gives, as bytes; the refusal's rule where it refuses."""
    try:
        found = deidentifier.apply(resource)
    except Unprocessable as refused:
        return refused.issues[0].rule
    return None if found is None else dumps(found)


def answer_in_bytes(deidentifier, body):
    try:
        return deidentifier.apply_body(body)
    except Unprocessable as refused:
        return refused.issues[0].rule


@settings(max_examples=300)
@given(st.lists(resources, min_size=1, max_size=8))
def test_bodies_and_trees_are_deidentified_alike(all_of_them, trees):
    for deidentifier in all_of_them.values():
        for tree in trees:
            body = dumps(tree)
            assert answer_in_bytes(deidentifier, body) == answer(deidentifier, loads(body))


def test_what_mostly_does_not_come_again_is_not_remembered(monkeypatch, all_of_them):
    monkeypatch.setattr(remembering, "MAX_CONTENTS", 8)
    deidentifier = Deidentifier(load_policy(SHIPPED["research-pseudonymised"]), KEY, TODAY)
    for number in range(100):
        tree = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "valueQuantity": {"value": Decimal(number % 7), "unit": "kg"},
            "subject": {"reference": f"Patient/{number // 10}"},
        }
        assert deidentifier.apply_body(dumps(tree)) == dumps(deidentifier.apply(tree))
    kept = {name: len(one.known) for name, one in deidentifier._elements[b'"Observation"']._elements.items()}
    assert kept["id"] == 0
    assert kept["valueQuantity"] == 7
    assert all(count <= 8 for count in kept.values())


def test_official_examples_are_deidentified_alike(all_of_them):
    try:
        files = sorted(folder("r4-examples").glob("*.json"))
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    for path in files[::5]:
        tree = loads(path.read_bytes())
        for deidentifier in all_of_them.values():
            assert answer_in_bytes(deidentifier, dumps(tree)) == answer(deidentifier, tree)
