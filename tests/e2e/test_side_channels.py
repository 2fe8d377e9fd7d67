"""What is hidden leaves no trace: two worlds, one with and one without hidden records, answer a reader the same."""

from collections.abc import Iterator

import pytest
from starlette.routing import Route

from tests.e2e import two_worlds
from tests.e2e.http_gateway import BASE, Http


@pytest.fixture(scope="module")
def worlds() -> Iterator[tuple[Http, Http]]:
    with two_worlds.worlds() as made:
        yield made


def test_the_worlds_differ(worlds: tuple[Http, Http]) -> None:
    assert two_worlds.is_different(*worlds)


def test_the_reader_sees_something(worlds: tuple[Http, Http]) -> None:
    for world in worlds:
        assert world.get("/Observation?_total=accurate").json()["total"] == 5
        assert world.get("/Observation?_total=accurate", client="research").json()["total"] == 5


def test_every_route_is_asked(worlds: tuple[Http, Http]) -> None:
    """A route that nobody asks here may tell what it likes."""
    asked = {(one.method, one.path.partition("?")[0]) for one in two_worlds.requests(worlds[0])}
    routes = [route for route in worlds[0].app.routes if isinstance(route, Route) and _is_gated(route)]
    reached = {(method, next(one.path for one in routes if _serves(one, method, path))) for method, path in asked}
    offered = {(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert offered - reached == set()


def _is_gated(route: Route) -> bool:
    return "/fhir" in route.path or route.path.startswith("/admin")


def _serves(route: Route, method: str, path: str) -> bool:
    return method in (route.methods or set()) and route.path_regex.match(path) is not None


def test_no_answer_tells_the_worlds_apart(worlds: tuple[Http, Http]) -> None:
    told = [name for name, same in two_worlds.compare(*worlds) if not same]
    assert told == []


def test_hidden_and_absent_are_the_same_to_the_byte(worlds: tuple[Http, Http]) -> None:
    with_hidden, _ = worlds
    asked = [
        two_worlds.Asked("ehr-app", "GET", f"{BASE}/Observation/{name}{suffix}")
        for name in two_worlds.hidden_ids()
        for suffix in ("", "/_history/1", "/_history/2", "/_history/9")
    ]
    answers = [two_worlds.answers(with_hidden, one) for one in asked]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0][0] == 404
