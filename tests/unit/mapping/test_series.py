"""Grouped emits and native series: runs, gaps, irregular points, limits; the fast functions agree with the walk."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.mapping import Mapped, Mapping
from tests.unit.mapping.files import HEAD, compiled, facts

SERIES = (
    HEAD
    + """\
vars: {at: =at, local: "=%at.atOffset('+02:00')"}
emit:
  - id: series
    mode: grouped
    when: =bpm.exists() or m.exists()
    group: {by: ["=coalesce(dev, '')"]}
    key: [=%subject.id, =first.at, "=coalesce(first.record.dev, '')"]
    resource:
      resourceType: Observation
      status: final
      code: {text: heart rate}
      effectivePeriod: {start: =first.local, end: =last.local}
      valueSampledData:
        series:
          time: =at
          value: =bpm
          period: {value: 1, unit: min}
          origin: {value: 0, unit: beats/min, system: "http://unitsofmeasure.org", code: /min}
#MORE
      method: {text: "=count.toString() & ' points'"}
policy: {wrong-value: drop-resource}
"""
)


def at(second: int) -> str:
    return f"2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


def points(*given: tuple[int, Any], **more: Any) -> dict[str, Any]:
    return {"points": [{"at": at(second), "bpm": value, "m": 1, **more} for second, value in given]}


def file(folder: Path, more: str = "", text: str = SERIES) -> Mapping:
    return compiled(folder, text.replace("#MORE\n", "".join(f"          {line}\n" for line in more.splitlines())))


def made(mapping: Mapping, tree: Any) -> Mapped:
    """What both ways make of it, which must be the same."""
    assert mapping.fast is not None
    fast, slow = mapping.apply(tree, facts()), mapping.apply(tree, facts(), trace=True)
    assert (fast.units, fast.issues) == (slow.units, slow.issues)
    return fast


def datas(mapped: Mapped) -> list[str]:
    return [one["valueSampledData"]["data"] if "valueSampledData" in one else "" for one in mapped.resources]


def test_a_run_is_one_resource(tmp_path: Path) -> None:
    found = made(file(tmp_path), points((0, 60), (60, Decimal("61.50")), (120, 62)))
    assert not found.units[0].issues
    (resource,) = found.resources
    assert resource["effectivePeriod"] == {"start": "2026-01-01T02:00:00+02:00", "end": "2026-01-01T02:02:00+02:00"}
    assert resource["method"] == {"text": "3 points"}
    assert list(resource)[-2:] == ["valueSampledData", "method"]
    assert resource["valueSampledData"] == {
        "origin": {"value": 0, "unit": "beats/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        "period": 60_000,
        "dimensions": 1,
        "data": "60 61.50 62",
    }


def test_a_gap_and_a_missing_value_split(tmp_path: Path) -> None:
    assert datas(made(file(tmp_path), points((0, 60), (60, 61), (180, 62)))) == ["60 61", "62"]
    assert datas(made(file(tmp_path), points((0, 60), (60, None), (120, 62)))) == ["60", "62"]


def test_a_missing_value_is_an_error_mark_where_asked(tmp_path: Path) -> None:
    assert datas(made(file(tmp_path, "missing: E"), points((0, 60), (60, None), (120, 62)))) == ["60 E 62"]


def test_points_come_in_any_order_and_twice(tmp_path: Path) -> None:
    assert datas(made(file(tmp_path), points((120, 3), (0, 1), (60, 2), (60, 2)))) == ["1 2 3"]


def test_two_values_at_one_instant_are_not_lost(tmp_path: Path) -> None:
    found = made(file(tmp_path), points((0, 1), (60, 2), (60, 9), (120, 3)))
    assert sorted(" ".join(datas(found)).split()) == ["1", "2", "3", "9"]


def test_groups_are_apart(tmp_path: Path) -> None:
    one, other = points((0, 1), (60, 2), dev="a"), points((0, 8), (60, 9), dev="b")
    mixed = [point for pair in zip(one["points"], other["points"], strict=True) for point in pair]
    assert datas(made(file(tmp_path), {"points": mixed})) == ["1 2", "8 9"]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("irregular: split", ["1 2", "3 4"]),
        ("irregular: nearest", ["1 2 3 4"]),
        ("irregular: nearest\ntolerance: {value: 10, unit: s}", ["1 2 3 4"]),
        ("irregular: nearest\ntolerance: {value: 2, unit: s}", ["1 2", "3 4"]),
    ],
)
def test_irregular_points(tmp_path: Path, more: str, wanted: list[str]) -> None:
    assert datas(made(file(tmp_path, more), points((0, 1), (60, 2), (125, 3), (185, 4)))) == wanted


def test_a_lonely_point_is_a_quantity_where_asked(tmp_path: Path) -> None:
    found = made(file(tmp_path, "irregular: individual"), points((0, 1), (60, 2), (125, 3)))
    assert datas(found) == ["1 2", ""]
    quantity = {"value": Decimal(3), "unit": "beats/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    assert found.resources[1]["valueQuantity"] == quantity


def test_irregular_points_are_refused_where_asked(tmp_path: Path) -> None:
    found = made(file(tmp_path, "irregular: error"), points((0, 1), (60, 2), (125, 3)))
    assert [one.rule for one in found.units[0].issues] == ["mapping.series-irregular"]
    assert found.units[0].blocked
    assert not made(file(tmp_path, "irregular: error"), points((0, 1), (180, 2))).units[0].issues


def test_values_beyond_the_limits_are_marked(tmp_path: Path) -> None:
    found = made(file(tmp_path, "lower: 30\nupper: 220.5"), points((0, 29), (60, 30), (120, 221)))
    sampled = found.resources[0]["valueSampledData"]
    assert (sampled["data"], sampled["lowerLimit"], sampled["upperLimit"]) == ("L 30 U", 30, Decimal("220.5"))


def test_a_wrong_value_is_told_with_its_place(tmp_path: Path) -> None:
    found = made(file(tmp_path), points((0, 1), (60, "x"), (120, 3)))
    assert datas(found) == ["1", "3"]
    (told,) = found.units[0].issues
    assert (told.rule, told.source) == ("mapping.wrong-value", "/points/1/bpm")


def test_a_trace_leads_from_the_series_to_its_payload(tmp_path: Path) -> None:
    found = file(tmp_path).apply(points((0, 60), (60, 61)), facts(), trace=True)
    steps = {step.path.partition(".")[2]: step for step in found.trace}
    assert steps["effectivePeriod.end"].sources == ("/points/1/at",)
    assert steps["valueSampledData"].expression == "bpm"


GROUPED = (
    HEAD.replace("records: =points", "match: =true")
    + """\
