"""What a reader could take along and cannot any more: what was deleted or hidden since, and nothing else, is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.access import Delete, Page
from gateway.access.reading.departing import IDS_AT_ONCE, Departing
from gateway.core.errors import Forbidden
from gateway.core.instants import micros
from gateway.core.principal import Principal
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.core.types import Resource
from gateway.search import Parameters, Query, parse
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance

HOUR = timedelta(hours=1)
PEOPLE = ("101-001", "201-001")


def everything(_resource: Resource, _placement: Placement) -> bool:
    return True


class Reader:
    """The clinic, which exported at `since`; each step of a test takes an hour."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.principal: Principal = world.door("data-manager").principal
        self.since = world.now

    def later(self) -> None:
        self.world.now += HOUR

    def write(self, *changes: Any) -> None:
        self.later()
        self.world.door("registrar").commit(list(changes))

    def departing(self, since: datetime | None = None, until: datetime | None = None) -> Departing:
        start, end = since or self.since, until or self.world.now + HOUR
        return self.world.access.departing(self.principal, micros(start), micros(end), "r9")

    def gone(self, *ids: str, kind: str = "Observation", meant: Any = everything, **times: Any) -> list[str]:
        asked = ids or ("o1", "o2", "never")
        return list(self.departing(**times).of(kind, iter(asked), meant))


@pytest.fixture
def reader(world: World) -> Reader:
    """A reader with an Observation of each participant at hand."""
    found = Reader(world)
    found.write(*(observation(world.person(id), f"o{n}") for n, id in enumerate(PEOPLE, 1)))
    found.later()
    found.since = world.now
    return found


def hide(reader: Reader, id: str = "101-001", template: str = "norte-research-only") -> None:
    reader.later()
    reader.world.give(reader.world.consent_of(reader.world.person(id), template))


def test_what_is_still_there_and_what_never_was_is_not_told(reader: Reader) -> None:
    assert reader.gone() == []


def test_what_was_deleted_since_is_told(reader: Reader) -> None:
    reader.write(Delete("Observation", "o1"))
    assert reader.gone() == ["o1"]
    assert reader.gone("o1", since=reader.world.now + HOUR) == []
    assert reader.gone(since=reader.world.now) == []
    assert reader.gone(since=reader.world.now - HOUR / 2) == ["o1"]


def test_what_was_deleted_after_the_end_belongs_to_the_next_time(reader: Reader) -> None:
    reader.write(Delete("Observation", "o1"))
    assert reader.gone(until=reader.world.now) == []
    assert reader.gone(until=reader.world.now + timedelta(microseconds=1)) == ["o1"]


def test_what_a_consent_hid_since_is_told(reader: Reader) -> None:
    hide(reader)
    assert reader.gone() == ["o1"]
    assert reader.gone(since=reader.world.now) == []


def test_what_was_hidden_before_and_after_is_not_told(reader: Reader) -> None:
    hide(reader)
    since = reader.world.now
    reader.write(Delete("Observation", "o1"))
    assert reader.gone(since=since) == []
    assert reader.gone(since=reader.world.now) == []


def test_what_was_opened_for_a_moment_only_is_told(reader: Reader) -> None:
    hide(reader)
    since = reader.world.now
    hide(reader, template="all")
    hide(reader)
    assert reader.gone(since=since) == ["o1"]


def test_what_was_made_and_deleted_since_is_told(reader: Reader) -> None:
    reader.write(observation(reader.world.person("101-001"), "o3"))
    reader.write(Delete("Observation", "o3"))
    assert reader.gone("o3") == ["o3"]
    assert reader.gone("o3", meant=lambda *_: False) == []


def test_only_what_was_asked_for_is_told(reader: Reader) -> None:
    reader.write(Delete("Observation", "o1"), Delete("Observation", "o2"))
    first = reader.world.person("101-001").patient
    assert reader.gone(meant=lambda _, placement: first in placement.subjects) == ["o1"]
    assert reader.gone(meant=lambda resource, _: resource["id"] == "o2") == ["o2"]


def test_an_earlier_version_that_was_meant_is_enough(reader: Reader) -> None:
    since = reader.since
    reader.write(observation(reader.world.person("101-001"), "o1", status="amended"))
    middle = reader.world.now
    reader.write(Delete("Observation", "o1"))

    def final(resource: Resource, _placement: Placement) -> bool:
        return bool(resource["status"] == "final")

    assert reader.gone(meant=final, since=since) == ["o1"]
    assert reader.gone(meant=final, since=middle) == []


def test_after_a_deletion_for_good_nothing_is_told(reader: Reader) -> None:
    consent = reader.world.consent_of(reader.world.person("101-001"))
    reader.later()
    reader.world.give(withdraw(consent, "delete", "2026-05-01T00:00:00Z"))
    assert reader.gone() == []


def test_a_withdrawal_is_told(reader: Reader) -> None:
    consent = reader.world.consent_of(reader.world.person("201-001"))
    reader.later()
    reader.world.give(withdraw(consent, "no-further-use", "2026-05-01T00:00:00Z"))
    assert reader.gone() == ["o2"]


