"""The database finds exactly what `matches` says and the consent rule permits, on both engines.

Resources, placements, grants and queries are drawn small, so that they often meet. The consent side has its own
reading of `Visibility` and `Grant`, a few lines of Python.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.core import Resource, loads
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, micros
from gateway.core.resources import Change, Grant, Placement, Unit, Visibility
from gateway.search import matches, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, PARAMETERS, change, consent, open_store, searched

SYSTEMS = ("urn:a", "urn:b", "")
CODES = ("1", "2", "urn:a", "x|y")
PATIENTS = ("p1", "p2")
DATES = ("2026", "2026-05", "2026-05-31", "2026-06-01", "2026-06-01T10:00:00Z", "2026-06-01T10:00:00.5+02:00")
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if value}


codings = st.builds(
    lambda system, code: without_empty({"system": system, "code": code}),
    st.sampled_from(SYSTEMS),
    st.sampled_from(CODES),
)
concepts = st.builds(lambda coding: without_empty({"coding": coding, "text": "t"}), st.lists(codings, max_size=2))
identifiers = st.builds(
    lambda system, value: without_empty({"system": system, "value": value}),
    st.sampled_from(SYSTEMS),
    st.sampled_from(CODES),
)
references = st.sampled_from(
    ["Patient/p1", "Patient/p2", "Group/p1", "Device/p1", "urn:uuid:1", "Patient/p1/_history/2"]
)
periods = st.builds(
    lambda start, end: without_empty({"start": start, "end": end}),
    st.sampled_from((*DATES, "")),
    st.sampled_from((*DATES, "")),
)
effective = st.one_of(
    st.builds(lambda text: {"effectiveDateTime": text}, st.sampled_from(DATES)),
    st.builds(lambda period: {"effectivePeriod": period}, periods),
    st.builds(lambda events: {"effectiveTiming": {"event": events}}, st.lists(st.sampled_from(DATES), min_size=1)),
    st.just({}),
)


@st.composite
def observations(draw: st.DrawFn) -> Resource:
    return without_empty(
        {
            "resourceType": "Observation",
            "id": draw(st.sampled_from([f"o{number}" for number in range(12)])),
            "identifier": draw(st.lists(identifiers, max_size=2)),
            "category": draw(st.lists(concepts, max_size=1)),
            "code": draw(concepts),
            "subject": {"reference": draw(references)},
            **draw(effective),
        }
    )


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


tokens = st.one_of(
    st.sampled_from(CODES).map(escaped),
    st.builds(lambda system, code: f"{system}|{escaped(code)}", st.sampled_from(SYSTEMS), st.sampled_from(CODES)),
    st.sampled_from(SYSTEMS[:2]).map(lambda system: f"{system}|"),
)
dates = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(DATES))
instants = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(["2026-06", "2026-06-01T12:00:00Z"]))


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3).map(",".join)


def named(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return listed(values).map(lambda text: (name, text))


parameters = st.one_of(
    named("identifier", tokens),
    named("category", tokens),
    named("code", tokens),
    named("subject", st.sampled_from(["p1", "Patient/p1", "Patient/p2", "Group/p1", "urn:uuid:1"])),
    named("patient", st.sampled_from(["p1", "Patient/p2"])),
    named("date", dates),
    named("_id", st.sampled_from(["o1", "o2", "o3", "none"])),
    named(
        "_lastUpdated",
        st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from([*DATES, "2026-06-01T12:00:00Z"])),
    ),
)
bounds = st.sampled_from([FOREVER_BEFORE, 0, 10, 20, FOREVER_AFTER])
placements = st.builds(
    Placement,
    subjects=st.lists(st.sampled_from(PATIENTS), max_size=2).map(tuple),
    domains=st.lists(st.sampled_from(["", "heart", "sleep"]), max_size=2).map(tuple),
    study_level=st.sampled_from([False, False, False, True]),
    low=bounds,
    high=bounds,
)
grants = st.fixed_dictionaries(
    {
        "grantee": st.sampled_from(["*", "org", "other"]),
        "domain": st.sampled_from(["*", "", "heart", "sleep"]),
        "action": st.sampled_from(["*", "access", "disclose"]),
        "purpose": st.sampled_from(["*", "HRESCH", "TREAT"]),
        "data_low": bounds,
        "data_high": bounds,
        "valid_low": bounds,
        "valid_high": bounds,
    }
)
readers = st.builds(
    Visibility,
    study=st.just(""),
    organisation=st.sampled_from(["org", "other", "third"]),
    action=st.sampled_from(["access", "disclose"]),
    purpose=st.sampled_from(["HRESCH", "TREAT"]),
    now=st.sampled_from([0, 5, 10, 15]),
)


def permitted(placement: Placement, visibility: Visibility, given: list[Grant]) -> bool:
    """The rule of `Visibility`, read literally."""
    if placement.study_level:
        return True
    pairs = [(subject, domain) for subject in placement.subjects for domain in placement.domains]

    def holds(grant: Grant, subject: str, domain: str) -> bool:
        return (
            grant.subject == subject
            and grant.grantee in ("*", visibility.organisation)
            and grant.domain in ("*", domain)
            and grant.action in ("*", visibility.action)
            and grant.purpose in ("*", visibility.purpose)
            and grant.data_low <= placement.low
            and placement.high <= grant.data_high
            and grant.valid_low <= visibility.now < grant.valid_high
        )

    return bool(pairs) and all(any(holds(grant, *pair) for grant in given) for pair in pairs)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Any:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = open_store(url)
    yield opened
    opened.close()


def all_pages(store: SqlStore, search: Callable[[tuple[int, ...] | None], Any]) -> list[Any]:
    found = search(None)
    rows = list(found.rows)
    while found.next is not None:
        found = search(found.next)
        rows += found.rows
    return rows


@settings(max_examples=60)
@given(st.lists(observations(), max_size=10), st.lists(st.lists(parameters, max_size=3), min_size=1, max_size=6))
def test_sql_search_equals_matches(store: SqlStore, drawn: list[Resource], asked: list[Any]) -> None:
    study = uuid4().hex
    store.commit(Unit(study, tuple(change(study, resource) for resource in drawn)))
    current = [loads(one.body) for one in store.stream("Observation", study, None)]
    assert {one["id"] for one in current} == {one["id"] for one in drawn}
    for params in asked:
        query = parse("Observation", [*params, ("_total", "accurate")], PARAMETERS)
        rows = all_pages(store, lambda after, q=query: searched(store, q, study, None, Page(2, after)))  # type: ignore[misc]
        found = [row.key.id for row in rows]
        expected = sorted(one["id"] for one in current if matches(query, one, PARAMETERS))
        assert sorted(found) == expected, params
        assert store.search(query, study, None, Page(1)).total == len(expected)
        assert [one.key.id for one in store.stream(query, study, None)] == found[::-1]


@settings(max_examples=80)
@given(
    st.lists(st.tuples(observations(), placements), max_size=8),
    st.lists(st.tuples(st.sampled_from(PATIENTS), grants), max_size=6),
    st.lists(readers, min_size=1, max_size=4),
)
def test_visible_rows_are_those_the_rule_permits(
    store: SqlStore, drawn: list[tuple[Resource, Placement]], given_grants: list[Any], asking: list[Visibility]
) -> None:
    study = uuid4().hex
    placed = {resource["id"]: placement for resource, placement in drawn}
    changes = [Change(change(study, one).key, one, placement) for one, placement in drawn]
    consents = [change(study, consent(f"c{n}", who, grant)) for n, (who, grant) in enumerate(given_grants)]
    store.commit(Unit(study, (*changes, *consents)))
    boxes = [Grant(subject=who, **grant) for who, grant in given_grants]
    query = parse("Observation", [("_total", "accurate")], PARAMETERS)
    for one in asking:
        visibility = Visibility(study, one.organisation, one.action, one.purpose, one.now)
        expected = sorted(id for id, placement in placed.items() if permitted(placement, visibility, boxes))
        found = all_pages(store, lambda after, v=visibility: searched(store, query, study, v, Page(3, after)))  # type: ignore[misc]
        assert sorted(row.key.id for row in found) == expected
        assert store.search(query, study, visibility, Page(0)).total == len(expected)
        # What leaves asks the clock too: a grant that ends meanwhile shows nothing more.
        leaving = structs.replace(visibility, now=max(one.now, micros(NOW)))
        left = sorted(id for id, placement in placed.items() if permitted(placement, leaving, boxes))
        assert sorted(row.key.id for row in store.stream("Observation", study, visibility)) == left
        read = {one.key.id for one in changes if store.read(one.key, visibility)}
        assert sorted(read) == expected
