"""Who keeps data finds in the store exactly what the specification says is kept, on both databases."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.consent import ConsentRequest, decide
from gateway.core.kinds import Kind
from gateway.core.resources import Change, Key, Limit, Placement, Unit, Visibility
from gateway.search import Query
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.property.test_grants_equal_decide import POLICY, WIDEST, consents, keeping, placements, width
from tests.property.test_sql_equals_decide import NUMBERS, placed, resource, store

__all__ = ["store"]
KEPT = (Limit("*", retained=True),)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(consents(), min_size=1, max_size=3, unique_by=lambda one: one["id"]).filter(
        lambda found: width(found) <= WIDEST
    ),
    st.lists(placements(), min_size=4, max_size=6),
    st.lists(keeping, min_size=2, max_size=3),
)
def test_a_keeper_finds_what_is_kept(
    store: SqlStore, given_consents: list[dict[str, Any]], rows: list[Placement], asked: list[ConsentRequest]
) -> None:
    study = f"kept-{next(NUMBERS)}"
    where = {number: placed(number, one) for number, one in enumerate(rows, 1)}
    data = [Change(Key(study, "Observation", str(number)), resource(number), one) for number, one in where.items()]
    signed = [Change(Key(study, "Consent", one["id"]), one, Placement(kind=Kind())) for one in given_consents]
    store.commit(Unit(study, (*data, *signed)))
    for request in asked:
        eyes = Visibility(study, request.organisation, "access", request.purpose, request.now, KEPT)
        kept = {str(number) for number, one in where.items() if decide(given_consents, request, one, POLICY).permit}
        read = {name for name in map(str, where) if store.read(Key(study, "Observation", name), eyes)}
        version = {name for name in map(str, where) if store.read(Key(study, "Observation", name), eyes, 1)}
        found = store.search(Query("Observation", total="accurate"), study, eyes, Page(50))
        assert read == version == {one.key.id for one in found.rows} == kept
        assert found.total == len(kept)
