"""Definitions of the folders beside what is stored: found, paged, replaced by what is stored, and never written."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.access import CataloguedStore, ScopeLimits
from gateway.core import dumps, loads
from gateway.core.errors import MethodNotAllowed
from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Limit, Placement, Unit, Visibility
from gateway.core.types import Resource
from gateway.definitions import Catalogue, Definitions
from gateway.definitions.archive import Folder
from gateway.search import Parameters, Query, parse
from gateway.store.port import Found, Page
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OF_ALL = Placement(study_level=True)
NAMES = ("b", "a", "d", "c", "e")


def value_set(id: str, **more: Any) -> Resource:
    url = "http://vs.test/e" if id == "e" else f"urn:vs:{id}"
    codes = {"compose": {"include": [{"system": f"urn:codes:{id}"}]}}
    return {"resourceType": "ValueSet", "id": id, "url": url, **codes, "status": "active", "name": id, **more}


class Shelf:
    """A store with five ValueSets in a folder beside it, and two of its own, one of them in the place of `d`."""

    def __init__(self, world: World, folder: Path, parameters: Parameters) -> None:
        for id in NAMES:
            (folder / f"{id}.json").write_bytes(dumps(value_set(id, title="of the folder")))
        self.study, self.plain = world.study.id, world.store
        catalogue = Catalogue(Definitions(Folder(folder)), {self.study: ()}, SINCE)
        self.catalogue, self.parameters = catalogue, parameters
        self.store = CataloguedStore(world.store, catalogue, parameters, ScopeLimits(parameters))
        self.eyes = Visibility(self.study, "registry", "access", "HRESCH", micros(world.now))
        self.put(world.store, value_set("d", title="stored"), value_set("f", title="stored"))

    def key(self, id: str, kind: str = "ValueSet") -> Key:
        return Key(self.study, kind, id)

    def put(self, store: Any, *resources: Resource, placement: Placement = OF_ALL) -> None:
        store.commit(self.unit(*resources, placement=placement))

    def unit(self, *resources: Resource, placement: Placement = OF_ALL) -> Unit:
        changes = [Change(self.key(one["id"], one["resourceType"]), one, placement) for one in resources]
        return Unit(self.study, tuple(changes))

    def query(self, text: str = "", kind: str = "ValueSet") -> Query:
        pairs = [(name, value) for name, _, value in (one.partition("=") for one in text.split("&")) if name]
        return parse(kind, pairs, self.parameters)

    def search(self, text: str = "", page: Page = Page(100), eyes: Visibility | None = None) -> Found:
        return self.store.search(self.query(text), self.study, eyes or self.eyes, page)


@pytest.fixture
def shelf(world: World, tmp_path: Path, parameters: Parameters) -> Shelf:
    return Shelf(world, tmp_path, parameters)


def ids(found: Found | Iterable[Any]) -> list[str]:
    return [row.key.id for row in (found.rows if isinstance(found, Found) else found)]


def test_a_definition_is_read_as_what_is_stored_is(shelf: Shelf) -> None:
    one = shelf.store.read(shelf.key("a"), shelf.eyes)
    assert one
    assert (one.key, one.updated, one.deleted) == (shelf.key("a"), SINCE, False)
    body = loads(one.body)
    assert (body["title"], body["meta"]["versionId"]) == ("of the folder", str(one.version))
    assert shelf.store.read(shelf.key("a"), shelf.eyes, one.version) == one
    assert shelf.store.read(shelf.key("a"), shelf.eyes, one.version + 1) is None
    assert shelf.store.read(shelf.key("a"), None) == one
    assert shelf.store.read(shelf.key("z"), shelf.eyes) is None
    assert shelf.store.read(shelf.key("a", "CodeSystem"), shelf.eyes) is None
    assert shelf.store.read(shelf.key("a", "Observation"), shelf.eyes) is None


def test_what_is_stored_at_its_place_wins_until_it_is_deleted(shelf: Shelf) -> None:
    stored = shelf.store.read(shelf.key("d"), shelf.eyes)
    assert stored
    assert (loads(stored.body)["title"], stored.version) == ("stored", 1)
    shelf.plain.commit(Unit(shelf.study, (Change(shelf.key("d"), None),)))
    again = shelf.store.read(shelf.key("d"), shelf.eyes)
    assert again
    assert loads(again.body)["title"] == "of the folder"
    assert ids(shelf.search("_id=d")) == ["d"]


@pytest.mark.parametrize("limits", [(), (Limit("CodeSystem"),)], ids=["nothing", "another type"])
def test_scopes_are_asked_of_definitions_too(shelf: Shelf, limits: tuple[Limit, ...]) -> None:
    blind = structs.replace(shelf.eyes, limits=limits)
    assert shelf.store.read(shelf.key("a"), blind) is None
    assert ids(shelf.search(eyes=blind)) == []
    seeing = structs.replace(shelf.eyes, limits=(Limit("ValueSet"),))
    assert shelf.store.read(shelf.key("a"), seeing) is not None
    of_a_site = structs.replace(shelf.eyes, limits=(Limit("ValueSet", among=frozenset()),))
    assert shelf.store.read(shelf.key("a"), of_a_site) is not None
    narrow = structs.replace(shelf.eyes, limits=(Limit("ValueSet", "", shelf.query("name=b").clauses),))
    assert ids(shelf.search(eyes=narrow)) == ["b"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("sort", ["", "&_sort=-name"])
def test_pages_show_definitions_first_and_each_once(shelf: Shelf, count: int, sort: str) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = shelf.search(f"status=active&_total=accurate{sort}", Page(count, after))
        assert page.total == 6
        assert len(page.rows) == count or page.next is None
        seen += ids(page)
        after = page.next
        if after is None:
            break
    here = ["a", "b", "c", "e"]
    assert seen[:4] == (here[::-1] if sort else here)
    assert sorted(seen[4:]) == ["d", "f"]


def test_a_page_of_nothing_tells_the_total_alone(shelf: Shelf) -> None:
    page = shelf.search("_total=accurate", Page(0))
    assert (page.rows, page.total, page.next) == ((), 6, None)
    assert shelf.search("", Page(3)).total is None
    assert shelf.search("", Page(100)).total is None


def test_the_last_definition_ends_the_search_when_nothing_is_stored_beyond(shelf: Shelf) -> None:
    page = shelf.search("title=of the folder&_total=accurate", Page(4))
    assert (ids(page), page.total, page.next) == (["a", "b", "c", "e"], 4, None)
    assert shelf.search("title=of the folder", Page(3)).next is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("url=urn:vs:c", ["c"]),
        ("url=urn:vs:c,urn:vs:a", ["a", "c"]),
        ("url:below=http://vs.test", ["e"]),
        ("url=urn:vs:nothing", []),
        ("url=urn:vs:d", ["d"]),
        ("name=e", ["e"]),
        ("reference=urn:codes:b", ["b"]),
        ("reference=urn:codes:b&url=urn:vs:a", []),
        ("name:exact=E", []),
        ("_id=b,f", ["b", "f"]),
        ("url=urn:vs:a&name=b", []),
        ("status=draft", []),
    ],
)
def test_definitions_are_searched_like_what_is_stored(shelf: Shelf, text: str, found: list[str]) -> None:
    for _ in range(2):
        assert ids(shelf.search(text)) == found


def test_they_leave_in_no_other_way(shelf: Shelf, world: World) -> None:
    query = shelf.query()
    disclosing = structs.replace(shelf.eyes, action="disclose")
    for eyes in (None, disclosing):
        assert sorted(ids(shelf.store.search(query, shelf.study, eyes, Page(100)))) == ["d", "f"]
    assert ids(shelf.store.stream("ValueSet", shelf.study, None)) == ["d", "f"]
    assert [batch.count for batch in shelf.store.batches("ValueSet", shelf.study, disclosing)] == [2]
    assert [one.version for one in shelf.store.history(shelf.key("d"), None)] == [1]
    assert shelf.store.history(shelf.key("a"), None) == []
    assert shelf.store.find(shelf.study, "ValueSet", "identifier", "s", "v") == []
    assert shelf.store.regrant(shelf.study) == 2
    world.door("registrar").commit([observation(world.person("101-001"))])
    newest = shelf.query("", "Observation")
    assert ids(shelf.store.newest(newest, shelf.study, shelf.eyes, 1)) == ["o1"]
    brief = shelf.store.search_briefly(newest, shelf.study, shelf.eyes, Page(5))
    assert brief
    assert list(brief.ids) == ["o1"]
    assert shelf.store.search_briefly(query, shelf.study, shelf.eyes, Page(5)) is None
    assert ids(shelf.store.search(newest, shelf.study, shelf.eyes, Page(5))) == ["o1"]


def test_the_plan_is_that_of_the_first_page(shelf: Shelf) -> None:
    first = shelf.search("", Page(2))
    plans = [shelf.store.explain(shelf.query(), shelf.study, shelf.eyes, Page(2, at)) for at in (None, first.next)]
    assert plans[0]
    assert plans[0] == plans[1]


def changes(shelf: Shelf, **asked: Any) -> Found:
    given: dict[str, Any] = {"type": "ValueSet", "id": "a", "page": Page(10)} | asked
    return shelf.store.changes(shelf.study, shelf.eyes, **given)


def test_the_history_of_a_definition_is_its_one_version(shelf: Shelf) -> None:
    [one] = changes(shelf).rows
    assert one == shelf.store.read(shelf.key("a"), shelf.eyes)
    for asked in (
        {"since": 0},
        {"at": (0, micros(datetime(2027, 1, 1, tzinfo=UTC)))},
        {"page": Page(10, (1, 1))},
        {"id": "z"},
        {"type": "Observation"},
    ):
        assert changes(shelf, **asked).rows == ()
    assert [loads(row.body)["title"] for row in changes(shelf, id="d").rows] == ["stored"]
    assert sorted(ids(changes(shelf, id=None))) == ["d", "f"]
    shelf.put(shelf.plain, value_set("d", title="again"))
    assert [row.version for row in changes(shelf, id="d").rows] == [2, 1]


def test_nobody_writes_at_the_id_of_a_definition(shelf: Shelf) -> None:
    refused = shelf.unit(value_set("a"))
    later = Unit(shelf.study, (), prepare=lambda _lookup: refused.changes)
    for unit in (refused, later):
        with pytest.raises(MethodNotAllowed, match=r"store\.definition"):
            shelf.store.commit(unit)
    with pytest.raises(MethodNotAllowed, match=r"store\.definition"):
        shelf.store.commit_all([refused])
    [told] = shelf.store.commit_all([later])
    assert isinstance(told, MethodNotAllowed)
    assert shelf.plain.read(shelf.key("a"), None) is None


def test_other_ids_and_types_are_written(shelf: Shelf) -> None:
    shelf.put(shelf.store, value_set("d", title="again"), value_set("g"), {"resourceType": "Library", "id": "a"})
    prepared = shelf.unit(value_set("h")).changes
    [done] = shelf.store.commit(Unit(shelf.study, (), prepare=lambda _lookup: prepared))
    assert done.outcome == "created"
    [[again]] = shelf.store.commit_all([shelf.unit(value_set("g", title="more"))])  # type: ignore[misc]
    assert again.outcome == "updated"
    for id, version in (("d", 2), ("g", 2), ("h", 1)):
        stored = shelf.store.read(shelf.key(id), shelf.eyes)
        assert stored
        assert stored.version == version
