"""Counting: every unit is counted once, however often a run is interrupted."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.issues import issue
from gateway.core.receipt import Receipt
from gateway.core.resources import Committed, Key, Stored
from gateway.ingest.tally import MAX_ISSUES, Tally, begin

AT = datetime(2026, 3, 1, tzinfo=UTC)
RECEIPT = Receipt("r", "s", "source", "received", AT, "ab", 1, "application/json")


def committed(outcome: str) -> Committed:
    return Committed(Stored(Key("s", "Observation", "1"), 1, AT, False, b"{}"), outcome)  # type: ignore[arg-type]


OUTCOMES = st.lists(st.sampled_from(["created", "updated", "unchanged"]), max_size=5)


def status(tally: Tally) -> str:
    return tally.onto(RECEIPT, finished=True).status


def test_the_status_says_what_became_of_it() -> None:
    stored = Tally().store(1, [committed("created")], ())
    known = Tally().store(1, [committed("unchanged")], ())
    kept_out = Tally().quarantine(1, 1, [issue("ingest.no-records")])
    assert status(stored) == "stored"
    assert status(known) == "known"
    assert status(Tally()) == "known"
    assert status(kept_out) == "quarantined"
    assert status(stored.quarantine(1, 1, ())) == "partial"
    assert status(known.quarantine(1, 1, ())) == "partial"
    assert stored.onto(RECEIPT, finished=False).status == "received"


def test_a_payload_that_cannot_be_read_counts_as_one() -> None:
    assert Tally().quarantine(0, 0, ()).onto(RECEIPT, finished=True).counts.quarantined == 1


def test_a_receipt_keeps_a_bounded_number_of_issues() -> None:
    many = [issue("ingest.no-records")] * (MAX_ISSUES * 2)
    assert len(Tally().quarantine(1, 1, many).onto(RECEIPT, finished=True).issues) == MAX_ISSUES


@given(st.lists(OUTCOMES, max_size=6), st.integers(0, 6))
def test_a_resumed_run_counts_like_an_uninterrupted_one(units: list[list[str]], killed_after: int) -> None:
    whole = Tally()
    for unit in units:
        whole = whole.store(1, map(committed, unit), ())
    first = begin(RECEIPT)
    for unit in units[:killed_after]:
        first = first.store(1, map(committed, unit), ())
    interim = first.onto(RECEIPT, finished=False)

    again = begin(interim)
    for index, unit in enumerate(units):
        outcomes = ["unchanged"] * len(unit) if index < killed_after else unit
        again = again.store(1, map(committed, outcomes), ())

    assert again.onto(interim, finished=True).counts == whole.onto(RECEIPT, finished=True).counts
    assert again.onto(interim, finished=True).status == whole.onto(RECEIPT, finished=True).status
