"""What a reader finds in the store is exactly what the specification permits, on both databases."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.consent import ConsentRequest, compile_grants, decide
from gateway.core.kinds import Kind
from gateway.core.resources import Change, Grant, Key, Placement, Unit, Visibility
from gateway.search import Query, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.reading import selecting
from tests.contract.stores import PARAMETERS, Hand, chain
from tests.property.test_grants_equal_decide import POLICY, WIDEST, consents, placements, requests, width

NUMBERS = count()


def grants(_study: str, subject: str, found: Sequence[dict[str, Any]]) -> tuple[Grant, ...]:
    return compile_grants(subject, found, POLICY)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = SqlStore.open(url, parameters=PARAMETERS, compile_grants=grants, chain=chain, clock=Hand())
    opened.migrate()
    yield opened
    opened.close()


def resource(number: int) -> dict[str, Any]:
    """Their statuses are three facets, by which totals are counted together."""
    status = ("final", "amended", "corrected")[number % 3]
    return {"resourceType": "Observation", "id": str(number), "status": status, "code": {"text": "x"}}


def placed(number: int, placement: Placement) -> Placement:
    """The placement, its instance that of the resource with the number."""
    where = f"Observation/{number}" if placement.kind.direct else ""
    return Placement(
        placement.subjects, placement.domains, False, placement.low, placement.high, placement.kind, where
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(consents(), min_size=1, max_size=3, unique_by=lambda one: one["id"]).filter(
        lambda found: width(found) <= WIDEST
    ),
    st.lists(placements(), min_size=4, max_size=6),
    st.lists(requests, min_size=3, max_size=4),
    st.booleans(),
)
def test_a_reader_finds_what_is_permitted(
    store: SqlStore,
    given_consents: list[dict[str, Any]],
    rows: list[Placement],
    asked: list[ConsentRequest],
    data_first: bool,
) -> None:
    study = f"study-{next(NUMBERS)}"
    where = {number: placed(number, one) for number, one in enumerate(rows, 1)}
    data = [Change(Key(study, "Observation", str(number)), resource(number), one) for number, one in where.items()]
    given_changes = [Change(Key(study, "Consent", one["id"]), one, Placement(kind=Kind())) for one in given_consents]
    for changes in (data, given_changes) if data_first else (given_changes, data):
        store.commit(Unit(study, tuple(changes)))
    for request in asked:
        eyes = Visibility(study, request.organisation, request.action, request.purpose, request.now)
        permitted = {
            str(number) for number, one in where.items() if decide(given_consents, request, one, POLICY).permit
        }
        read = {name for name in map(str, where) if store.read(Key(study, "Observation", name), eyes)}
        version = {name for name in map(str, where) if store.read(Key(study, "Observation", name), eyes, 1)}
        found = store.search(Query("Observation", total="accurate"), study, eyes, Page(50))
        assert read == version == {one.key.id for one in found.rows} == permitted
        assert found.total == len(permitted) == total_of_many(store, study, eyes)
        of_two = {name for name in permitted if resource(int(name))["status"] != "corrected"}
        assert total_of_many(store, study, eyes, ("status", "final,amended")) == len(of_two)


def total_of_many(store: SqlStore, study: str, eyes: Visibility, *asked: tuple[str, str]) -> int | None:
    """The total as it is counted where there are many rows."""
    query = parse("Observation", [*asked, ("_total", "accurate")], PARAMETERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selecting, "MANY", 1)
        return store.search(query, study, eyes, Page(0)).total
