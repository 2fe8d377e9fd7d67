"""What an event tells of participants and Consents is what the database says as it is written, whoever wrote it
there; and a batch of events costs as many statements as one."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from gateway.core.event import Event, Seen, Told
from gateway.core.instants import micros
from gateway.core.resources import Key, Unit
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, change, consent, event, observation, open_store, reader, unit

PAIR = (("p1", "heart"),)


@pytest.fixture
def other(database_url: str, store: SqlStore) -> Iterator[SqlStore]:
    """The same database behind connections of its own, as another process has them."""
    opened = open_store(database_url)
    yield opened
    opened.close()


def reading(study: str, *references: str) -> Event:
    return structs.replace(event(study), targets=references, versions=(1,) * len(references), count=len(references))


def told(store: SqlStore, *events: Told) -> list[tuple[list[str], list[str]]]:
    rows = [json.loads(row.event) for row in store.append(events)]
    return [(row["patients"], row["consents"]) for row in rows]


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_consent_of_another_process_shows_in_the_next_event(
    store: SqlStore, other: SqlStore, study: str, is_seen: bool
) -> None:
    store.commit(unit(study, observation("o1"), consent("c1", "p1", {"consent": "Consent/c1/1"})))
    plain = reading(study, "Observation/o1")
    asked = Seen(plain, PAIR) if is_seen else plain
    assert told(store, asked) == [(["p1"], ["Consent/c1/1"])]
    other.commit(unit(study, consent("c1", "p1", {"consent": "Consent/c1/2"})))
    assert told(store, asked) == [(["p1"], ["Consent/c1/2"])]
    other.commit(unit(study, consent("c2", "p1", {"consent": "Consent/c2/1", "grantee": "org"})))
    assert told(store, asked) == [(["p1"], ["Consent/c1/2", "Consent/c2/1"])]
    other.commit(unit(study, consent("c1", "p1", status="inactive"), consent("c2", "p1", status="inactive")))
    assert told(store, asked) == [(["p1"], [])]


def test_only_grants_that_this_reader_leans_on_are_told(store: SqlStore, study: str) -> None:
    grants: list[dict[str, Any]] = [
        {"consent": "mine", "grantee": "org", "domain": "heart", "action": "access", "purpose": "HRESCH"},
        {"consent": "of-others", "grantee": "clinic"},
        {"consent": "of-another-domain", "domain": "sleep"},
        {"consent": "of-another-action", "action": "disclose"},
        {"consent": "of-another-purpose", "purpose": "TREAT"},
        {"consent": "not-yet", "valid_low": 2**61},
        {"consent": "any"},
    ]
    store.commit(unit(study, observation("o1"), consent("c1", "p1", *grants)))
    plain = reading(study, "Observation/o1")
    denied = structs.replace(plain, outcome="denied")
    everyone = (["p1"], ["any", "mine"])
    assert told(store, plain, Seen(plain, PAIR), denied) == [everyone, everyone, (["p1"], [])]
    exported = structs.replace(plain, operation="disclose")
    assert told(store, exported) == [(["p1"], ["any", "of-another-action"])]


def test_each_event_of_a_batch_goes_by_its_own_instant(store: SqlStore, study: str) -> None:
    plain = reading(study, "Observation/o1")
    moments = [plain.at + timedelta(milliseconds=number) for number in range(5)]
    turn = [micros(moment) for moment in moments]
    grants: list[dict[str, Any]] = [
        {"consent": "always"},
        {"consent": "from-the-second", "valid_low": turn[1]},
        {"consent": "until-the-third", "valid_high": turn[2]},
        {"consent": "between", "valid_low": turn[2], "valid_high": turn[3]},
        {"consent": "before", "valid_high": turn[0]},
        {"consent": "after", "valid_low": turn[4] + 1},
    ]
    store.commit(unit(study, observation("o1"), consent("c1", "p1", *grants)))
    expected = [
        ["always", "until-the-third"],
        ["always", "from-the-second", "until-the-third"],
        ["always", "between", "from-the-second"],
        ["always", "from-the-second"],
        ["always", "from-the-second"],
    ]
    events = [structs.replace(plain, at=moment) for moment in moments]
    for batch in (events, [Seen(one, PAIR) for one in events]):
        assert [consents for _, consents in told(store, *batch)] == expected
    assert [consents for _, consents in told(store, *events[::-1])] == expected[::-1]
    assert [told(store, one)[0][1] for one in events] == expected


def test_what_a_read_tells_is_what_the_store_would_find(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c1", "p1", {"consent": "one"}), consent("c2", "p2", {"consent": "two"})))
    both = change(study, observation("o3"), subjects=("p1", "p2"))
    level = change(study, observation("o4"), subjects=(), study_level=True)
    store.commit(Unit(study, (both, change(study, observation("o1")), level)))
    for id, pairs in (("o1", PAIR), ("o3", None), ("o4", ())):
        stored = store.read(Key(study, "Observation", id), reader(study))
        assert stored
        assert stored.pairs == pairs
        plain = reading(study, f"Observation/{id}")
        assert stored.pairs is None or told(store, Seen(plain, stored.pairs)) == told(store, plain)


def test_a_page_tells_whose_data_it_serves_and_not_whose_comes_next(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("pages on the event loop are SQLite's")
    store.commit(unit(study, *(consent(f"c{n}", f"p{n}") for n in range(3))))
    for number in (2, 1, 0):
        store.commit(unit(study, observation(f"o{number}", f"p{number}", effectiveDateTime=f"2026-06-0{number + 1}")))
    query = parse("Observation", [], PARAMETERS)
    page = store.search_briefly(query, study, reader(study), Page(2))
    assert page
    assert page.next is not None
    assert sorted(page.pairs or ()) == [("p1", "heart"), ("p2", "heart")]


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_batch_costs_as_many_statements_as_one_event(
    store: SqlStore, study: str, monkeypatch: pytest.MonkeyPatch, is_seen: bool
) -> None:
    people = range(16)
    store.commit(unit(study, *(observation(f"o{n}", f"p{n}") for n in people)))
    store.commit(unit(study, *(consent(f"c{n}", f"p{n}", {"consent": f"of-{n}"}) for n in people)))
    store.append([event(study)])
    run, count = store.database.run, [0]

    def counted(*given: Any) -> list[Any]:
        count[0] += 1
        return run(*given)

    monkeypatch.setattr(store.database, "run", counted)
    plain = [reading(study, f"Observation/o{n}") for n in people]
    asked: Sequence[Told] = [Seen(one, ((f"p{n}", "heart"),)) for n, one in enumerate(plain)] if is_seen else plain
    assert told(store, *asked) == [([f"p{n}"], [f"of-{n}"]) for n in people]
    assert count[0] == (3 if is_seen else 4), "the end of the chain, resources unless seen, grants, the new end"
