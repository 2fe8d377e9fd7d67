"""What names one participant is counted as it is found, whosever it is and whatever is granted."""

from dataclasses import replace
from typing import Any, Final

import pytest

from gateway.core.resources import Change, Unit
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, change, consent, observation, reader, unit

OTHER: Final = "q"
CODE: Final = ("code", "http://loinc.org|8867-4")
ASKED: Final = ((), (CODE,), (CODE, ("status", "final")), (CODE, ("date", "ge2026-06-01")))

WHOSE: Final[dict[str, list[dict[str, Any]]]] = {
    "own": [{}],
    "own-of-two-codes": [{}, {"status": "amended"}],
    "own-of-two-domains": [{}, {"domains": ("sleep",)}],
    "own-of-all-time": [{"low": 0, "high": 50}],
    "in-both-domains": [{}, {"domains": ("heart", "sleep")}],
    "of-both": [{}, {"subjects": ("of-both", OTHER)}],
    "of-the-other": [{"subjects": (OTHER,)}, {}],
    "of-the-other-alone": [{"subjects": (OTHER,)}],
    "of-nobody": [{}, {"subjects": ()}],
    "of-the-study": [{"subjects": (), "study_level": True}, {}],
    "named-another": [{"named": OTHER}, {}],
    "as-many-of-another": [{"named": OTHER}, {"subjects": (OTHER,)}],
}
"""By participant, the Observations that are placed otherwise than all of `PLAIN`, who names the participant."""

GRANTS: Final[dict[str, list[dict[str, Any]]]] = {
    "nothing": [],
    "everything": [{}],
    "heart": [{"domain": "heart"}],
    "heart-and-sleep": [{"domain": "heart"}, {"domain": "sleep"}],
    "heart-of-a-time": [{"domain": "heart", "data_low": 10, "data_high": 30}],
    "for-another-purpose": [{"purpose": "TREAT"}],
    "not-yet": [{"valid_low": 1 << 60}],
    "everything-and-a-time": [{"data_low": 10}, {}],
}


def written(study: str) -> list[Change]:
    changes = []
    for who, rows in WHOSE.items():
        for number, told in enumerate(rows):
            row = dict(told)
            named, status = row.pop("named", who), row.pop("status", "final")
            place: dict[str, Any] = {"subjects": (who,), "low": 10, "high": 20} | row
            changes.append(change(study, observation(f"{who}-{number}", named, status=status), **place))
    return changes


def totals(store: SqlStore, study: str) -> dict[tuple[str, int], int]:
    """How many are found, of each participant and question; each way of counting must say so."""
    found = {}
    for who in (*WHOSE, OTHER):
        for number, asked in enumerate(ASKED):
            query = parse("Observation", [("patient", who), *asked, ("_total", "accurate")], PARAMETERS)
            rows = store.search(query, study, reader(study), Page(100))
            brief = store.search_briefly(replace(query, count=0), study, reader(study), Page(0))
            assert (who, asked, rows.total) == (who, asked, len(rows.rows))
            assert brief is not None
            assert brief.total == rows.total
            found[who, number] = len(rows.rows)
    return found


def test_what_names_a_participant_is_counted_as_it_is_found(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL asks each row")
    store.commit(Unit(study, tuple(written(study))))
    seen = {}
    for name, grants in GRANTS.items():
        status = "active" if grants else "inactive"
        store.commit(unit(study, *(consent(f"c-{who}", who, *grants, status=status) for who in WHOSE)))
        seen[name] = totals(store, study)
    assert seen["everything"]["own-of-two-domains", 1] == 2
    assert seen["heart"]["own-of-two-domains", 1] == 1
    assert {key: found for key, found in seen["nothing"].items() if found} == {
        ("of-the-study", number): 1 for number in range(len(ASKED))
    }
    store.commit(unit(study, *(consent(f"c-{who}", who, status="inactive") for who in WHOSE)))
    assert totals(store, study) == seen["nothing"]


def test_what_names_a_participant_and_is_another_s_is_not_counted(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1")))
    store.commit(Unit(study, (change(study, observation("o"), subjects=(OTHER,)),)))
    query = parse("Observation", [("patient", "p1"), CODE, ("_total", "accurate")], PARAMETERS)
    assert store.search(query, study, reader(study), Page(0)).total == 0
    assert store.search(query, study, None, Page(0)).total == 1
    store.commit(unit(study, consent("other", OTHER)))
    assert store.search(query, study, reader(study), Page(0)).total == 1
