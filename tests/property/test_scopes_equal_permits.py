"""What a token's scopes leave of every way of reading is what `ScopeLimits.permits` says, on both databases."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access import ScopeLimits
from gateway.access.reading.limits import Limits
from gateway.access.reading.reach import narrowed
from gateway.access.scopes import may
from gateway.access.sites import Among
from gateway.core import Resource
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.core.resources import Change, Placement, Unit, Visibility
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, change, consent, open_store
from tests.property.test_search_equals_matches import CODES, PATIENTS, observations

EVERYTHING = Page(1000)
LIMITS = ScopeLimits(PARAMETERS)

queries = st.one_of(
    st.builds("category=urn:a|{}".format, st.sampled_from(["1", "2"])),
    st.builds("category:not={}".format, st.sampled_from(CODES[:2])),
    st.builds("code={}".format, st.sampled_from(["1", "1,2", "urn:a|"])),
    st.builds("date=ge{}".format, st.sampled_from(["2026-05", "2026-06-01"])),
    st.builds("identifier={}".format, st.sampled_from(["1", "urn:b|2"])),
    st.builds("patient={}".format, st.sampled_from(PATIENTS)),
    st.just("category=1&code=1"),
    st.just("identifier:missing=true"),
)
letters = st.sampled_from(["r", "s", "rs", "cruds"])
scopes = st.one_of(
    st.builds("{}/Observation.{}?{}".format, st.sampled_from(["patient", "system", "user"]), letters, queries),
    st.builds("{}/Observation.{}".format, st.sampled_from(["patient", "patient", "user"]), letters),
    st.builds("{}/{}.{}".format, st.sampled_from(["patient", "system"]), st.sampled_from(["Patient", "*"]), letters),
    st.sampled_from(["patient/Patient.rs?gender=male", "system/Patient.rs?_id=p1", "user/Device.r"]),
    st.sampled_from(["openid", "system/Observation.rs?nothing=1", "patient/Observation.rs?_has:x=1"]),
)
placements = st.builds(
    Placement,
    subjects=st.lists(st.sampled_from(PATIENTS), min_size=1, max_size=2, unique=True).map(tuple),
    domains=st.lists(st.sampled_from(["heart", "sleep"]), min_size=1, max_size=2, unique=True).map(tuple),
    study_level=st.sampled_from([False, False, False, True]),
)
readers = st.builds(
    lambda texts, patient: Principal("c", "", "org", "researcher", "HRESCH", tuple(texts), patient=patient),
    st.lists(scopes, max_size=3),
    st.sampled_from(["", "p1", "p2"]),
)
sites = st.none() | st.frozensets(st.sampled_from(PATIENTS), max_size=2)
"""The participants that a reader may be concerned with at all; None for all of them."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Any:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = open_store(url)
    yield opened
    opened.close()


def patient(id: str) -> Resource:
    return {"resourceType": "Patient", "id": id, "gender": "male" if id == "p1" else "female"}


class Asked:
    """One principal's eyes on one study, beside what the rule says."""

    def __init__(
        self,
        store: SqlStore,
        who: Principal,
        study: str,
        written: dict[str, tuple[Resource, Placement]],
        limits: Limits = LIMITS,
    ):
        self.store, self.who, self.study, self.written, self.limits = store, who, study, written, limits

    def seen(self, letters: str) -> Visibility:
        return Visibility(self.study, "org", "access", "HRESCH", 0, self.limits.of(self.who, letters))

    def permitted(self, kind: str, letters: str) -> set[str]:
        limits = self.limits.of(self.who, letters)
        return {
            key
            for key, (resource, placement) in self.written.items()
            if resource["resourceType"] == kind
            and may(self.who, kind, *letters)
            and self.limits.permits(limits, resource, placement)
        }

    def search(self, kind: str, *params: tuple[str, str]) -> Any:
        query = narrowed(parse(kind, [*params, ("_total", "accurate")], PARAMETERS), self.who)
        found = self.store.search(query, self.study, self.seen("s"), EVERYTHING)
        rows = {row.key.reference for row in found.rows}
        assert found.total == len(rows)
        return rows, {row.key.reference for row in found.included}


plain = observations().map(lambda one: {**one, "subject": {"reference": one["subject"]["reference"][:10]}})


@settings(max_examples=20)
@given(
    st.lists(st.tuples(plain, placements), max_size=8),
    st.lists(st.tuples(readers, sites), min_size=1, max_size=4),
)
def test_every_way_of_reading_shows_what_is_permitted(
    store: SqlStore, drawn: list[tuple[Resource, Placement]], asking: list[tuple[Principal, frozenset[str] | None]]
) -> None:
    study = uuid4().hex
    people = [(patient(id), Placement((id,), ("heart",))) for id in PATIENTS]
    written = {f"{one['resourceType']}/{one['id']}": (one, placement) for one, placement in [*people, *drawn]}
    changes = [Change(change(study, one).key, one, placement) for one, placement in written.values()]
    store.commit(Unit(study, (*changes, *(change(study, consent(f"c{id}", id)) for id in PATIENTS))))
    for who, site in asking:
        asked = Asked(store, who, study, written, LIMITS if site is None else Among(LIMITS, site))
        for kind in ("Observation", "Patient"):
            read = {
                one.key.reference
                for one in changes
                if one.key.type == kind and may(who, kind, "r") and store.read(one.key, asked.seen("r"))
            }
            assert read == asked.permitted(kind, "r")
            listed = store.changes(study, asked.seen("r"), type=kind, page=EVERYTHING)
            assert not may(who, kind, "r") or {row.key.reference for row in listed.rows} == read
            if may(who, kind, "r", "s"):
                streamed = store.stream(kind, study, asked.seen("rs"))
                assert {row.key.reference for row in streamed} == asked.permitted(kind, "rs")
        compare_searches(asked)


def compare_searches(asked: Asked) -> None:
    observed, people = asked.permitted("Observation", "s"), asked.permitted("Patient", "s")
    of = {key: found[0]["subject"]["reference"] for key, found in asked.written.items() if "subject" in found[0]}
    try:
        rows, included = asked.search("Observation", ("_include", "Observation:subject"))
    except Forbidden:
        assert not may(asked.who, "Observation", "s")
        return
    assert rows == observed
    shown = {of[key] for key in observed} & people if may(asked.who, "Patient", "r", "s") else set()
    assert included == shown
    try:
        rows, _ = asked.search("Observation", ("subject:Patient._id", "p1,p2"))
        assert rows == {key for key in observed if of[key] in people}
        rows, included = asked.search("Patient", ("_revinclude", "Observation:subject"))
        assert rows == people
        visible = {key for key in observed if of[key] in people} if may(asked.who, "Observation", "r", "s") else set()
        assert included == visible
        rows, _ = asked.search("Patient", ("_has:Observation:subject:code:missing", "false"))
        assert rows == {of[key] for key in observed} & people  # each has a code
    except Forbidden:
        assert not may(asked.who, "Patient", "s")