@pytest.mark.parametrize(
    ("scopes", "ids"),
    [
        (("system/Observation.rs",), ["o1", "o2"]),
        (("system/Observation.rs?code=http://loinc.org|8867-4",), ["o1", "o2"]),
        (("system/Observation.rs?code=http://loinc.org|1",), []),
    ],
)
def test_what_the_scopes_left_out_is_not_told(reader: Reader, scopes: tuple[str, ...], ids: list[str]) -> None:
    reader.write(Delete("Observation", "o1"), Delete("Observation", "o2"))
    reader.principal = replace(reader.principal, scopes=scopes)
    assert reader.gone() == ids


@pytest.mark.parametrize("scope", ["system/Patient.rs", "system/Observation.r", "system/Observation.s"])
def test_a_type_beyond_the_scopes_is_refused(reader: Reader, scope: str) -> None:
    reader.principal = replace(reader.principal, scopes=(scope,))
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        reader.gone()


def test_a_site_is_told_of_its_own_participants(reader: Reader) -> None:
    reader.write(Delete("Observation", "o1"), Delete("Observation", "o2"))
    reader.principal = replace(reader.principal, site="201")
    assert reader.gone() == ["o2"]


def test_what_is_about_others_goes_with_them(reader: Reader) -> None:
    reader.later()
    reader.world.door("registrar").commit(
        [observation(reader.world.person("101-001"), "o3")],
        accompany=lambda _: [provenance("Observation/o3", id="p3"), provenance("Provenance/p3", id="p4")],
    )
    since = reader.world.now
    hide(reader)
    assert reader.gone("p3", "p4", kind="Provenance", since=since) == ["p3", "p4"]
    reader.write(Delete("Observation", "o3"))
    assert reader.gone("p3", kind="Provenance", since=since) == ["p3"]
    assert reader.gone("p3", kind="Provenance", since=reader.world.now) == []


def test_what_is_about_others_is_followed_three_times(reader: Reader) -> None:
    chain = [provenance("Observation/o1" if number == 1 else f"Provenance/p{number - 1}", id=f"p{number}")
             for number in (1, 2, 3, 4)]  # fmt: skip
    reader.later()
    reader.world.door("registrar").commit(chain[:3], accompany=lambda _: chain[3:])
    since, all_of_them = reader.world.now, ("p1", "p2", "p3", "p4")
    hide(reader)
    assert reader.gone(*all_of_them, kind="Provenance", since=since) == ["p1", "p2", "p3"]
    reader.write(*(Delete("Provenance", id) for id in all_of_them))
    assert reader.gone(*all_of_them, kind="Provenance", since=since) == ["p1", "p2", "p3"]


def test_what_is_about_nothing_is_not_told(reader: Reader) -> None:
    study = reader.world.study.id
    key = Key(study, "Provenance", "odd")
    for resource in (provenance("Observation/never", id="odd"), None):
        reader.later()
        reader.world.store.commit(Unit(study, (Change(key, resource, Placement(study_level=True)),)))
    assert reader.gone("odd", kind="Provenance") == []


def test_an_event_is_durable_before_the_first_id(reader: Reader) -> None:
    reader.write(Delete("Observation", "o1"))
    before = len(reader.world.events())
    rows = reader.departing().of("Observation", iter(["o1"]), everything)
    assert next(rows) == "o1"
    [event] = reader.world.events()[before:]
    assert (event.action, event.operation, event.targets, event.request) == (
        "E",
        "export-deleted",
        ("Observation",),
        "r9",
    )
    assert str(event.at) == reader.world.now.isoformat().replace("+00:00", "Z")


class Counted:
    """Ids, and how many of them were taken."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.left, self.taken = iter(ids), 0

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> str:
        one = next(self.left)
        self.taken += 1
        return one


@pytest.mark.parametrize("place", [0, IDS_AT_ONCE - 1, IDS_AT_ONCE, 2 * IDS_AT_ONCE])
def test_many_ids_are_asked_in_parts(reader: Reader, place: int) -> None:
    reader.write(Delete("Observation", "o1"))
    ids = [f"x{number}" for number in range(2 * IDS_AT_ONCE + 1)]
    ids[place] = "o1"
    asked = Counted(ids)
    found = reader.departing().of("Observation", asked, everything)
    assert next(found) == "o1"
    assert asked.taken == min(len(ids), (place // IDS_AT_ONCE + 1) * IDS_AT_ONCE)
    assert list(found) == []
    assert IDS_AT_ONCE == 500


def test_candidates_are_all_that_a_search_finds_whoever_may_see_them(reader: Reader, parameters: Parameters) -> None:
    hide(reader)
    first = reader.world.person("101-001").patient
    query = parse("Observation", [("subject", f"Patient/{first}")], parameters)
    assert list(reader.departing().of_patients(query)) == ["o1"]
    assert sorted(reader.departing().of_patients(Query("Observation"))) == ["o1", "o2"]
    assert reader.world.access.door(reader.principal).search(query, Page(5)).rows == ()
