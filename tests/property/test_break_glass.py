"""What the broken glass shows is what its rule says, on both databases, whatever the Consents permit."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.breaking import behind_glass
from gateway.access.reading.limits import Limits
from gateway.core import Resource
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.core.resources import Change, Placement, Unit, Visibility
from gateway.search import parse
from gateway.store.sql import SqlStore
from gateway.study.parts import Role
from tests.contract.stores import PARAMETERS, change, consent
from tests.property.test_scopes_equal_permits import EVERYTHING, LIMITS, patient, placements, plain, store
from tests.property.test_search_equals_matches import PATIENTS

MAY = Role("doctor", ("system/*.rs",), break_glass=True)
scopes = st.sampled_from([("system/*.rs",), ("system/Observation.rs?code=1",), ("user/Patient.r", "user/*.s"), ()])

__all__ = ["store"]


def who(scopes: tuple[str, ...], broken: str, purpose: str = "BTG") -> Principal:
    return Principal("c", "", "org", "doctor", purpose, scopes, broken=broken)


def eyes(limits: Limits, reader: Principal, study: str, letters: str, action: str = "access") -> Visibility:
    return Visibility(study, "org", action, "BTG", 0, limits.of(reader, letters))


@settings(max_examples=25)
@given(st.lists(st.tuples(plain, placements), max_size=8), st.sets(st.sampled_from(PATIENTS)), scopes, st.data())
def test_the_store_shows_what_the_rule_says(
    store: SqlStore,
    drawn: list[tuple[Resource, Placement]],
    consenting: set[str],
    scopes: tuple[str, ...],
    data: st.DataObject,
) -> None:
    study, broken = uuid4().hex, data.draw(st.sampled_from([*PATIENTS, "nobody"]))
    people = [(patient(id), Placement((id,), ("heart",))) for id in PATIENTS]
    consents = [(consent(f"c{id}", id), Placement((id,))) for id in sorted(consenting)]
    written = {f"{one['resourceType']}/{one['id']}": (one, placed) for one, placed in [*people, *consents, *drawn]}
    changes = [Change(change(study, one).key, one, placed) for one, placed in written.values()]
    store.commit(Unit(study, tuple(changes)))
    reader = who(scopes, broken)
    limits = behind_glass(LIMITS, reader, MAY)
    for letters in ("r", "s"):
        allowed = limits.of(reader, letters)
        said = {key for key, (one, placed) in written.items() if limits.permits(allowed, one, placed)}
        assert all(shown_of(written[key], broken) for key in said)
        seen = eyes(limits, reader, study, letters)
        assert {one.key.reference for one in changes if store.read(one.key, seen)} == said
        listed = store.changes(study, seen, type=None, page=EVERYTHING)
        assert {row.key.reference for row in listed.rows} == said
        for kind in ("Observation", "Patient", "Consent"):
            query = parse(kind, [("_total", "accurate")], PARAMETERS)
            found = store.search(query, study, seen, EVERYTHING)
            assert {row.key.reference for row in found.rows} == {key for key in said if key.startswith(f"{kind}/")}
            assert found.total == len(found.rows)


def shown_of(one: tuple[Resource, Placement], broken: str) -> bool:
    resource, placed = one
    return resource["resourceType"] != "Consent" and (placed.study_level or placed.subjects == (broken,))


@pytest.mark.parametrize("letters", ["", "rs", "c", "u", "d", "cruds"])
def test_anything_but_reading_gets_nothing(store: SqlStore, letters: str) -> None:
    study = uuid4().hex
    one: Any = change(study, patient("p1"), subjects=("p1",))
    store.commit(Unit(study, (one, change(study, consent("c1", "p1")))))
    reader = who(("system/*.cruds",), "p1")
    limits = behind_glass(LIMITS, reader, MAY)
    for action in ("access", "disclose"):
        seen = eyes(limits, reader, study, letters, action)
        assert store.read(one.key, seen) is None
        assert list(store.stream("Patient", study, seen)) == []
        assert [batch.count for batch in store.batches("Patient", study, seen)] == []


def test_who_was_deleted_is_not_shown(store: SqlStore) -> None:
    study = uuid4().hex
    one = change(study, patient("p1"), subjects=("p1",))
    store.commit(Unit(study, (one,)))
    reader = who(("system/*.rs",), "p1")
    seen = eyes(behind_glass(LIMITS, reader, MAY), reader, study, "r")
    assert store.read(one.key, seen) is not None
    withdrawn = change(study, consent("c1", "p1", status="inactive"))
    store.commit(Unit(study, (withdrawn,), purge=lambda _committed: ("p1",)))
    assert store.read(one.key, seen) is None
    assert store.read(one.key, seen, 1) is None
    assert store.read(withdrawn.key, seen) is None
    assert store.changes(study, seen, type=None, page=EVERYTHING).rows == ()


@pytest.mark.parametrize(
    ("role", "purpose"),
    [(Role("doctor", ("system/*.rs",)), "BTG"), (MAY, "HRESCH"), (MAY, ""), (MAY, "btg")],
)
def test_nobody_else_breaks_the_glass(role: Role, purpose: str) -> None:
    with pytest.raises(Forbidden):
        behind_glass(LIMITS, who(("system/*.rs",), "p1", purpose), role)
