"""Where there are many rows, a total is counted from the grants on: it is the number of rows that a reader finds."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.resources import Change, Unit
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.reading import selecting
from tests.contract.stores import (
    PARAMETERS,
    Hand,
    chain,
    change,
    consent,
    grants_of_consents,
    observation,
    reader,
    unit,
)

STUDY = "totals"
SUBJECTS = ("p1", "p2", "p3", "p4", "p5", "p6")
DOMAINS = ("heart", "sleep")
STATUSES = ("final", "amended", "corrected")
EDGES = (10, 20, 30)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    opened = SqlStore.open(url, parameters=PARAMETERS, compile_grants=grants_of_consents, chain=chain, clock=Hand())
    opened.migrate()
    opened.commit(Unit(STUDY, tuple(rows())))
    yield opened
    opened.close()


boxes = st.fixed_dictionaries(
    {"domain": st.sampled_from(("*", *DOMAINS)), "purpose": st.sampled_from(("*", "HRESCH", "TREAT"))},
    optional={"data_low": st.sampled_from(EDGES), "data_high": st.sampled_from(EDGES)},
)
given_boxes = st.tuples(*[st.lists(boxes, max_size=2)] * len(SUBJECTS))


def rows() -> Iterator[Change]:
    """Of each participant and domain some at, before, within and after each edge, of three statuses; one of two."""
    number = 0
    for subject in SUBJECTS:
        for domain in DOMAINS:
            for low in (5, 10, 15, 20, 25):
                number += 1
                placed = {"subjects": (subject,), "domains": (domain,), "low": low, "high": low + 5}
                yield change(STUDY, observation(f"o{number}", status=STATUSES[number % 3]), **placed)
    yield change(STUDY, observation("both"), subjects=SUBJECTS[:2], domains=DOMAINS[:1], low=10, high=20)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_boxes)
def test_a_total_of_many_is_how_many_are_found(store: SqlStore, given: tuple[list[dict[str, Any]], ...]) -> None:
    consents = [
        consent(f"c-{who}", who, *made, status="active" if made else "inactive")
        for who, made in zip(SUBJECTS, given, strict=True)
    ]
    store.commit(unit(STUDY, *consents))
    for asked in ((), (("status", "final,amended"),), (("status", "final"),)):
        query = parse("Observation", [*asked, ("_total", "accurate")], PARAMETERS)
        found = store.search(query, STUDY, reader(STUDY), Page(100))
        assert found.total == len(found.rows)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selecting, "MANY", 1)
            assert store.search(query, STUDY, reader(STUDY), Page(0)).total == len(found.rows)
