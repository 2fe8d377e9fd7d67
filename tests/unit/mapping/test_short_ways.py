"""What usual data spare: later parts of conditions, lookups by a text, references before a loop, joins of nothing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.fhirpath import compile
from gateway.mapping import Mapping
from gateway.mapping.facts import Place
from gateway.mapping.fast.remembering import derived
from gateway.mapping.plan import Formula
from tests.unit.mapping.files import HEAD, compiled, facts

FILE = (
    HEAD
    + """\
vars: {again: "=parts.where(kind = 'b').select(word & '|' & more).isDistinct().not()"}
emit:
  - id: device
    foreach: =devices
    key: [=%record.id, =$this]
    resource: {resourceType: Device, serialNumber: =$this}
  - id: other
    when: =alone.exists()
    key: [=%record.id]
    resource: {resourceType: Device}
  - id: point
    foreach: "=parts.where(kind = 'a' and part = 'b' or kind = 'c' and (word.exists() or part.empty()) or word = 'd')"
    vars:
      written: =word.where($this != 'b')
      sign: =iif(%written.startsWith('<'), '<')
      number: "=coalesce(%written.substring(%sign.length()), %written).trim().toDecimal()"
      place: "=iif(%again and kind = 'a', '#') & id & iif(part.exists(), '.' & part) & iif(more.exists(), '-' & more)"
    key: [=%subject.id, =%record.id, =%index]
    resource:
      resourceType: Observation
      status: final
      code: {text: =%place}
      device: =coalesce(ref('device').first(), ref('other'))
      valueQuantity: {comparator: =%sign, value: =%number}
      hasMember: =ref('other').combine(ref('device'))
      bodySite: {when: "=kind != 'a' or part = 'b' and more.exists()", text: =%written}
policy: {multiple-values: quarantine}
"""
)
TEXTS = st.sampled_from(["a", "b", "c", "d", "", "<1.50", "1.50", " 2", "1e"])
ODD = st.one_of(st.none(), st.integers(0, 2), st.lists(TEXTS, max_size=2), st.just({"kind": "a"}), st.just([["a"]]))
PARTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "kind", "part", "word", "more"), TEXTS | TEXTS | ODD))
RECORDS = st.fixed_dictionaries(
    {"id": TEXTS | ODD},
    optional={
        "alone": TEXTS | ODD,
        "devices": st.lists(TEXTS, max_size=2),
        "parts": st.lists(PARTS | ODD, max_size=4),
    },
)


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    folder: Path = tmp_path_factory.mktemp("short")
    return compiled(folder, FILE)


@example([{"id": "a" * 600, "parts": [{"id": "b", "kind": "c"}]}])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_the_short_ways_lead_to_the_same(mapping: Mapping, drawn: list[dict[str, Any]]) -> None:
    fast, explained = (mapping.apply({"points": drawn}, facts(), trace=trace) for trace in (False, True))
    assert (fast.units, fast.issues) == (explained.units, explained.issues)
    assert [list(one) for one in fast.resources] == [list(one) for one in explained.resources]


def test_usual_data_take_them(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, FILE)
    parts: list[dict[str, Any]] = [
        {"id": "1", "kind": "a", "part": "b", "word": word, "more": "m"} for word in ("<1.50", "1.50", "<1.50")
    ]
    parts += [{"kind": "c", "word": "7"}, {"id": "2", "kind": "x", "part": ["b", "c"]}]
    found = mapping.apply({"points": [{"id": "r", "devices": ["d"], "parts": parts}]}, facts())
    device, *points = found.resources
    assert [one["code"]["text"] for one in points[:3]] == ["1.b-m"] * 3
    assert [(str(one["valueQuantity"]["value"]), one["valueQuantity"].get("comparator")) for one in points] == [
        ("1.50", "<"), ("1.50", None), ("1.50", "<"), ("7", None),
    ]  # fmt: skip
    assert {one["device"]["reference"] for one in points} == {f"Device/{device['id']}"}
    assert mapping.fast is not None
    assert mapping.fast.record is not None
    assert mapping.fast.record.general.cache_info().currsize == 0  # type: ignore[attr-defined]


def formulas(*texts: str) -> list[tuple[str, Formula]]:
    return [(f"v{number}", Formula(text, "", compile(text, model=None))) for number, text in enumerate(texts)]


def test_what_is_made_of_one_variable_alone_is_found() -> None:
    assert derived(formulas("a.b", "%v0.trim()", "%v0 & %v1", "c")) == (0, 2)
    assert derived(formulas("a", "b", "%v1.trim()", "%v2.lower()")) == (1, 2)
    assert derived(formulas("a", "%v0.trim()", "b")) is None
    assert derived(formulas("a", "%v0.trim() & b", "%v0.lower()")) is None
    assert derived(formulas("a", "%v0.trim() & %other", "%v1.lower()", "%v0")) is None
    assert derived(formulas("a", "'x'", "'y'")) is None


def test_a_place_is_looked_up_once_when_it_is_asked_for() -> None:
    asked: list[int] = []

    def find() -> str:
        asked.append(1)
        return "OBX[2]"

    place = Place(find)
    assert not asked
    assert place == Place(lambda: "OBX[2]")
    assert place != Place(lambda: "OBX[1]")
    assert (str(place), repr(place), hash(place)) == ("OBX[2]", "'OBX[2]'", hash("OBX[2]"))
    assert len(asked) == 1
