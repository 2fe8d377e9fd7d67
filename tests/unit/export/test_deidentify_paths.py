"""Paths of rules: what each text is read as, and which values of a resource it names."""

import json
from datetime import date

import pytest

from gateway.export.deidentify import Deidentifier, StudyKey, load_policy
from gateway.export.deidentify.paths import NO_RULE, Condition, Path, PathError, PathSet, read_path
from gateway.fhirpath import compile

KEY = StudyKey("s", b"k")
QUANTITY = ("of", "Quantity")


def told(path):
    """A path with its conditions as what can be compared."""
    return path.start, path.of, [step if isinstance(step, str) else said(step) for step in path.steps]


def said(condition):
    if condition.criterion is None:
        return ("of", condition.type)
    assert condition.type is None
    return ("where", condition.criterion.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient", ("resource", "Patient", [])),
        ("Resource.id", ("resource", "Resource", ["id"])),
        ("Patient.name.family", ("resource", "Patient", ["name", "family"])),
        ("nodesByType('HumanName').family", ("type", "HumanName", ["family"])),
        ("nodesByName('text')", ("name", "text", [])),
        ("nodesByName('Nothing')", ("name", "Nothing", [])),
        ("Observation.value.ofType(Quantity).value", ("resource", "Observation", ["value", QUANTITY, "value"])),
        ("Observation.value.as(Quantity)", ("resource", "Observation", ["value", QUANTITY])),
        ("(Observation.value as Quantity).value", ("resource", "Observation", ["value", QUANTITY, "value"])),
        ("Patient.name.where(use = 'a')", ("resource", "Patient", ["name", ("where", "use = 'a'")])),
        ("nodesByName('a').where(b).c", ("name", "a", [("where", "b"), "c"])),
    ],
)
def test_a_path_is_a_beginning_and_steps(text, expected):
    assert told(read_path(text)) == expected


@pytest.mark.parametrize(
    "text", ["1", "'a'", "%resource.id", "a | b", "Patient[0]", "Patients", "nodesByType('x')", "Patient.(", "not()"]
)
def test_what_cannot_be_followed_is_refused(text):
    with pytest.raises(PathError):
        read_path(text)


@pytest.mark.parametrize(
    ("kind", "criterion", "node", "holds"),
    [
        (None, None, {}, True),
        ("Quantity", None, {}, True),
        ("Period", None, {}, False),
        ("Period", "a = 1", {"a": 1}, False),
        ("Quantity", "a = 1", {"a": 1}, True),
        (None, "a = 1", {"a": 1}, True),
        (None, "a = 1", {"a": 2}, False),
        (None, "a", {"a": 5}, False),
        (None, "a", {}, False),
        (None, "a.single() = 1", {"a": [1, 1]}, False),
    ],
)
def test_a_condition_holds_of_its_type_and_where_its_criterion_is_true(kind, criterion, node, holds):
    condition = Condition(kind, criterion and compile(criterion, model=None))
    assert condition.holds(node, "Quantity") is holds


def test_a_number_of_no_rule_is_above_all_others():
    paths = PathSet([read_path("Patient.name"), read_path("nodesByType('HumanName')")])
    assert paths.enter(frozenset(), "gender", "code").rule == NO_RULE == 1 << 30
    entry = paths.enter(frozenset(), "", "Patient", is_resource=True)
    assert (entry.rule, entry.going, entry.asked) == (NO_RULE, frozenset({(0, 0)}), ())
    assert paths.enter(entry.going, "name", "HumanName").rule == 0
    assert paths.enter(frozenset(), "name", "HumanName").rule == 1


@pytest.mark.parametrize(
    ("of", "kind", "is_resource", "begins"),
    [
        ("Patient", "Patient", True, True),
        ("Patient", "Patient", False, False),
        ("Patient", "Observation", True, False),
        ("Resource", "Patient", True, True),
        ("DomainResource", "Patient", True, True),
        ("DomainResource", "Bundle", True, False),
        ("Resource", "Bundle", True, True),
        ("Resource", "HumanName", False, False),
    ],
)
def test_a_path_of_a_type_begins_at_resources_of_it(of, kind, is_resource, begins):
    entry = PathSet([Path("resource", of, ())]).enter(frozenset(), "x", kind, is_resource=is_resource)
    assert (entry.rule == 0) is begins
    assert PathSet([Path("resource", of, ())]).enter(frozenset(), "x", kind).rule == NO_RULE


