"""Every kind of clause, sort and include: both databases find what the oracles of `gateway.search` say.

Three types refer to each other; whoever is hidden must be as if not there, at each end of a chain and of an include.
"""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import Resource, loads
from gateway.core.resources import Change, Key, Placement, Unit, Visibility
from gateway.search import Query, matches, parse
from gateway.search.including import included
from gateway.search.ordering import sort_value
from gateway.store import Page, Position
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, change, consent, open_store, reader, searched

IDS = ("a", "b", "c")
TEXTS = ("Müller", "muller", "Mu", "Smith Jones", "x")
DATES = ("1950", "1960-05-01", "2026-06-01T10:00:00Z", "2026-06-01", "2026-07")
SYSTEMS = ("http://loinc.org", "urn:b")
CODES = ("8867-4", "29463-7", "b")


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def lists(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most)


def made(**elements: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of the elements that are neither None nor empty."""
    return st.fixed_dictionaries(elements).map(
        lambda tree: {name: value for name, value in tree.items() if value not in (None, [], {})}
    )


codings = made(
    system=some(st.sampled_from(SYSTEMS)), code=st.sampled_from(CODES), display=some(st.sampled_from(("Heart", "He")))
)
concepts = made(coding=lists(codings), text=some(st.sampled_from(("Heart rate", "Weight"))))
identifiers = made(
    system=some(st.sampled_from(SYSTEMS)),
    value=st.sampled_from(("1", "2")),
    type=some(made(coding=lists(made(system=st.just("urn:t"), code=st.sampled_from(("MR", "SS"))), 1))),
)
quantities = made(
    value=st.sampled_from((0, 5, 70, 120, Decimal("70.5"))),
    unit=some(st.just("kg")),
    system=some(st.sampled_from(("http://unitsofmeasure.org", "urn:u"))),
    code=some(st.sampled_from(("kg", "g", "/min"))),
)
metas = made(
    profile=lists(st.sampled_from(("http://x/p", "http://x/p/q")), 1),
    tag=lists(codings, 1),
    source=some(st.sampled_from(("urn:s", "http://x/s"))),
)


def references(*types: str) -> st.SearchStrategy[dict[str, Any]]:
    texts = [f"{type}/{id}" for type in types for id in IDS]
    return made(
        reference=some(st.sampled_from([*texts, "http://other.org/Patient/a", "urn:uuid:1", "#x"])),
        identifier=some(identifiers),
    )


components = made(code=concepts, valueQuantity=some(quantities), valueCodeableConcept=some(concepts))
observations = made(
    resourceType=st.just("Observation"),
    id=st.sampled_from([f"o{number}" for number in range(6)]),
    meta=some(metas),
    status=st.sampled_from(("final", "amended")),
    identifier=lists(identifiers, 1),
    category=lists(concepts, 1),
    code=concepts,
    subject=some(references("Patient", "Group")),
    device=some(references("Device")),
    effectiveDateTime=some(st.sampled_from(DATES)),
    valueQuantity=some(quantities),
    valueString=some(st.sampled_from(TEXTS)),
    component=lists(components),
    derivedFrom=lists(st.sampled_from([{"reference": f"Observation/o{n}"} for n in range(3)]), 1),
)
patients = made(
    resourceType=st.just("Patient"),
    id=st.sampled_from(IDS),
    identifier=lists(identifiers),
    name=lists(made(family=some(st.sampled_from(TEXTS)), given=lists(st.sampled_from(TEXTS)))),
    birthDate=some(st.sampled_from(("1950", "1960-05-01", "2000-01"))),
    gender=some(st.sampled_from(("male", "female"))),
)
devices = made(
    resourceType=st.just("Device"),
    id=st.sampled_from(IDS),
    patient=some(references("Patient")),
    url=some(st.sampled_from(("http://x/d", "http://x"))),
    deviceName=lists(made(name=st.sampled_from(TEXTS), type=st.just("user-friendly-name")), 1),
)

ASKED: dict[str, tuple[str, ...]] = {
    "Observation": (
        "code=8867-4", "code=http://loinc.org|8867-4,b", "code=urn:b|", "code:not=8867-4", "code:text=hea",
        "code:missing=true", "code=|b", "status=final", "status:not=final", "category=b", "combo-code=29463-7",
        "combo-code:not=b", "component-code=b", "identifier=urn:b|1", "identifier=1,2",
        "identifier:of-type=urn:t|MR|1",
        "identifier:missing=false", "subject=Patient/a", "subject=a", "patient=a,b", "patient:Patient=b",
        "subject:identifier=urn:b|1", "patient=http://other.org/Patient/a", "device:missing=true", "device=c",
        "date=2026", "date=ge2026-06-01", "date=lt2026-06-01T10:00:00Z", "date=ne2026", "date=sa1960",
        "date=ap2026-06",
        "date:missing=true", "value-quantity=gt5", "value-quantity=70|http://unitsofmeasure.org|kg",
        "value-quantity=le70||kg", "value-quantity=eq70.5", "value-quantity=ne5||g", "value-quantity:missing=true",
        "combo-value-quantity=gt5||kg", "component-value-quantity=5", "code-value-quantity=8867-4$gt5",
        "code-value-quantity=http://loinc.org|8867-4$70||kg", "component-code-value-quantity=b$ge5",
        "combo-code-value-quantity=8867-4$gt5", "component-code-value-concept=b$8867-4", "code-value-string=b$mu",
        "value-string=mu", "value-string:exact=Müller",
        "value-string:contains=mith", "_profile=http://x/p", "_profile:below=http://x/p",
        "_profile:above=http://x/p/q/r",
        "_tag=8867-4", "_source=urn:s", "_source:below=http://x", "_id=o1,o2,x", "_lastUpdated=gt2020",
        "subject:Patient.birthdate=lt1960", "patient.identifier=urn:b|1", "patient.family=mul",
        "device.patient=Patient/a",
        "device.patient.gender=male", "patient.gender:not=male", "derived-from:Observation.code=b",
        "_has:Observation:derived-from:code=8867-4", "_content=heart", "_content=heart final",
    ),
    "Patient": (
        "family=mu", "family:exact=Müller", "family:contains=ith", "family=mu,smith", "given=x", "name=mu",
        "gender=male", "gender:missing=true", "birthdate=1950", "birthdate=gt1955", "birthdate:missing=true",
        "identifier=1", "identifier=urn:b|", "_has:Observation:patient:code=8867-4",
        "_has:Observation:subject:date=gt2026",
        "_has:Device:patient:_has:Observation:device:status=final", "_has:Observation:patient:patient.gender=male",
        "_id=a,b",
    ),
    "Device": ("url=http://x/d", "url:below=http://x", "url:above=http://x/d/e", "patient=a", "device-name=mu",
               "patient.birthdate=1950", "_has:Observation:device:patient=a"),
}  # fmt: skip
SORTS = {
    "Observation": ("date", "-date", "_lastUpdated", "-_lastUpdated", "_id", "code", "-status,date", "value-quantity",
                    "-value-quantity,-_id", "value-string", "patient", "-subject", "identifier", "_profile,-date"),
    "Patient": ("family", "-family", "birthdate", "-birthdate", "gender,family", "-identifier", "_id"),
    "Device": ("url", "-patient", "device-name"),
}  # fmt: skip
INCLUDES = {
    "Observation": ("_include=Observation:subject", "_include=Observation:patient", "_include=Observation:device",
                    "_include:iterate=Device:patient", "_include=Observation:subject:Patient",
                    "_include=Observation:*",
                    "_revinclude=Observation:derived-from", "_revinclude:iterate=Observation:derived-from"),
    "Patient": ("_revinclude=*", "_revinclude=Observation:subject", "_revinclude=Device:patient",
                    "_revinclude:iterate=Observation:device"),
    "Device": ("_include=Device:patient", "_revinclude=Observation:device",
                    "_revinclude:iterate=Observation:patient"),
}  # fmt: skip


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]]]:
    type = draw(st.sampled_from(sorted(ASKED)))
    texts = draw(st.lists(st.sampled_from(ASKED[type]), max_size=3))
    texts += draw(st.lists(st.sampled_from(INCLUDES[type]), max_size=2, unique=True))
    sort = draw(some(st.sampled_from(SORTS[type])))
    pairs = [(name, value) for name, _, value in (text.partition("=") for text in texts)]
    return type, [*pairs, *([("_sort", sort)] if sort else []), ("_total", "accurate")]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Any:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = open_store(url)
    yield opened
    opened.close()


def pages(store: SqlStore, query: Query, study: str, visibility: Visibility | None) -> tuple[list[Key], list[Key]]:
    """The matches of all pages in their order, and what came along with them."""
    found: list[Key] = []
    along: list[Key] = []
    after: Position | None = None
    while True:
        page = searched(store, query, study, visibility, Page(2, after))
        found += [row.key for row in page.rows]
        along += [row.key for row in page.included]
        assert not page.is_cut
        assert not {row.key for row in page.included} & {row.key for row in page.rows}
        if page.next is None:
            return found, along
        after = page.next


def name(resource: Resource) -> tuple[str, str]:
    return resource["resourceType"], resource["id"]


def check(store: SqlStore, study: str, visibility: Visibility | None, there: list[Resource], query: Query) -> None:
    expected = [one for one in there if matches(query, one, PARAMETERS, there)]
    found, along = pages(store, query, study, visibility)
    assert sorted((key.type, key.id) for key in found) == sorted(map(name, expected))
    assert store.search(query, study, visibility, Page(0)).total == len(expected)
    streamed = [] if query.sort or not query.type else [one.key.id for one in store.stream(query, study, visibility)]
    assert sorted(streamed) == ([] if query.sort or not query.type else sorted(one["id"] for one in expected))
    by_name = {name(one): one for one in there}
    for key in query.sort:
        values = [sort_value(key, by_name[one.type, one.id], PARAMETERS) for one in found]
        told = sorted((value for value in values if value is not None), reverse=key.descending)
        assert values == [*told, *[None] * (len(values) - len(told))]
        break  # the keys after the first order among its equals
    first = [by_name[one.type, one.id] for one in found[:2]]
    page = store.search(query, study, visibility, Page(2))
    along = [row.key for row in page.included if row.key.type != "Consent"]  # which makes the others visible
    assert sorted((key.type, key.id) for key in along) == sorted(map(name, included(query, first, there, PARAMETERS)))
    assert bool(along) <= bool(query.includes)


@settings(max_examples=60)
@given(
    st.lists(st.one_of(observations, observations, patients, devices), max_size=14),
    st.lists(searches(), min_size=1, max_size=8),
    st.sampled_from([(), ("a",), ("a", "b"), None]),
)
def test_every_search_equals_its_oracle(
    store: SqlStore, drawn: list[Resource], asked: list[Any], consenting: tuple[str, ...] | None
) -> None:
    study = uuid4().hex
    store.commit(Unit(study, tuple(placed(study, one) for one in drawn)))
    for who in consenting or ():
        store.commit(Unit(study, (change(study, consent(f"c-{who}", who)),)))
    visibility = None if consenting is None else reader(study)
    there = [
        loads(one.body)
        for type in ("Observation", "Patient", "Device")
        for one in store.stream(type, study, visibility)
    ]
    newest = {name(one): one for one in drawn}
    if consenting is None:
        assert {name(one) for one in there} == newest.keys()
    else:
        assert {name(one) for one in there} == {key for key, one in newest.items() if owner(one) in consenting}
    for type, params in asked:
        check(store, study, visibility, there, parse(type, params, PARAMETERS))


@settings(max_examples=25)
@given(
    st.lists(st.one_of(observations, patients, devices), max_size=10),
    st.sampled_from(
        [[], [("_id", "a,o1")], [("_type", "Patient,Device")], [("_type", "Observation,Patient"), ("_sort", "_id")],
         [("_sort", "-_lastUpdated")], [("_tag", "b")], [("_sort", "_lastUpdated"), ("_lastUpdated", "gt2020")]]
    ),
)  # fmt: skip
def test_a_search_of_several_types_equals_its_oracle(
    store: SqlStore, drawn: list[Resource], params: list[tuple[str, str]]
) -> None:
    study = uuid4().hex
    store.commit(Unit(study, tuple(placed(study, one) for one in drawn)))
    there = [
        loads(one.body) for type in ("Observation", "Patient", "Device") for one in store.stream(type, study, None)
    ]
    check(store, study, None, there, parse("", [*params, ("_total", "accurate")], PARAMETERS))


def owner(resource: Resource) -> str:
    """Whose the resource is: of the patient it names, or is."""
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    named = resource.get("subject") or resource.get("patient") or {}
    return str(named.get("reference", "Patient/a")).rsplit("/", 1)[-1]


def placed(study: str, resource: Resource) -> Change:
    return Change(Key(study, *name(resource)), resource, Placement((owner(resource),), ("heart",)))