emit:
  - id: day
    mode: grouped
    foreach: =points
    vars: {day: =at.dateOnly()}
    group: {by: [=%day], order: =at}
    key: [=%subject.id, =first.day]
    resource:
      resourceType: Observation
      status: final
      code: {text: total}
      effectiveDateTime: =first.day
      valueQuantity: {value: =records.bpm.sum(), unit: "{beats}"}
      note: {foreach: =records, text: =at}
"""
)


def test_groups_without_a_series_are_whole(tmp_path: Path) -> None:
    tree = points((60, 2), (0, 1), (86_400 + 5, 3))
    tree["points"][2]["at"] = "2026-01-02T00:00:05Z"
    found = made(compiled(tmp_path, GROUPED), tree)
    assert [one["valueQuantity"]["value"] for one in found.resources] == [3, 3]
    assert [one["text"] for one in found.resources[0]["note"]] == [at(0), at(60)]


values = st.one_of(st.none(), st.integers(-5, 400), st.sampled_from(["70", "", True, Decimal("1.50"), {}, [1, 2]]))
times = st.one_of(
    st.integers(0, 9).map(lambda minute: at(60 * minute)),
    st.sampled_from([at(5), "2026-01-01T00:01:00.500Z", "2026-01-01", "x", None, 5, "2026-01-01T00:02:00+00:00"]),
)
drawn = st.lists(
    st.fixed_dictionaries({"at": times}, optional={"bpm": values, "m": values, "dev": st.sampled_from("ab")}),
    max_size=8,
)


@pytest.fixture(scope="module", params=["", "irregular: nearest\nmissing: E", "irregular: error\nlower: 3"])
def mapping(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    return file(tmp_path_factory.mktemp("series"), request.param)


def test_two_runs_with_one_key_are_told_at_the_same_place(tmp_path: Path) -> None:
    mapping = file(tmp_path, "irregular: nearest\nmissing: E")
    times = ["2026-01-01T00:01:00.500Z"] * 2 + ["2026-01-01T00:02:00+00:00"]
    given = [{"at": at, "bpm": bpm} for at, bpm in zip(times, (0, 1, 0), strict=True)]
    (found,) = made(mapping, {"points": given}).units[0].issues
    assert (found.rule, found.source) == ("mapping.duplicate-key", "/points/1")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn)
def test_fast_and_explained_agree_and_no_value_is_lost(mapping: Mapping, given: list[dict[str, Any]]) -> None:
    found = made(mapping, {"points": given})
    texts = " ".join(datas(found)).replace("E", "").split()
    usable = {
        (str(point["at"]), point.get("dev"), str(point["bpm"]))
        for point in given
        if isinstance(point.get("bpm"), int | Decimal) and not isinstance(point["bpm"], bool)
    }
    assert len(texts) <= len(usable) or any(point["at"] in (5, "2026-01-01T00:02:00+00:00") for point in given)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 86_399),
    length=st.integers(60, 200),
    where=st.floats(0, 1, exclude_max=True),
    act=st.sampled_from(["none", "drop", "double", "swap", "late", "at", "bpm", "dev", "m", "gone"]),
    other=st.sampled_from(
        [None, "", "72", 72, Decimal("7.50"), True, [], [1, 2], {}, "2026-01-01T00:00:00+00:00", 5]
    ),
)
def test_a_long_run_with_one_point_disturbed(
    mapping: Mapping, start: int, length: int, where: float, act: str, other: Any
) -> None:
    texts = [
        f"2026-01-0{second // 86400 + 1}{at(second % 86400)[10:]}" for second in range(start, 200 * 60 + start, 60)
    ]
    given: list[dict[str, Any]] = [
        {"at": text, "bpm": number % 7 + 3, "m": 1, "dev": "a"} for number, text in enumerate(texts[:length])
    ]
    place = int(where * length)
    if act == "drop":
        del given[place]
    elif act == "double":
        given.insert(place, dict(given[place]))
    elif act == "swap":
        given[place], given[-1] = given[-1], given[place]
    elif act == "late":
        given[place]["at"] = given[place]["at"][:-1] + ".5Z"
    elif act == "gone":
        del given[place]["bpm"]
    elif act != "none":
        given[place][act] = other
    made(mapping, {"points": given})


HELD = (
    HEAD
    + """\
