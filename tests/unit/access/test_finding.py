"""What a transaction finds before it writes: no more than its writer may know."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.access import Access, CataloguedStore, Delete, Finder, ScopeLimits
from gateway.core import dumps, loads
from gateway.core.errors import Forbidden
from gateway.core.resources import Visibility
from gateway.definitions import Catalogue, Definitions
from gateway.definitions.archive import Folder
from gateway.search import Query
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

EVERY = ("system/*.cruds",)
READER, SOURCE, REGISTRAR = (
    Role("reader", EVERY),
    Role("source2", EVERY, collects=True),
    Role("r2", EVERY, enrols=True),
)


@pytest.fixture
def world(world: World) -> World:
    """Two Observations and a deleted one of the first participant, one of the second, whom the clinic may not see."""
    first, second = world.person("101-001"), world.person("201-001")
    door = world.door("registrar")
    door.commit([*(observation(first, id) for id in ("o1", "o2", "gone")), observation(second, "h")])
    door.commit([observation(first, "o1", status="amended"), Delete("Observation", "gone")])
    world.give(world.consent_of(second, "norte-research-only"))
    return world


def found(world: World, ask: Callable[[Finder], Any], role: Role = READER, **changes: Any) -> Any:
    access, principal = world.acting(role, **changes)
    answers = []

    def plan(finder: Finder) -> list[Any]:
        answers.append(ask(finder))
        return []

    access.door(principal).transact(plan, "update")
    return answers[-1]


def ids(rows: Any) -> set[str]:
    return {row.key.id for row in rows}


def ask_current(id: str) -> Callable[[Finder], Any]:
    return lambda find: find.current("Observation", id)


def ask_version(id: str) -> Callable[[Finder], Any]:
    return lambda find: find.version("Observation", id)


def ask_deleted(id: str) -> Callable[[Finder], Any]:
    return lambda find: find.is_deleted("Observation", id)


def test_a_search_finds_what_is_visible(world: World) -> None:
    assert ids(found(world, lambda find: find.search(Query("Observation"), 5))) == {"o1", "o2"}
    assert len(found(world, lambda find: find.search(Query("Observation"), 1))) == 1
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        found(world, lambda find: find.search(Query("Observation"), 5), scopes=("system/Observation.cru",))
    narrow = ("system/Observation.cruds?_id=o2",)
    assert ids(found(world, lambda find: find.search(Query("Observation"), 5), scopes=narrow)) == {"o2"}


def test_the_current_version_is_what_may_be_read(world: World) -> None:
    assert found(world, lambda find: find.current("Observation", "o1")).version == 2
    for id in ("h", "gone", "unheard-of"):
        assert found(world, ask_current(id)) is None
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        found(world, lambda find: find.current("Observation", "o1"), scopes=("system/Observation.cuds",))
    narrow = ("system/Observation.cruds?_id=o2",)
    assert found(world, lambda find: find.current("Observation", "o1"), scopes=narrow) is None


@pytest.mark.parametrize(
    ("role", "hidden"), [(READER, 0), (SOURCE, 1), (REGISTRAR, 1)], ids=["reader", "source", "r"]
)
def test_versions_are_told_to_who_may_know_of_them(world: World, role: Role, hidden: int) -> None:
    for id, version in (("o1", 2), ("o2", 1), ("h", hidden), ("gone", 0), ("unheard-of", 0)):
        assert found(world, ask_version(id), role) == version


@pytest.mark.parametrize("role", [READER, SOURCE, REGISTRAR], ids=["reader", "source", "registrar"])
def test_deletions_are_told_to_who_may_know_of_them(world: World, role: Role) -> None:
    for id, is_deleted in (("gone", True), ("o1", False), ("h", False), ("unheard-of", False)):
        assert found(world, ask_deleted(id), role) is is_deleted
    world.door("registrar").commit([Delete("Observation", "h")])
    assert found(world, lambda find: find.is_deleted("Observation", "h"), role) is (role is not READER)


def test_participants_find_their_own_consents(world: World) -> None:
    own = world.consent_of(world.person("201-001"))["id"]
    other = world.consent_of(world.person("101-001"))["id"]
    patient = world.person("201-001").patient
    app: dict[str, Any] = {"patient": patient, "user": f"Patient/{patient}", "scopes": ("patient/*.ru",)}
    assert found(world, lambda find: find.current("Consent", own), **app).version == 2
    assert found(world, lambda find: find.version("Consent", own), **app) == 2
    assert found(world, lambda find: find.current("Consent", other), **app) is None
    assert found(world, lambda find: find.version("Consent", other), **app) == 0
    nurse = app | {"user": "Practitioner/1"}
    assert found(world, lambda find: find.current("Consent", own), **nurse) is None
    assert found(world, lambda find: find.version("Consent", own), **nurse) == 0
    read_only = app | {"scopes": ("patient/*.r",)}
    assert found(world, lambda find: find.version("Consent", own), **read_only) == 0


def test_definitions_are_found_where_they_are(world: World) -> None:
    row = {"resourceType": "ValueSet", "id": "v", "url": "urn:v", "status": "active"}
    world.door("registrar").commit([row])
    assert found(world, lambda find: find.current("ValueSet", "v")).version == 1
    assert found(world, lambda find: find.version("ValueSet", "v")) == 1
    world.door("registrar").commit([Delete("ValueSet", "v")])
    assert found(world, lambda find: find.current("ValueSet", "v")) is None
    assert found(world, lambda find: find.version("ValueSet", "v")) == 0
    assert found(world, lambda find: find.current("ValueSet", "w")) is None


def test_definitions_of_the_folders_are_found_beside_what_is_stored(world: World, tmp_path: Path) -> None:
    shelved = {"resourceType": "ValueSet", "id": "shelved", "url": "urn:vs:shelved", "status": "active"}
    (tmp_path / "shelved.json").write_bytes(dumps(shelved))
    since = datetime(2026, 1, 1, tzinfo=UTC)
    catalogue = Catalogue(Definitions(Folder(tmp_path)), {world.study.id: ()}, since)
    limits = ScopeLimits(world.parameters)
    store = CataloguedStore(world.store, catalogue, world.parameters, limits)
    study = replace(world.study, roles={**world.study.roles, "reader": READER})
    access = Access(store, world.trail, {study.id: study}, lambda: world.now, limits)
    _, principal = world.acting(READER)
    answers: list[Any] = []

    def plan(find: Finder) -> list[Any]:
        kinds = ("ValueSet", "CodeSystem", "Observation")
        answers.append([(find.current(kind, "shelved"), find.version(kind, "shelved")) for kind in kinds])
        return []

    access.door(principal).transact(plan, "update")
    [(found, version), *nothing] = answers[-1]
    assert (found.key.id, found.version, loads(found.body)["url"]) == ("shelved", version, "urn:vs:shelved")
    assert nothing == [(None, 0), (None, 0)]


def test_each_look_is_by_the_letters_of_what_it_is_for(world: World) -> None:
    """A read by "r", a search by "s"; whether a version is there by no letter, which is how a writer's eyes are."""
    access, principal = world.acting(READER)
    asked: list[str] = []

    def seen(letters: str) -> Visibility:
        asked.append(letters)
        return access.door(principal)._visibility("access", letters)

    finder = Finder(principal, lambda _query, _eyes, _limit: [], seen, False, world.store.read)
    finder.current("Observation", "o1")
    finder.search(Query("Observation"), 1)
    finder.version("Observation", "o1")
    finder.is_deleted("Observation", "o1")
    assert asked == ["r", "s", "", ""]
