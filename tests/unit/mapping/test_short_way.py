"""Which payloads are mapped in short, and that all ways of a payload lead to the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.formats import Decoded, json_pointer
from gateway.mapping import Facts, Mapped, Mapping, Subject
from gateway.mapping.given import base_facts
from gateway.mapping.scope import Work
from gateway.mapping.short_way import FEW
from tests.unit.mapping.files import HEAD, compiled, facts

PEOPLE = {
    "a": Subject("a", "Europe/Madrid", {"id": "1", "zone": "Europe/Madrid"}, "1970-01-01", "s-a"),
    "b": Subject("b", "UTC", {"id": "2", "zone": "UTC"}),
    "d": Subject("d", "UTC", {"id": "3"}),
}
FILE = (
    HEAD.replace("subject: {", "subject: {per: record, ")
    .replace("=%envelope.user}}", "=who}, verify: {birthDate: =born}}")
    .replace("records: =points}", "records: =points, tz: {default: =%site.zone}}")
    + """\
context: {site: {zone: string}}
emit:
  - id: device
    mode: per-payload
    foreach: =points.device.distinct()
    key: [=$this]
    resource: {resourceType: Device, serialNumber: =$this}
  - id: kind
    when: =kind.exists()
    key: [=kind]
    resource: {resourceType: Device, deviceName: [{name: =kind, type: model-name}]}
  - id: point
    key: [=%subject.id, =id]
    version_order: =at
    resource:
      resourceType: Observation
      status: final
      code: {text: "=coalesce(text, 'x')"}
      device: =coalesce(ref('device', device), ref('kind', kind))
      hasMember: =ref('point', next)
      effectiveDateTime: =local.hl7Time()
      valueQuantity: {value: =value}
policy: {multiple-values: quarantine, wrong-value: warn, duplicate-key: quarantine, ref-dangling: warn}
"""
)
USUAL = {"who": "a", "id": "1", "at": "2026-01-01T00:00:00Z", "device": "d", "value": 1}


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    folder: Path = tmp_path_factory.mktemp("short")
    return compiled(folder, FILE)


def known() -> Facts:
    return replace(facts(), resolve=lambda _system, value: PEOPLE.get(value))


def agreed(mapping: Mapping, points: list[Any]) -> Mapped:
    """What the short way, the other one and the explaining walk all make of the records."""
    tree = {"points": points}
    short = mapping.apply(tree, known())
    for found in (replace(mapping, short=None).apply(tree, known()), mapping.apply(tree, known(), trace=True)):
        assert (short.units, short.issues) == (found.units, found.issues)
        assert repr([dict(unit.orders) for unit in short.units]) == repr([dict(unit.orders) for unit in found.units])
        assert repr(short.resources) == repr(found.resources)
    return short


def is_short(mapping: Mapping, points: list[Any]) -> bool:
    assert mapping.short is not None
    payload, given = Decoded({"points": points}, json_pointer), known()
    base = base_facts(payload.outline, given, mapping.fast)
    return mapping.short.unit(payload, points, base, given, Work()) is not None


@pytest.mark.parametrize(
    ("points", "resources"),
    [
        ([{}], 2),
        ([{"born": "1970-01-01", "local": "20260101080000"}], 2),
        ([{"who": "b"}, {"who": "b", "id": "2"}], 3),
        ([{"kind": "k"}, {"kind": "k", "id": "2", "next": "1"}], 4),
        ([{}, {}], 2),
    ],
    ids=["one", "described", "several", "made-twice-alike", "twice-the-same"],
)
def test_few_usual_records_of_one_participant_are_mapped_in_short(
    mapping: Mapping, points: list[dict[str, Any]], resources: int
) -> None:
    given = [{**USUAL, **point} for point in points]
    assert is_short(mapping, given)
    assert len(agreed(mapping, given).resources) == resources


@pytest.mark.parametrize(
    ("points", "rules"),
    [
        ([{"who": "c"}], {"mapping.subject-unknown"}),
        ([{"who": "d"}], {"mapping.context-missing"}),
        ([{"who": ""}], {"mapping.subject-empty"}),
        ([{"who": ["a", "b"]}], {"mapping.multiple-values"}),
        ([{"born": "1970-01-02"}], {"mapping.subject-mismatch"}),
        ([{"who": "b", "born": "1970-01-02"}], {"mapping.subject-unverified"}),
        ([{}, {"born": "1980"}], {"mapping.subject-mismatch"}),
        ([{"born": "1970"}], set()),
        ([{}, {"who": "b", "id": "2"}], set()),
        ([{"value": "one"}], {"mapping.wrong-value"}),
        ([{"id": ["1", "2"]}], {"mapping.multiple-values"}),
        ([{}, {"value": 2}], {"mapping.duplicate-key"}),
        ([{}, {"value": 2, "at": "2026-01-02T00:00:00Z"}], set()),
        ([{"next": "9"}], {"mapping.ref-dangling"}),
        ([{"at": "noon"}], {"mapping.wrong-value"}),
    ],
    ids=str,
)
def test_what_is_not_usual_goes_the_other_way(
    mapping: Mapping, points: list[dict[str, Any]], rules: set[str]
) -> None:
    given = [{**USUAL, **point} for point in points]
    assert not is_short(mapping, given)
    assert {issue.rule for unit in agreed(mapping, given).units for issue in unit.issues} == rules


def test_more_records_have_no_short_way(mapping: Mapping) -> None:
    many = [{**USUAL, "id": str(number)} for number in range(FEW + 1)]
    assert len(agreed(mapping, many).resources) == FEW + 2


TEXTS = st.sampled_from(["a", "a", "a", "b", "", "1", "2", "1970-01-01", "2026-01-01T00:00:00Z", "20260101080000"])
ODD = st.none() | st.integers(0, 2) | st.lists(TEXTS, max_size=2) | st.just({"a": "b"}) | st.just([["a"]])
POINTS = st.builds(
    lambda changed: {**USUAL, **changed},
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("who", "born", "id", "at", "device", "kind", "text", "next", "local", "value"), TEXTS | ODD
        ),
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(POINTS, min_size=1, max_size=3))
def test_all_ways_lead_to_the_same(mapping: Mapping, points: list[dict[str, Any]]) -> None:
    agreed(mapping, points)
