"""From resources to index rows: what is kept of other resources changes nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import Resource, loads
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.search.extract import entries_of
from gateway.search.paths import walked
from gateway.store.sql.index.consents import consent_subject, consent_term
from gateway.store.sql.index.indexed import type_index
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import Rows, complete, facet_of, fragment, no_rows

PARAMETERS = Parameters(r4())
EXAMPLES = Path(os.environ.get("GATEWAY_CONFORMANCE_DIR", "../shared/conformance")) / "r4-examples"


def examples() -> Iterator[Resource]:
    for path in sorted(EXAMPLES.glob("*.json")):
        found = loads(path.read_bytes())
        if found["resourceType"] not in ("Bundle", "Parameters") and path.stat().st_size < 50_000:
            yield found


def plainly(resource: Resource) -> Rows:
    """The rows without any short cut: of all entries together."""
    kind = resource["resourceType"]
    how = type_index(kind, PARAMETERS)
    told = [one for one in PARAMETERS.told_by(resource) if not how.without_rows(one.code)]
    part = fragment(kind, how, entries_of(resource, told))
    rows = no_rows()
    complete(rows, [part], facet_of(kind, [part.common]))
    rows.terms |= (
        {consent_term(consent_subject(resource))} if kind == "Consent" and consent_subject(resource) else set()
    )
    return rows


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no official examples: set GATEWAY_CONFORMANCE_DIR")
def test_official_examples_are_indexed_as_their_entries_say() -> None:
    indexes = Indexes(PARAMETERS)
    for resource in examples():
        for _ in range(2):  # the second time, what was kept is found again
            assert indexes.rows(resource["resourceType"], resource) == plainly(resource), resource["id"]


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no official examples: set GATEWAY_CONFORMANCE_DIR")
def test_ways_lead_to_what_the_expressions_give() -> None:
    count = 0
    for resource in examples():
        for one in PARAMETERS.told_by(resource):
            found = walked(resource, one.walks) if one.walks else None
            if found is not None and one.expression is not None:
                count += 1
                given = one.expression.evaluate(resource)
                assert [value for value in found if value not in given] == []
                assert [value for value in given if value not in found] == []
    assert count > 5_000


CODES = st.sampled_from([{"coding": [{"system": "urn:a", "code": code}]} for code in "ab"])
REFERENCES = st.one_of(
    st.sampled_from(
        ["Patient/one", "Patient/two/_history/3", "Device/d", "Group/g", "Encounter/e", "Nobody/x", "#a", "",
         "http://other.org/Patient/one", "urn:uuid:1", "Patient/", "Patient/one?x"]
    ).map(lambda text: {"reference": text}),
    st.sampled_from(
        [{"identifier": {"system": "urn:s", "value": "v"}}, {"display": "x"}, {"reference": 3}, "Patient/one", 4,
         {"reference": "Patient/one", "type": "Patient", "identifier": {"value": "v"}},
         {"_reference": {"id": "x"}}, {"resourceType": "Patient", "id": "one"}]
    ),
)  # fmt: skip
OBSERVATIONS = st.fixed_dictionaries(
    {"code": CODES},
    optional={
        "subject": REFERENCES,
        "encounter": REFERENCES,
        "performer": st.lists(REFERENCES, max_size=3),
        "component": st.lists(st.fixed_dictionaries({"code": CODES}, optional={"_code": st.just({})}), max_size=2),
        "effectiveDateTime": st.sampled_from(["2026-03-01", "2026-03-01T10:00:00Z", "never"]),
        "identifier": st.lists(st.sampled_from([{"value": "1"}, {"system": "urn:s", "value": "2"}]), max_size=2),
        "status": st.sampled_from(["final", "amended"]),
        "_status": st.just({"extension": [{"url": "urn:x", "valueCode": "y"}]}),
    },
)


@settings(max_examples=25, deadline=None)
@given(st.lists(OBSERVATIONS, min_size=1, max_size=12))
def test_what_came_before_changes_no_rows(several: list[Resource]) -> None:
    indexes = Indexes(PARAMETERS)
    for elements in several:
        resource = {"resourceType": "Observation", "id": "a", **elements}
        assert indexes.rows("Observation", resource) == plainly(resource)


def test_a_code_is_found_beside_components_and_alone() -> None:
    indexes, code = Indexes(PARAMETERS), {"coding": [{"code": "a"}]}
    within = {"resourceType": "Observation", "id": "a", "code": code, "component": [{"code": code}]}
    alone = {"resourceType": "Observation", "id": "b", "code": code}
    for resource in (within, alone, within):
        assert indexes.rows("Observation", resource) == plainly(resource)


def test_what_comes_again_is_told_apart_by_where_its_references_stand() -> None:
    indexes, code = Indexes(PARAMETERS), {"coding": [{"code": "a"}]}
    led, other = {"reference": "Patient/one"}, {"reference": "Patient/two"}
    meta = {"profile": ["http://a.org/p"], "tag": [{"code": "t"}]}
    several: list[Resource] = [
        {"subject": led},
        {"focus": [led]},
        {"subject": other},
        {"subject": {**led, "display": "x"}, "meta": meta},
        {"subject": led, "meta": {**meta, "_profile": [{"id": "x"}]}},
        {"subject": led, "meta": {**meta, "lastUpdated": "2026-01-01T00:00:00Z"}},
        {"performer": [led, other]},
        {"performer": [led], "hasMember": [other]},
    ]
    for _ in range(3):  # what is met again is kept, what is kept is found
        for elements in several:
            resource = {"resourceType": "Observation", "id": "a", "code": code, **elements}
            assert indexes.rows("Observation", resource) == plainly(resource), elements


IDENTIFIERS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {},
            optional={
                "system": st.sampled_from(["urn:s", "phone", "", 3]),
                "value": st.sampled_from(["1", "2", "", 3, "long" * 200]),
                "use": st.just("usual"),
                "type": st.sampled_from([{"text": "kind"}, {"coding": [{"system": "urn:k", "code": "k"}]}]),
                "_value": st.just({"id": "x"}),
                "code": st.just("c"),
                "url": st.just("urn:u"),
            },
        ),
        st.none(),
        st.just("1"),
    ),
    max_size=3,
)
TIMES = st.sampled_from(["2026", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5+02:00", "never", "", 3])
PERIODS = st.one_of(
    st.fixed_dictionaries({}, optional={"start": TIMES, "end": TIMES, "url": st.just("x"), "_end": st.just({})}),
    TIMES,
    st.none(),
)
ENCOUNTERS = st.fixed_dictionaries(
    {},
    optional={
        "identifier": IDENTIFIERS,
        "period": PERIODS,
        "_period": st.just({"id": "x"}),
        "location": st.lists(st.fixed_dictionaries({}, optional={"period": PERIODS}), max_size=2),
        "status": st.just("finished"),
    },
)
PEOPLE = st.fixed_dictionaries(
    {}, optional={"identifier": IDENTIFIERS, "telecom": IDENTIFIERS, "birthDate": TIMES, "deceasedDateTime": TIMES}
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.tuples(st.just("Encounter"), ENCOUNTERS), st.tuples(st.just("Patient"), PEOPLE)))
def test_identifiers_and_times_are_indexed_as_their_entries_say(found: tuple[str, Resource]) -> None:
    kind, elements = found
    resource = {"resourceType": kind, "id": "a", **elements}
    assert INDEXES.rows(kind, resource) == plainly(resource)


INDEXES = Indexes(PARAMETERS)
