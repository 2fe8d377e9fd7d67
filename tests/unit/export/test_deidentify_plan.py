"""What becomes of each place: what R4 does not know goes, and is told to have gone."""

import json
from datetime import date

import pytest

from gateway.core import dumps
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy
from gateway.export.deidentify.paths import NO_RULE
from gateway.export.deidentify.plan import Child, Plan

KEY = StudyKey("s", b"k")


def policy(folder, *paths, **more):
    file = folder / "p.json"
    rules = [{"path": path, "method": "keep"} for path in paths]
    file.write_text(json.dumps({"fhirPathRules": rules, **more}))
    return load_policy(file)


def left(read, tree):
    """What is left of a resource, without its meta, and the labels."""
    deidentifier = Deidentifier(read, KEY, date(2026, 6, 1))
    found = deidentifier.apply(tree)
    assert [deidentifier.apply_body(dumps(tree)) for _ in range(3)] == [dumps(found)] * 3
    return found, [one["code"] for one in found.pop("meta", {}).get("security", ())]


PATIENT = {"resourceType": "Patient", "gender": "male", "name": [{"family": "A"}], "contact": [{"gender": "male"}]}
EXTENSION = {"extension": [{"url": "u", "valueString": "A"}]}


@pytest.mark.parametrize("value", ["A", 5, True, ["A"], {"a": "A"}, [{"a": "A"}], [], {}, None])
@pytest.mark.parametrize("key", ["unknown", "Gender", "_unknown", "_name", "valueString", "", "family"])
def test_what_is_no_element_is_left_out_and_told(tmp_path, key, value):
    read = policy(tmp_path, "Patient")
    assert left(read, PATIENT) == (PATIENT, [])
    assert left(read, PATIENT | {key: value}) == (PATIENT, ["REDACTED"])
    contact = {"contact": [{"gender": "male", key: value}]}
    if key != "family":
        assert left(read, PATIENT | {"name": [{"family": "A", key: value}]}) == (PATIENT, ["REDACTED"])
    if key != "_name":
        assert left(read, PATIENT | contact) == (PATIENT, ["REDACTED"])


def test_the_type_of_a_resource_is_no_element_of_its_parts(tmp_path):
    tree = PATIENT | {"name": [{"resourceType": "HumanName", "family": "A"}]}
    assert left(policy(tmp_path, "Patient"), tree) == (PATIENT, ["REDACTED"])


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (("Patient.gender",), {"gender": "male"}),
        (("Patient.gender", "nodesByType('Extension')"), {"gender": "male", "_gender": EXTENSION}),
        (("Patient.gender.extension",), {"_gender": EXTENSION}),
        (("Patient",), {"gender": "male"}),
        (("nodesByName('gender')",), {"gender": "male"}),
        (("nodesByType('Element')",), {}),
        (("Patient.gender.extension.value",), {"_gender": {"extension": [{"valueString": "A"}]}}),
    ],
)
def test_extensions_of_a_value_have_rules_of_their_own(tmp_path, paths, found):
    tree = {"resourceType": "Patient", "gender": "male", "_gender": EXTENSION}
    assert left(policy(tmp_path, *paths), tree)[0] == {"resourceType": "Patient", **found}


def test_places_of_twins_of_many_values_go(tmp_path):
    tree = {"resourceType": "Patient", "name": [{"given": ["A", "B"], "_given": [None, EXTENSION]}]}
    found, labels = left(policy(tmp_path, "Patient", "nodesByType('Extension')"), tree)
    assert (found["name"], labels) == ([{"given": ["A", "B"]}], ["REDACTED"])


def test_parts_that_are_left_of_what_no_rule_names_are_told(tmp_path):
    read = policy(tmp_path, "Patient.gender", parameters={"enablePartialDatesForRedact": True})
    found, labels = left(read, {"resourceType": "Patient", "gender": "male", "birthDate": "1980-02-03"})
    assert (found["birthDate"], labels) == ("1980", ["REDACTED"])


def test_a_node_is_that_of_what_it_is_asked(tmp_path):
    plan = Plan(policy(tmp_path, "Patient.name.where(use = 'a').family", "Patient.where(id = 'p').gender"))
    root = plan.resource("Patient")
    assert plan.resource("Patient") is root is plan.resource("Patient", None, "")
    assert (root.reach, root.rule) == ({"id"}, NO_RULE)
    asked = root.of({"id": "p"})
    assert asked.going == {(0, 0), (1, 1)}
    assert asked.of({"id": "q"}) is asked
    assert root.of({"id": "q"}).going == {(0, 0)}
    name = asked.child("name")
    assert name.node.reach == {"use"}
    assert name.node.of({"use": "a"}).child("family").kind == "keep"
    assert name.node.of({"use": "b"}).child("family").kind == "drop"
    assert asked.children["name"] is name


def test_a_child_says_no_more_than_its_kind():
    child = Child("keep")
    assert (child.name, child.change, child.node, child.element) == ("", None, None, "")
    assert not child.is_twin
    assert not child.is_head
