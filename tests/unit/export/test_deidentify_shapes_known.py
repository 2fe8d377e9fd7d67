"""What is known of shapes is used again and bounded: how often a tree is asked, and for whom days are kept."""

import json
from datetime import date

import pytest

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shapes, shipped_policies
from gateway.export.deidentify.methods import hashed

TODAY = date(2026, 6, 1)
SHIPPED = shipped_policies(asset_roots("profiles"))


def deidentifier(policy="research-pseudonymised"):
    return Deidentifier(load_policy(SHIPPED[policy]), StudyKey("s1", b"k" * 32), TODAY)


def written(folder, *rules):
    file = folder / "p.json"
    file.write_text(json.dumps({"fhirPathRules": rules}))
    return Deidentifier(load_policy(file), StudyKey("s1", b"k" * 32), TODAY)


def observation(number=1, patient=1, **more):
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": subject, **more}


def walks(monkeypatch, one):
    """A list that grows with each walk over a tree, be it to learn."""
    found, walked = [], one._shapes._walked

    def counted(*arguments):
        found.append(arguments)
        return walked(*arguments)

    monkeypatch.setattr(one._shapes, "_walked", counted)
    monkeypatch.setattr(one, "_walked", counted)
    return found


def test_256_shapes_are_remembered():
    one = deidentifier()
    for number in range(1, 272):
        one.apply_body(dumps(observation(1, **{f"x{number}": 1})))
        assert len(one._shapes._shapes) == min(number, 256)
    one.apply_body(dumps(observation(1, last=1)))
    assert len(one._shapes._shapes) == 1


def test_where_shapes_hardly_help_a_body_is_seldom_looked_at(monkeypatch):
    monkeypatch.setattr(shapes, "MAX_SHAPES", 4)
    one = deidentifier()
    for number in range(97):
        one.apply_body(dumps(observation(number)))
    assert (one._shapes._bodies, one._shapes._misses) == (96, 3)
    looked = []
    for number in range(4, 60):
        before = set(one._shapes._shapes)
        one.apply_body(dumps(observation(1, **{f"x{number}": 1})))
        if set(one._shapes._shapes) != before:
            looked.append(number)
    assert looked == [4, 5, 16, 32, 48]


def test_what_is_no_text_has_no_shape():
    one = deidentifier()
    body = dumps(observation(text={"div": "xx"}))
    assert one.apply_body(body) == one.apply_body(body) == one.apply_body(body)
    for wrong in (body.replace(b"xx", b"\xff\xfe"), body.replace(b"xx", b"x\xc3")):
        with pytest.raises(ValueError, match=r"(?i)utf|decode|surrogate|codec"):
            one.apply_body(wrong)


@pytest.mark.parametrize("text", ["final", "Zürich", "\u2028"])
def test_a_shape_is_walked_over_twice(monkeypatch, tmp_path, text):
    one = written(
        tmp_path,
        {"path": "Resource.id", "method": "cryptoHash"},
        {"path": "Observation.subject.reference", "method": "cryptoHash"},
        {
            "path": "Observation.code.text",
            "method": "generalize",
            "cases": {"$this = 'a'": "b"},
            "otherValues": "keep",
        },
        {"path": "Observation.status", "method": "substitute", "replaceWith": "unknown"},
    )
    found = walks(monkeypatch, one)
    for number in range(20):
        left = loads(one.apply_body(dumps(observation(number, code={"text": text}))))
        assert (left["code"]["text"], left["status"]) == (text, "unknown")
    assert len(found) == 2
    assert hashed not in one._shapes._known


@pytest.mark.parametrize(
    "body", [b'{"resourceType":"Patient", "gender":"male"}', b'{"resourceType":"Patient","multipleBirthInteger":1E1}']
)
def test_a_body_that_is_not_as_it_is_written_has_no_shape(tmp_path, body):
    one = written(tmp_path, {"path": "Patient", "method": "keep"})
    expected = dumps(loads(body))
    assert [one.apply_body(body) for _ in range(4)] == [expected] * 4


def test_a_shape_is_at_hand_once(tmp_path):
    one = written(tmp_path, {"path": "Observation", "method": "keep"})
    for value in ("a", "b", "c", 5, "d", 6, 7):
        tree = observation(valueString=value)
        assert one.apply_body(dumps(tree)) == dumps(tree)
        assert len(set(one._shapes._recent)) == len(one._shapes._recent) <= 1


def lefts(one):
    [shape] = one._shapes._recent
    return shape.variants[1]


def test_what_is_left_is_known_by_what_conditions_ask_for(monkeypatch, tmp_path):
    one = written(tmp_path, {"path": "Observation.where(status = 'final').subject", "method": "keep"})
    found = walks(monkeypatch, one)
    for number in range(40):
        tree = observation(number, status=("final", "amended")[number % 2])
        assert ("subject" in loads(one.apply_body(dumps(tree)))) is (number % 2 == 0)
    assert len(found) <= 4
    assert {*lefts(one)} == {(b'"Observation"', b'"final"'), (b'"Observation"', b'"amended"')}


def test_what_is_known_by_conditions_is_bounded(monkeypatch, tmp_path):
    one = written(tmp_path, {"path": "Observation.where(status = 'final').subject", "method": "keep"})
    for number in range(3):
        one.apply_body(dumps(observation(number)))
    monkeypatch.setattr(shapes, "MAX_SHAPES", 3)
    monkeypatch.setattr(one._shapes, "_bodies", 10_000)
    sizes = []
    for number in range(6):
        one.apply_body(dumps(observation(number, status=f"s{number}")))
        sizes.append(len(lefts(one)))
    assert sizes == [2, 3, 1, 2, 3, 1]


def test_days_are_kept_for_participants_and_for_no_more_than_some(monkeypatch):
    one = deidentifier()
    sizes = []
    monkeypatch.setattr(shapes, "MAX_REMEMBERED", 3)
    for number in range(12):
        tree = observation(number, patient=number // 2, effectiveDateTime=f"2026-02-{number + 1:02}")
        assert one.apply_body(dumps(tree)) == dumps(one.apply(tree))
        if number:
            [left] = lefts(one).values()
            sizes.append(len(left.persons))
    assert sizes == [1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3]