emit:
  - id: series
    mode: grouped
    when: =rate.exists()
    group: {by: ["=coalesce(from.device.name, '')", "=coalesce(site, '')"]}
    key:
      - =%subject.id
      - =first.record.rate.time.at
      - "=coalesce(first.record.from.device.name, '')"
      - "=coalesce(first.record.site, '')"
    resource:
      resourceType: Observation
      status: final
      code: {text: heart rate}
      device: =ref('device', first.record.from.device.name)
      valueSampledData:
        series:
          time: =rate.time.at
          value: =rate.bpm.toDecimal()
          period: {value: 1, unit: min}
          upper: 200
          origin: {value: 0, unit: beats/min, system: "http://unitsofmeasure.org", code: /min}
  - id: device
    mode: per-payload
    foreach: =points.from.device.where(name.exists()).distinct()
    vars: {makers: "=%payload.points.from.device.where(name = %item.name).maker.distinct()"}
    key: [=%subject.id, =name]
    resource: {resourceType: Device, serialNumber: =name, manufacturer: "=iif(%makers.count() = 1, %makers)"}
  - id: resting
    when: =resting.exists()
    key: [=%subject.id, =%index]
    resource: {resourceType: Observation, status: final, code: {text: =resting}}
policy: {wrong-value: drop-resource, duplicate-key: drop-resource}
"""
)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    return compiled(tmp_path_factory.mktemp("held"), HELD)


def sample(number: int) -> dict[str, Any]:
    device = {"name": "watch", "maker": "m"}
    return {"rate": {"time": {"at": at(60 * number)}, "bpm": "60"}, "from": {"device": device}, "site": "wrist"}


def test_a_payload_as_devices_send_it_is_one_run(held: Mapping) -> None:
    tree = {"points": [sample(number) for number in range(100)]}
    tree["points"][7]["rate"]["bpm"] = "201"
    assert datas(made(held, tree)) == [" ".join(["60"] * 7 + ["U"] + ["60"] * 92), ""]


PLACES = ["resting", "site", "from", "from.device", "from.device.name", "from.device.maker"]
PLACES += ["", "rate", "rate.time", "rate.time.at", "rate.bpm"]


@example(length=1, changes=[(0, "", ["b"]), (0, "from.device", None)])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    length=st.integers(1, 7),
    changes=st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(PLACES),
            st.sampled_from(
                [None, "", "61", "060", "201", "1000", "4.060", 61, [], {}, at(60), at(30), "a", ["b"], ...]
            ),
        ),
        max_size=3,
    ),
)
def test_what_disturbs_the_pass_over_all_members(
    held: Mapping, length: int, changes: list[tuple[int, str, Any]]
) -> None:
    tree: dict[str, Any] = {"points": [sample(number) for number in range(length)]}
    for number, path, value in changes:
        steps: list[Any] = ["points", number % length, *filter(None, path.split("."))]
        last = steps.pop()
        node: Any = tree
        for step in steps:
            is_place = isinstance(node, list) and not isinstance(step, str)
            node = node.get(step) if isinstance(node, dict) else node[step] if is_place else None
        if isinstance(node, dict) and value is ...:
            node.pop(last, None)
        elif isinstance(node, dict) or (isinstance(node, list) and not isinstance(last, str) and value is not ...):
            node[last] = value
    made(held, tree)
