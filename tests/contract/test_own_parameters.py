"""Search parameters in the folder of a study: they index and find the resources of that study, and of no other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.core.errors import BadRequest, Unavailable
from gateway.core.resources import Limit, Unit, Visibility
from gateway.definitions import Definitions
from gateway.search import Parameters, extract, matches, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import (
    Hand,
    chain,
    change,
    consent,
    grants_of_consents,
    observation,
    reader,
    searched,
    unit,
)

BODY_SITE = {"text": "left arm"}
SEARCHES = (
    [("site-text", "left")],
    [("site-text", "left"), ("patient", "p1")],
    [("site-text:missing", "false")],
    [("patient", "p1"), ("_sort", "site-text")],
    [("status", "final"), ("site-text", "left"), ("_total", "accurate")],
    [("note-author.name", "Ann")],
    [("_include", "Observation:note-author"), ("site-text", "left")],
)


def parameter(code: str, kind: str, expression: str, **more: Any) -> dict[str, Any]:
    own = {
        "resourceType": "SearchParameter",
        "url": f"urn:own:{code}",
        "name": code,
        "status": "active",
        "code": code,
    }
    return {**own, "base": ["Observation"], "type": kind, "expression": expression, **more}


@pytest.fixture(scope="module")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> Parameters:
    """`one` has parameters of its own; `two` one of the same code that says something else; `three` has none."""
    root = tmp_path_factory.mktemp("profiles")
    own = {
        "one": [
            parameter("site-text", "string", "Observation.bodySite.text"),
            parameter("note-author", "reference", "Observation.note.author", target=["Practitioner"]),
            parameter("status", "token", "Observation.status"),
        ],
        "two": [parameter("site-text", "token", "Observation.method.text")],
    }
    for study, resources in own.items():
        for number, resource in enumerate(resources):
            file = root / "studies" / study / "search" / f"{number}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(resource))
    (root / "anywhere.json").write_text(json.dumps(parameter("of-all", "string", "Observation.method.text")))
    return Parameters(Definitions.load(root))


@contextmanager
def opened(url: str, parameters: Parameters) -> Iterator[SqlStore]:
    """A store with these parameters, in which each study has the same."""
    made = SqlStore.open(url, parameters=parameters, compile_grants=grants_of_consents, chain=chain, clock=Hand())
    made.migrate()
    author = {"resourceType": "Practitioner", "id": "ann", "name": [{"text": "Ann"}]}
    note = [{"authorReference": {"reference": "Practitioner/ann"}, "text": "n"}]
    for study in ("one", "two", "three"):
        body = observation("o", bodySite=BODY_SITE, method={"text": "Other"}, note=note)
        made.commit(Unit(study, (change(study, author, study_level=True),)))
        made.commit(unit(study, consent("c", "p1"), body, observation("plain")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def own_store(module_url: str, parameters: Parameters) -> Iterator[SqlStore]:
    """What the tests of this file only read."""
    with opened(module_url, parameters) as made:
        yield made


def eyes(study: str, **more: Any) -> Visibility:
    return reader(study, **more)


def test_they_are_those_of_one_study(parameters: Parameters) -> None:
    codes = {study: parameters.of_study(study).of("Observation").keys() for study in ("one", "two", "three", "")}
    assert {"site-text", "note-author", "of-all"} <= codes["one"]
    assert "note-author" not in codes["two"]
    assert codes["three"] == codes[""] == codes["one"] - {"site-text", "note-author"}
    assert parameters.of_study("three") is parameters.of_study("") is parameters
    assert parameters.of_study("one") is parameters.of_study("one").of_study("one") is parameters.of_study("one")
    kinds = {study: parameters.of_study(study).of("Observation")["site-text"].kind for study in ("one", "two")}
    assert kinds == {"one": "string", "two": "token"}
    assert len({parameters.of_study(study).digest for study in ("one", "two", "three")}) == 3


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_they_find_what_they_say_in_their_study(
    own_store: SqlStore, parameters: Parameters, search: list[tuple[str, str]]
) -> None:
    query = parse("Observation", search, parameters.of_study("one"))
    found = searched(own_store, query, "one", eyes("one"), Page(5))
    assert found.rows[0].key.id == "o"
    assert found.total in (None, 1)
    assert [row.key.id for row in found.included] == (["ann"] if query.includes else [])
    with pytest.raises(BadRequest) as refused:
        parse("Observation", search, parameters.of_study("three"))
    assert {one.rule for one in refused.value.issues} & {"search.unknown-parameter", "search.sort", "search.include"}


def test_another_study_says_something_else_by_the_same_code(own_store: SqlStore, parameters: Parameters) -> None:
    query = parse("Observation", [("site-text", "other")], parameters.of_study("two"))
    assert [row.key.id for row in searched(own_store, query, "two", eyes("two"), Page(5)).rows] == ["o"]
    resource = observation("o", method={"text": "Other"}, bodySite=BODY_SITE)
    assert matches(query, resource, parameters.of_study("two"))
    told = {one.parameter for one in extract(resource, parameters)}
    assert told.isdisjoint({"site-text", "note-author"})


def test_a_reader_may_be_limited_by_them(own_store: SqlStore, parameters: Parameters) -> None:
    clauses = parse("Observation", [("site-text", "left")], parameters.of_study("one")).clauses
    limited = eyes("one", limits=(Limit("Observation", "", clauses),))
    everything = parse("Observation", [], parameters)
    assert [row.key.id for row in own_store.search(everything, "one", limited, Page(5)).rows] == ["o"]


def test_only_their_study_is_indexed_again(new_url: str, parameters: Parameters) -> None:
    other = Parameters(Definitions.load())
    status = parse("Observation", [("status", "final")], other)
    with opened(new_url, parameters) as own:
        plain = SqlStore.open(new_url, parameters=other, compile_grants=grants_of_consents, chain=chain, clock=Hand())
        for study in ("one", "two"):
            with pytest.raises(Unavailable):
                plain.search(status, study, None, Page(5))
            assert plain.maintenance.reindex(study, lambda _done, _total: None) == 4
            assert plain.maintenance.check(study, lambda _done: None) == []
        plain.close()
        for study in ("one", "two"):
            assert own.maintenance.reindex(study, lambda _done, _total: None) == 4
            assert own.maintenance.check(study, lambda _done: None) == []
