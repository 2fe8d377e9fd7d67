"""A search since a time reads what may reach in from before, however long it lasts, and no more than that."""

import pytest

from gateway.core import Resource
from gateway.search import Query, matches, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.reading import brief_searches
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

CODE = ("code", "http://loinc.org|8867-4")
TIMES: dict[str, Resource] = {
    "second": {"effectiveDateTime": "2026-06-01T08:00:00Z"},
    "later": {"effectiveDateTime": "2026-06-03T08:00:00Z"},
    "minute": {"effectivePeriod": {"start": "2026-06-01T08:00:00Z", "end": "2026-06-01T08:00:59Z"}},
    "two-minutes": {"effectivePeriod": {"start": "2026-06-01T07:59:00Z", "end": "2026-06-01T08:01:00Z"}},
    "day": {"effectiveDateTime": "2026-06-01"},
    "year": {"effectiveDateTime": "2025"},
    "open": {"effectivePeriod": {"start": "2026-05-01"}},
    "begun-at-any-time": {"effectivePeriod": {"end": "2026-06-02"}},
    "undated": {},
}
ASKED = [
    f"{prefix}{moment}"
    for prefix in ("eq", "gt", "ge", "sa", "ap")
    for moment in ("2026-06-01T08:00:30Z", "2026-06-01", "2025-12-31T23:59:59Z")
]
ASKED_AFTER = ("minute", "two-minutes", "day", "undated")


def timed(name: str) -> Resource:
    row = observation(name, note=[{"text": name}])
    del row["effectiveDateTime"]
    return row | TIMES[name]


def asking(*asked: tuple[str, str]) -> Query:
    return parse("Observation", [("patient", "p1"), CODE, *asked], PARAMETERS)


def test_what_reaches_in_from_before_is_found(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1")))
    written: list[Resource] = []
    for name in TIMES:  # each lasts longer than those before
        written.append(timed(name))
        store.commit(unit(study, written[-1]))
        for date in ASKED if name in ASKED_AFTER else ():
            query = asking(("date", date))
            found = store.search(query, study, reader(study), Page(20)).rows
            brief = store.search_briefly(query, study, reader(study), Page(20))
            assert brief is None or list(brief.ids) == [row.key.id for row in found]
            told = {str(one["id"]) for one in written if matches(query, one, PARAMETERS)}
            assert (name, date, {row.key.id for row in found}) == (name, date, told)


def test_where_samples_are_short_none_of_those_before_is_read(
    store: SqlStore, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    monkeypatch.setattr(brief_searches, "STRIDES", 0)  # a few steps for each of them are too many
    times = [f"2026-06-01T{number // 60:02}:{number % 60:02}:00Z" for number in range(400)]
    samples = [observation(f"o{number}", effectiveDateTime=time) for number, time in enumerate(times)]
    store.commit(unit(study, consent("c", "p1"), *samples))
    since = asking(("date", "ge2026-06-01T06:39:00Z"), ("_sort", "-date"))
    found = store.search_briefly(since, study, reader(study), Page(20))
    assert found is not None
    assert list(found.ids) == ["o399"]
    store.commit(unit(study, {**timed("year"), "id": "long"}))
    assert store.search_briefly(since, study, reader(study), Page(20)) is None
    assert [row.key.id for row in store.search(since, study, reader(study), Page(20)).rows] == ["o399"]
