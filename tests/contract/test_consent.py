"""Grants live and die with the Consents of their subject, and decide every way of reading."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import text

from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Unit, Visibility
from gateway.search import Query
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, PARAMETERS, change, consent, grants_of_consents, observation, reader, unit


def seen(store: SqlStore, visibility: Visibility, *ids: str) -> list[str]:
    """Which of the Observations the reader finds; every way of reading must agree."""
    study = visibility.study
    read = [id for id in ids if store.read(Key(study, "Observation", id), visibility)]
    history = [id for id in ids if store.history(Key(study, "Observation", id), visibility)]
    version = [id for id in ids if store.read(Key(study, "Observation", id), visibility, 1)]
    found = store.search(Query("Observation", total="accurate"), study, visibility, Page(100))
    searched = sorted(one.key.id for one in found.rows)
    streamed = sorted(one.key.id for one in store.stream("Observation", study, visibility))
    assert read == history == version == searched == streamed
    assert found.total == len(read)
    return read


def test_without_consent_nothing_is_visible(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))
    assert seen(store, reader(study), "a") == []


def test_a_consent_opens_its_own_patient_only(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", "p1"), observation("b", "p2"), consent("c", "p1")))
    assert seen(store, reader(study), "a", "b") == ["a"]


def test_a_withdrawal_acts_in_its_own_transaction(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a"), consent("c", "p1")))
    store.commit(unit(study, consent("c", "p1", status="inactive")))
    assert seen(store, reader(study), "a") == []


def test_a_deleted_consent_permits_nothing(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a"), consent("c", "p1")))
    store.commit(Unit(study, (Change(Key(study, "Consent", "c"), None),)))
    assert seen(store, reader(study), "a") == []


def test_all_consents_of_the_patient_count(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a"), consent("c1", "p1")))
    store.commit(unit(study, consent("c2", "p1", dissent=True)))
    assert seen(store, reader(study), "a") == []
    store.commit(unit(study, consent("c2", "p1", dissent=True, status="inactive")))
    assert seen(store, reader(study), "a") == ["a"]


def test_a_consent_that_moves_to_another_patient_takes_its_grants_along(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", "p1"), observation("b", "p2"), consent("c", "p1")))
    store.commit(unit(study, consent("c", "p2")))
    assert seen(store, reader(study), "a", "b") == ["b"]


def test_accompanying_consents_count_too(store: SqlStore, study: str) -> None:
    def accompany(_committed: object) -> tuple[Change, ...]:
        return (change(study, consent("c", "p1")),)

    store.commit(unit(study, observation("a"), accompany=accompany))
    assert seen(store, reader(study), "a") == ["a"]


@pytest.mark.parametrize(
    ("grant", "visible"),
    [
        ({}, True),
        ({"grantee": "org"}, True),
        ({"grantee": "other"}, False),
        ({"domain": "heart"}, True),
        ({"domain": "sleep"}, False),
        ({"domain": ""}, False),
        ({"action": "access"}, True),
        ({"action": "collect"}, False),
        ({"purpose": "HRESCH"}, True),
        ({"purpose": "TREAT"}, False),
        ({"data_low": 100, "data_high": 200}, True),
        ({"data_low": 101}, False),
        ({"data_high": 199}, False),
        ({"valid_low": micros(NOW)}, True),
        ({"valid_low": micros(NOW) + 1}, False),
        ({"valid_high": micros(NOW)}, False),
        ({"valid_high": micros(NOW) + 1}, True),
    ],
)
def test_every_side_of_a_grant_counts(store: SqlStore, study: str, grant: dict[str, object], visible: bool) -> None:
    one = change(study, observation("a"), low=100, high=200)
    store.commit(Unit(study, (one, change(study, consent("c", "p1", grant)))))
    assert seen(store, reader(study), "a") == (["a"] if visible else [])


def test_data_without_a_date_need_a_grant_for_all_time(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", "p1"), consent("c1", "p1", {"data_low": -1, "data_high": 10**18})))
    store.commit(unit(study, observation("b", "p2"), consent("c2", "p2")))
    assert seen(store, reader(study), "a", "b") == ["b"]


def test_every_pair_of_subject_and_domain_must_be_permitted(store: SqlStore, study: str) -> None:
    placement = {"subjects": ("p1", "p2"), "domains": ("heart", "sleep")}
    store.commit(Unit(study, (change(study, observation("a"), **placement),)))
    store.commit(unit(study, consent("c1", "p1")))
    assert seen(store, reader(study), "a") == []
    store.commit(unit(study, consent("c2", "p2", {"domain": "heart"})))
    assert seen(store, reader(study), "a") == []
    store.commit(unit(study, consent("c3", "p2", {"domain": "sleep"})))
    assert seen(store, reader(study), "a") == ["a"]


def test_the_data_window_is_that_of_the_row_with_several_pairs_too(store: SqlStore, study: str) -> None:
    early = change(study, observation("a"), subjects=("p1", "p2"), low=0, high=10)
    late = change(study, observation("b"), subjects=("p1", "p2"), low=90, high=100)
    window = {"data_low": 0, "data_high": 50}
    consents = [change(study, consent(f"c{p}", p, window)) for p in ("p1", "p2")]
    store.commit(Unit(study, (early, late, *consents)))
    assert seen(store, reader(study), "a", "b") == ["a"]


@pytest.mark.parametrize("placement", [{"subjects": ()}, {"domains": ()}])
def test_without_subject_or_domain_nobody_sees_it(store: SqlStore, study: str, placement: dict[str, object]) -> None:
    store.commit(Unit(study, (change(study, observation("a"), **placement), change(study, consent("c", "p1")))))
    assert seen(store, reader(study), "a") == []


def test_study_level_rows_are_visible_to_the_study(store: SqlStore, study: str) -> None:
    store.commit(Unit(study, (change(study, observation("a"), subjects=(), study_level=True),)))
    assert seen(store, reader(study), "a") == ["a"]
    with pytest.raises(ValueError, match="another study"):
        store.read(Key(study, "Observation", "a"), reader("another"))


def test_grants_of_another_study_open_nothing(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))
    store.commit(unit(study + "-2", consent("c", "p1")))
    assert seen(store, reader(study), "a") == []


def test_an_old_version_of_another_patient_stays_hidden(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", "p1")))
    store.commit(unit(study, observation("a", "p2"), consent("c", "p2")))
    key, visibility = Key(study, "Observation", "a"), reader(study)
    assert [one.version for one in store.history(key, visibility)] == [2]
    assert store.read(key, visibility, 1) is None
    store.commit(unit(study, consent("c1", "p1")))
    assert [one.version for one in store.history(key, visibility)] == [2, 1]
    store.commit(unit(study, consent("c", "p2", status="inactive")))
    assert store.history(key, visibility) == []
    assert store.read(key, visibility, 1) is None


def test_a_deletion_is_seen_by_those_who_saw_the_data(store: SqlStore, study: str) -> None:
    pair = change(study, observation("b"), subjects=("p1", "p2"))
    store.commit(Unit(study, (change(study, observation("a")), pair, change(study, consent("c", "p1")))))
    deletions = [Change(Key(study, "Observation", id), None) for id in ("a", "b")]
    store.commit(Unit(study, tuple(deletions)))
    gone = store.read(Key(study, "Observation", "a"), reader(study))
    assert gone is not None
    assert gone.deleted
    assert store.read(Key(study, "Observation", "b"), reader(study)) is None
    store.commit(unit(study, consent("c2", "p2")))
    assert store.read(Key(study, "Observation", "b"), reader(study)) is not None
    store.commit(unit(study, consent("c", "p1", status="inactive")))
    assert store.read(Key(study, "Observation", "a"), reader(study)) is None


@pytest.mark.parametrize("to", [{"domains": ("sleep",)}, {"subjects": ("p2",)}, {"domains": ("heart", "sleep")}])
def test_unchanged_content_moves_with_its_placement(store: SqlStore, study: str, to: dict[str, object]) -> None:
    store.commit(unit(study, observation("a"), consent("c", "p1", {"domain": "heart"})))
    assert seen(store, reader(study), "a") == ["a"]
    moved = store.commit(Unit(study, (change(study, observation("a"), **to),)))
    assert moved[0].outcome == "unchanged"
    assert seen(store, reader(study), "a") == []
    store.commit(Unit(study, (change(study, observation("a")),)))
    assert seen(store, reader(study), "a") == ["a"]


def test_two_writers_of_one_patients_consents_both_count(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))
    start = Barrier(4)

    def write(number: int) -> None:
        start.wait()
        store.commit(unit(study, consent(f"c{number}", "p1", {"grantee": f"org{number}"})))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert [seen(store, reader(study, f"org{number}"), "a") for number in range(4)] == [["a"]] * 4


def test_regrant_applies_a_changed_policy(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a"), consent("c", "p1"), consent("d", "p2")))
    stricter = SqlStore(
        store.database,
        PARAMETERS,
        lambda s, p, consents: grants_of_consents(s, p, consents)[:0],
        _no_chain,
        lambda: NOW,
    )
    assert stricter.regrant(study) == 2
    assert seen(store, reader(study), "a") == []
    assert store.regrant(study) == 2
    assert seen(store, reader(study), "a") == ["a"]


def test_the_epoch_of_a_participant_rises_with_what_their_grants_are_made_of(store: SqlStore, study: str) -> None:
    assert store.consent_epoch(study, "p1") == 0
    store.commit(unit(study, observation("a", "p1"), consent("c2", "p2")))
    assert store.consent_epoch(study, "p1") == 0
    linked = {
        "resourceType": "ResearchSubject",
        "id": "r",
        "status": "on-study",
        "individual": {"reference": "Patient/p1"},
    }
    before = 0
    for one in (consent("c", "p1"), consent("c", "p1", status="inactive"), consent("c", "p3"), linked):
        store.commit(unit(study, one))
        after = store.consent_epoch(study, "p1")
        store.commit(unit(study, observation("a", "p1", status="amended"), consent("c2", "p2", status="draft")))
        assert before < after == store.consent_epoch(study, "p1")
        before = after
    assert store.consent_epoch("another", "p1") == 0


def _no_chain(_previous: bytes, _event: object) -> None:  # type: ignore[return]
    raise AssertionError("no audit here")


def test_a_grant_for_somebody_else_is_a_bug_and_undoes_the_unit(store: SqlStore, study: str) -> None:
    wrong = SqlStore(
        store.database,
        PARAMETERS,
        lambda s, p, consents: [replace(g, subject="p9") for g in grants_of_consents(s, p, consents)],
        _no_chain,
        lambda: NOW,
    )
    with pytest.raises(ValueError, match="another subject"):
        wrong.commit(unit(study, consent("c", "p1")))
    assert store.read(Key(study, "Consent", "c"), None) is None


def test_lost_pairs_hide_the_row(store: SqlStore, study: str) -> None:
    pair = change(study, observation("a"), subjects=("p1", "p2"))
    store.commit(Unit(study, (pair, *(change(study, consent(f"c{p}", p)) for p in ("p1", "p2")))))
    assert seen(store, reader(study), "a") == ["a"]
    with store.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM version_pair WHERE study = :study"), {"study": study})
    assert seen(store, reader(study), "a") == []
