"""A field that nobody described is told of once; one that has stopped coming is told of before values are missed."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.app import Gateway
from gateway.core.codec import dumps, loads
from gateway.core.issues import issue
from gateway.formats import Decoded, json_pointer
from gateway.ingest import Reading, drift
from gateway.ingest.drift import MAX_TOLD, Watch
from gateway.ingest.line import _opening
from gateway.mapping import MappedUnit, Mapping
from gateway.mapping.tools.drift import MAX_VALUES, Places, fields_of, shown, undescribed
from tests.unit.ingest.conftest import STUDY, heart_rate
from tests.unit.ingest.test_tally import RECEIPT
from tests.unit.mapping.files import HEAD, POINT, compiled

OLD = issue("ingest.superseded", count=1)

SCHEMA: dict[str, Any] = {
    "properties": {
        "points": {
            "type": "array",
            "items": {
                "properties": {
                    "at": {"type": "string"},
                    "bpm": {"type": "number"},
                    "free": {"type": "object"},
                    "byDay": {"type": "object", "additionalProperties": {"type": "number"}},
                }
            },
        },
        "either": {"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
    }
}


def points(folder: Path) -> Mapping:
    text = (HEAD + POINT).replace("format: json", "format: json, schema: s.json")
    return compiled(folder, text, s__json=dumps(SCHEMA).decode())


def payload(count: int = 1, **more: Any) -> dict[str, Any]:
    return {"points": [{"at": f"2026-01-0{number + 1}", "bpm": 60, **more} for number in range(count)]}


def messages(watch: Watch, mapping: Mapping, tree: Any) -> list[str]:
    return [found.message for found in watch.look("source", mapping, Decoded(tree, json_pointer))]


def test_an_unseen_field_is_told_once_for_a_source(tmp_path: Path) -> None:
    watch, mapping = Watch(), points(tmp_path)
    assert messages(watch, mapping, payload()) == []
    told = ["1 fields are not in the payload's schema: points.mood"]
    assert messages(watch, mapping, payload(mood=3)) == told
    assert messages(watch, mapping, payload(mood=4)) == []
    assert messages(watch, mapping, payload(mood=4, pace={"low": 1})) == [told[0].replace("mood", "pace")]
    (other,) = watch.look("other", mapping, Decoded(payload(mood=4), json_pointer))
    assert (other.rule, other.severity, other.blocks) == ("ingest.unseen-fields", "information", False)


def test_a_field_that_comes_no_more_is_told_when_it_has_always_come(tmp_path: Path) -> None:
    watch, mapping = Watch(steady=3), points(tmp_path)
    renamed = {"points": [{"at": "2026-01-01", "rate": 60}]}
    for _ in range(2):
        assert messages(watch, mapping, payload()) == []
    assert messages(watch, mapping, renamed) == ["1 fields are not in the payload's schema: points.rate"]
    for _ in range(3):
        assert messages(watch, mapping, payload()) == []
    told = ["1 fields that the mapping reads have stopped coming: points.bpm"]
    assert messages(watch, mapping, renamed) == told
    assert messages(watch, mapping, renamed) == []
    for _ in range(3):
        assert messages(watch, mapping, payload()) == []
    assert messages(watch, mapping, {"points": []}) == []
    assert messages(watch, mapping, {"points": [{"at": "2026-01-01", "bpm": None}]}) == told
    assert messages(watch, mapping, {"measurements": []}) == [
        "1 fields are not in the payload's schema: measurements",
        told[0].replace("points.bpm", "points"),
    ]


def test_where_a_schema_describes_no_names_all_are_described() -> None:
    tree = payload(free={"x": 1}, byDay={"2026-01-01": 3}) | {"either": {"a": 1, "b": 2, "c": 3}}
    assert undescribed(SCHEMA, fields_of(tree).present) == {("either", "c")}
    assert undescribed({}, fields_of(tree).present) == frozenset()


def test_names_that_may_be_data_are_not_told() -> None:
    wild = ("f3_1", "Donald Duck", "1924-10-11", "x" * 50, "d@e.org", "id_19241011", "heart-rate2")
    assert shown([("a", name) for name in wild]).split(", ") == ["a.*", "a.f3_1", "a.heart-rate2"]
    assert shown([(f"x{chr(97 + number)}",) for number in range(20)]).endswith("xj, ...")


def test_a_hostile_payload_is_looked_at_in_part_and_remembered_in_part(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(50_000):
        deep = {"a": deep}
    assert len(fields_of(deep).present) <= MAX_VALUES
    assert len(fields_of([[[{"x": 1}] * 100] * 100] * 100).present) == 1
    watch, mapping = Watch(), points(tmp_path)
    for number in range(60):
        messages(watch, mapping, {f"n{number}_{other}": 1 for other in range(50)})
    (memory,) = watch._memories.values()
    assert len(memory.told) <= MAX_TOLD + 50
    assert len(memory.shapes) <= 64


_names = st.sampled_from(["points", "at", "bpm", "either", "a", "x"])
_trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=20,
)


@given(_trees)
def test_any_tree_has_fields(tree: Any) -> None:
    fields = fields_of(tree)
    assert all(path[:-1] in {place.path for place in fields.objects} for path in fields.present)
    assert undescribed(SCHEMA, fields.present) <= fields.present


@settings(max_examples=30)
@given(st.lists(_trees, min_size=1, max_size=6))
def test_fields_are_those_of_the_payload_whatever_came_before(trees: list[Any]) -> None:
    places = Places()
    for tree in (*trees, *trees, [*trees, dict.fromkeys(map(str, range(MAX_VALUES)), trees)]):
        found, expected = places.fields(Decoded(tree, json_pointer), None), fields_of(tree, places.root)
        assert found == expected
        assert places.fields(Decoded(tree, json_pointer), None) is found


@cache
def usual_points() -> Mapping:
    with TemporaryDirectory() as folder:
        return points(Path(folder))


@given(st.lists(st.sampled_from([[{"at": 1, "bpm": 2}], [{"at": 1}], [{"bpm": 3}], [], None]), max_size=30))
def test_payloads_that_are_the_same_are_counted_at_once(values: list[Any]) -> None:
    mapping = usual_points()
    watch, counting = Watch(steady=3), Watch(steady=3)
    for value in values:
        told = messages(watch, mapping, {"points": value})
        for memory in counting._memories.values():
            memory.count()
            memory.last = None
        assert messages(counting, mapping, {"points": value}) == told


def test_the_receipt_tells(gateway: Gateway, minute: str) -> None:
    tree = loads(heart_rate(minute))
    tree["dataPoints"][0]["heartRate"]["confidence"] = "high"
    principal = gateway.studies[STUDY].principal_of("google-health")
    arrived = gateway.ingest.payload(
        STUDY, "google-health", dumps(tree), "application/json", {"vendorUserId": "gh-101-001"}
    )
    receipt = gateway.ingest.process(gateway.ingest.receive(arrived, principal))
    assert "ingest.unseen-fields" in {found.rule for found in receipt.issues}
    assert receipt.status == "stored", receipt.issues


def test_a_payload_that_nothing_is_made_of_is_told() -> None:
    told = [
        _opening(RECEIPT, Reading("m|1", (MappedUnit(None, "/", 2, issues=found),))).issues for found in ((), (OLD,))
    ]
    assert [[found.rule for found in issues] for issues in told] == [["ingest.nothing-made"], []]


def test_places_are_forgotten_where_there_are_too_many_and_what_was_learnt_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "MAX_PLACES", 30)
    watch, mapping = Watch(steady=20), points(tmp_path)
    for number in range(40):
        assert messages(watch, mapping, payload(free={f"n{number}": 1})) == []
    memory = watch._memories["source", mapping.canonical]
    assert len(memory.known.root.down(("points", "free")).below) < 12
    told = ["1 fields that the mapping reads have stopped coming: points.bpm"]
    assert messages(watch, mapping, {"points": [{"at": "2026-01-01", "free": {}}]}) == told