def test_conditions_look_at_what_their_criteria_name():
    paths = PathSet(map(read_path, [
        "Patient.name.where(use = 'a').where(text = 'b').family",
        "Patient.name.where(period.start = 'a')",
        "Observation.value.ofType(Quantity)",
        "Patient.name.where($this = 'a')",
        "Observation.value.ofType(Quantity).where(unit = 'a')",
    ]))  # fmt: skip
    assert paths.reach([(0, 1)]) == {"use", "text"}
    assert paths.reach([(0, 2)]) == {"text"}
    assert paths.reach([(0, 1), (1, 1)]) == {"use", "text", "period", "start"}
    assert paths.reach([(2, 1)]) == paths.reach([]) == frozenset()
    assert paths.reach([(4, 1)]) == {"unit"}
    assert paths.reach([(0, 1), (3, 1)]) is None


def test_conditions_are_asked_one_after_the_other():
    paths = PathSet([
        read_path("Patient.name.where(use = 'a').where(text = 'b').family"),
        read_path("Patient.name.where(use = 'a')"),
        read_path("Observation.value.ofType(Quantity)"),
    ])  # fmt: skip
    asked = [(0, 1), (1, 1), (2, 1)]
    assert paths.ask(asked, {"use": "a", "text": "b"}, "HumanName") == (1, frozenset({(0, 3)}))
    assert paths.ask(asked, {"use": "a"}, "HumanName") == (1, frozenset())
    assert paths.ask(asked, {"use": "b"}, "HumanName") == (NO_RULE, frozenset())
    assert paths.ask(asked, {}, "Quantity") == (2, frozenset())


PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "gender": "male",
    "name": [{"use": "official", "family": "A", "text": "a"}, {"use": "old", "family": "B", "text": "b"}],
    "extension": [{"url": "u", "valueString": "A"}, {"url": "v", "valueCode": "B"}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "A"}, {"resourceType": "Patient", "id": "q"}],
}
NAMES = {
    "Patient.id": {"id": "p", "contained": [None, {"id": "q"}]},
    "Patient.contained.id": {"contained": [{"id": "o"}, {"id": "q"}]},
    "Patient.contained.where(id = 'o').id": {"contained": [{"id": "o"}]},
    "Organization.id": {"contained": [{"id": "o"}]},
    "DomainResource.id": {"id": "p", "contained": [{"id": "o"}, {"id": "q"}]},
    "nodesByName('id')": {"id": "p", "contained": [{"id": "o"}, {"id": "q"}]},
    "nodesByName('name')": {"name": PATIENT["name"], "contained": [{"name": "A"}]},
    "nodesByName('name').text": {"name": [{"text": "a"}, {"text": "b"}]},
    "nodesByType('HumanName').family": {"name": [{"family": "A"}, {"family": "B"}]},
    "nodesByType('code')": {
        "gender": "male", "name": [{"use": "official"}, {"use": "old"}], "extension": [{"valueCode": "B"}]
    },
    "Patient.name.where(use = 'old').family": {"name": [{"family": "B"}]},
    "Patient.name.where(use = 'old')": {"name": [PATIENT["name"][1]]},
    "Patient.name.where(use = 'old').where(text = 'a').family": {},
    "Patient.name.where(use = 'official').where(text = 'a').family": {"name": [{"family": "A"}]},
    "Patient.where(gender = 'male').name.text": {"name": [{"text": "a"}, {"text": "b"}]},
    "Patient.where(gender = 'female').name.text": {},
    "Patient.name.family.text": {},
    "Patient.extension.value": {"extension": [{"valueString": "A"}, {"valueCode": "B"}]},
    "Patient.extension": {"extension": PATIENT["extension"]},
}  # fmt: skip


@pytest.mark.parametrize("path", NAMES)
def test_what_of_a_resource_a_path_names(tmp_path, path):
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"fhirPathRules": [{"path": path, "method": "keep"}]}))
    found = Deidentifier(load_policy(file), KEY, date(2026, 6, 1)).apply(PATIENT)
    contained = [bare(one) for one in found.pop("contained", [])]
    assert contained == [one or {} for one in padded(NAMES[path].get("contained", []))]
    assert bare(found) == {key: value for key, value in NAMES[path].items() if key != "contained"}


def padded(contained):
    return [*contained, {}, {}][:2]


def bare(tree):
    return {key: value for key, value in tree.items() if key not in ("resourceType", "meta")}
