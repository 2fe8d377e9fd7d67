"""The walk over one resource: what each kind of value leaves, at every depth, and noise by resource and value."""

import hmac
import json
from datetime import date
from decimal import Decimal

import pytest

from gateway.core import dumps
from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy

KEEP = {"path": "Resource", "method": "keep"}


def written(folder, *rules):
    file = folder / "p.json"
    file.write_text(json.dumps({"fhirPathRules": rules}))
    return Deidentifier(load_policy(file), StudyKey("s1", b"k" * 32), date(2026, 6, 1))


def nested(levels, end):
    """Extensions in each other, so many, the innermost with more."""
    found = {"url": "u", **end}
    for _ in range(levels - 1):
        found = {"extension": [found], "url": "u"}
    return found


def deep(kind, levels):
    """A Patient with so many levels below it, the way `kind` goes down."""
    if kind == "extensions":
        return {"extension": [nested(levels, {})]}
    if kind == "a value of one":
        return {"extension": [nested(levels - 1, {"valuePeriod": {"start": "2026"}})]}
    if kind == "a period of values":
        return {"extension": [nested(levels - 2, {"valueIdentifier": {"period": {"start": "2026"}}})]}
    if kind == "a twin":
        return {"_gender": {"extension": [nested(levels - 1, {})]}}
    if kind == "a contained resource":
        return {"contained": [{"resourceType": "Organization", "extension": [nested(levels - 1, {})]}]}
    found = {"resourceType": "Patient", "id": "p"}
    for _ in range(levels // 2):
        found = {"resourceType": "Bundle", "entry": [{"resource": found}]}
    return found


@pytest.mark.parametrize(
    "kind", ["extensions", "a value of one", "a period of values", "a twin", "a contained resource", "bundles"]
)
def test_every_way_down_is_as_long(tmp_path, kind):
    deidentifier = written(tmp_path, KEEP, {"path": "nodesByType('Extension')", "method": "keep"})
    kept = {"resourceType": "Patient", **deep(kind, 64)}
    assert deidentifier.apply(kept) == kept
    for more in (65, 66):
        if kind == "bundles" and more == 65:
            continue
        with pytest.raises(Unprocessable, match=r"export\.deidentify"):
            deidentifier.apply({"resourceType": "Patient", **deep(kind, more)})


NAME = {"family": "A", "given": ["B", "C"]}
TREES = [
    ({"name": [NAME, {}, {"use": "old"}]}, {"name": [NAME, {"use": "old"}]}, False),
    ({"name": NAME}, {"name": NAME}, False),
    ({"name": [{"unknown": 1}, NAME]}, {"name": [NAME]}, True),
    ({"name": {"unknown": 1}}, {}, True),
    ({"name": {}}, {}, False),
    ({"name": []}, {}, False),
    ({"gender": ["male", "x"]}, {"gender": ["male", "x"]}, False),
    ({"gender": []}, {}, False),
    ({"maritalStatus": {"text": "x"}}, {"maritalStatus": {"text": "x"}}, False),
    ({"active": False}, {"active": False}, False),
    ({"multipleBirthInteger": 0}, {"multipleBirthInteger": 0}, False),
    ({"_gender": [{"extension": [{"url": "u"}]}]}, {}, True),
    ({"_gender": {"extension": [{"url": "u"}]}}, {"_gender": {"extension": [{"url": "u"}]}}, False),
    ({"name": [{"_given": [None, {"id": "x"}], **NAME}]}, {"name": [NAME]}, True),
    ({"unknown": ["A"]}, {}, True),
    ({"contained": [{"resourceType": "Device", "id": "d"}]},
     {"contained": [{"resourceType": "Device", "id": "d"}]}, False),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "left", "is_told"), TREES)
def test_what_is_left_of_lists_and_objects(tmp_path, tree, left, is_told):
    found = written(tmp_path, KEEP, {"path": "nodesByType('Extension')", "method": "keep"}).apply(
        {"resourceType": "Patient", **tree}
    )
    assert ("meta" in found) is is_told
    assert {key: value for key, value in found.items() if key not in ("resourceType", "meta")} == left


def test_a_list_that_no_rule_names_is_told_to_have_gone(tmp_path):
    keep = {"path": "Patient.gender", "method": "keep"}
    for tree in ({"name": [{"given": ["A"]}]}, {"contact": [{"name": {"given": ["A"]}}]}):
        found = written(tmp_path, keep).apply({"resourceType": "Patient", "gender": "male", **tree})
        assert [one["code"] for one in found["meta"]["security"]] == ["REDACTED"]
        assert set(found) == {"resourceType", "gender", "meta"}


@pytest.mark.parametrize(
    "tree",
    [{"gender": {"a": 1}}, {"gender": None}, {"gender": [["male"]]}, {"gender": [None]}, {"name": "A"},
     {"name": ["A"]}, {"name": [None]}, {"name": 5}, {"contained": ["A"]}, {"contained": [{"id": "a"}]},
     {"contained": [{"resourceType": "Nothing"}]}, {"contained": [{"resourceType": "HumanName"}]}, {"_gender": "A"}],
)  # fmt: skip
def test_a_value_of_another_shape_cannot_be_judged(tmp_path, tree):
    deidentifier = written(tmp_path, KEEP)
    for _ in range(3):
        with pytest.raises(Unprocessable, match=r"export\.deidentify"):
            deidentifier.apply_body(dumps({"resourceType": "Patient", **tree}))


def noisy(identity, value):
    text = f"s1\x1fnoise\x1f{identity}\x1f{value}".encode()
    drawn = int.from_bytes(hmac.digest(b"k" * 32, text, "sha256")[:7], "big")
    return round(value + Decimal(drawn) / Decimal(2**56) - Decimal("0.5"), 6)


@pytest.mark.parametrize(("id", "identity"), [("a", "Observation/a"), (None, "Observation/")])
def test_noise_is_drawn_for_the_resource_that_holds_the_value(tmp_path, id, identity):
    rule = {"path": "nodesByType('Quantity').value", "method": "perturb", "span": 1, "roundTo": 6}
    quantity = {"valueQuantity": {"value": Decimal("70.5")}}
    inner = {"resourceType": "Observation", **({"id": "b"} if id else {}), **quantity}
    tree = {"resourceType": "Observation", **({"id": id} if id else {}), "contained": [inner], **quantity}
    found = written(tmp_path, rule).apply(tree)
    assert found["valueQuantity"]["value"] == noisy(identity, Decimal("70.5"))
    of_inner = noisy("Observation/b" if id else "Observation/", Decimal("70.5"))
    assert found["contained"][0]["valueQuantity"]["value"] == of_inner
