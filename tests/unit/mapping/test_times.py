"""Times keep offset and precision; the zone's rules are the file's, never the server's."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.instants import parse_interval
from gateway.formats import decode
from gateway.mapping.explaining.walk import instant_text
from gateway.mapping.functions.times import at_offset, at_zone, date_only, from_epoch, hl7_date, hl7_time, parse_time
from gateway.mapping.scope import Fault, Scope, current
from gateway.mapping.tools.selftest import facts_of
from tests.mapping_runs import registry


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    made = Scope(zone="Europe/Berlin", ambiguous="earlier", gap="shift")
    token = current.set(made)
    yield made
    current.reset(token)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("2026-06-29T22:00:05Z", "7200s", "2026-06-30T00:00:05+02:00"),
        ("2026-06-29T22:00:05.120Z", "+02:00", "2026-06-30T00:00:05.120+02:00"),
        ("2026-06-29T22:00:05Z", 0, "2026-06-29T22:00:05+00:00"),
        ("2026-06-29T22:00:05Z", "-12600s", "2026-06-29T18:30:05-03:30"),
        ("2026-06-29T22:00:05", "-03:30", "2026-06-29T22:00:05-03:30"),
        ("2026-06-29T22:00+01:00", "Z", "2026-06-29T21:00:00+00:00"),
        ("2026-06-29", "7200s", "2026-06-29"),
    ],
)
def test_at_offset(text: str, offset: object, expected: str) -> None:
    assert at_offset([text], [offset]) == [expected]


@pytest.mark.parametrize("offset", ["100000s", "+2", "Europe/Berlin", "90s"])
def test_an_offset_that_is_none_is_reported(offset: str) -> None:
    with pytest.raises(Fault):
        at_offset(["2026-06-29T22:00:05Z"], [offset])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20261006062700+0700", "2026-10-06T06:27:00+07:00"),
        ("20240229235959-0000", "2024-02-29T23:59:59-00:00"),
        ("17000228235959+0100", "1700-02-28T23:59:59+01:00"),
        ("20261006062700+1545", "2026-10-06T06:27:00+15:45"),
        ("20261006062700.1234-0330", "2026-10-06T06:27:00.1234-03:30"),
        ("202610060627", "2026-10-06T06:27:00+02:00"),
        ("20261006", "2026-10-06"),
        ("202610", "2026-10"),
        ("2026", "2026"),
        ("20261025023000", "2026-10-25T02:30:00+02:00"),
        ("20260329023000", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_hl7_time(text: str, expected: str) -> None:
    assert hl7_time([text]) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-06T06:27:00+00:00", "2026-10-06T06:27:00.000Z"),
        ("2026-10-06T06:27:00Z", "2026-10-06T06:27:00.000Z"),
        ("2026-10-06T06:27:00+07:00", "2026-10-05T23:27:00.000Z"),
        ("2026-10-06", "2026-10-06T00:00:00.000Z"),
        ("2026-02-30T06:27:00Z", None),
        ("2026-W41-2T06:27:00Z", None),
        ("2026-10-06 06:27:00Z", None),
    ],
)
def test_the_instant_of_an_order(text: str, expected: str | None) -> None:
    assert instant_text(text) == expected


def test_the_later_of_two_instants_when_the_file_says_so(scope: Scope) -> None:
    scope.ambiguous = "later"
    assert hl7_time(["20261025023000"]) == ["2026-10-25T02:30:00+01:00"]


@pytest.mark.parametrize(("text", "rule"), [("20261025023000", "ambiguous"), ("20260329023000", "gap")])
def test_a_doubtful_local_time_is_an_issue_unless_the_file_decides(text: str, rule: str, scope: Scope) -> None:
    setattr(scope, rule, "error")
    with pytest.raises(Fault, match="local-time"):
        hl7_time([text])


@pytest.mark.parametrize(
    "text",
    [
        "20261306",
        "2026-10-06T06:27",
        "20261006250000",
        "yesterday",
        "20261006062700+7",
        "20230229062700+0000",
        "19000229062700+0000",
        "17000229062700+0000",
        "20261006062760+0000",
        "00001006062700+0000",
    ],
)
def test_what_is_no_time_is_reported(text: str) -> None:
    with pytest.raises(Fault):
        _checked(text)


def _checked(text: str) -> None:
    if parse_interval(hl7_time([text])[0]) is None:  # a date is left to the validator
        raise Fault("format")


def test_empty_texts_give_nothing() -> None:
    assert (hl7_time([""]), hl7_date([""]), hl7_time([]), date_only([])) == ([], [], [], [])


def test_no_zone_is_reported_not_guessed(scope: Scope) -> None:
    scope.zone = None
    with pytest.raises(Fault):
        hl7_time(["202610060627"])
    assert hl7_time(["202610060627"], ["Asia/Kolkata"]) == ["2026-10-06T06:27:00+05:30"]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("DD-MMM-YYYY", "05-Feb-2026", "2026-02-05"),
        ("DD-MMM-YYYY HH:mm", "05-FEB-2026 09:30", "2026-02-05T09:30:00+01:00"),
        ("MM/DD/YYYY hh:mm A", "2/5/2026 9:30 PM", "2026-02-05T21:30:00+01:00"),
        ("YYYY-MM-DDTHH:mm:ss", "2026-02-05T09:30:01.50", "2026-02-05T09:30:01.50+01:00"),
    ],
)
def test_parse_time(pattern: str, text: str, expected: str) -> None:
    assert parse_time([text], [pattern]) == [expected]


@pytest.mark.parametrize("text", ["31-FEB-2026 09:30", "05-XXX-2026 09:30", "05-FEB-2026", "05-FEB-2026 25:30"])
def test_parse_time_takes_only_its_pattern(text: str) -> None:
    with pytest.raises(Fault):
        parse_time([text], ["DD-MMM-YYYY HH:mm"])


def test_from_epoch_is_exact() -> None:
    assert from_epoch([1767225600]) == ["2026-01-01T00:00:00Z"]
    assert from_epoch([1767225600123], ["ms"]) == ["2026-01-01T00:00:00.123Z"]
    assert from_epoch([Decimal("1767225600.5")]) == ["2026-01-01T00:00:00.5Z"]
    with pytest.raises(Fault):
        from_epoch([10**30])


@given(st.integers(0, 4_000_000_000), st.integers(-14 * 4, 14 * 4))
def test_shown_at_an_offset_it_is_the_same_instant(seconds: int, quarters: int) -> None:
    (text,) = from_epoch([seconds])
    (shown,) = at_offset([text], [f"{quarters * 900}s"])
    assert parse_interval(shown) == parse_interval(text)


@given(st.integers(0, 4_000_000_000), st.sampled_from(["Europe/Madrid", "America/New_York", "Asia/Kolkata", "UTC"]))
def test_shown_in_a_zone_it_is_the_same_instant(seconds: int, zone: str) -> None:
    (text,) = from_epoch([seconds])
    (shown,) = at_zone([text], [zone])
    assert parse_interval(shown) == parse_interval(text)


@pytest.mark.parametrize("sent", ["00010101000000+0530", "99991231235959-0500"])
def test_a_time_of_which_utc_has_none_orders_nothing(sent: str) -> None:
    message = "\r".join(
        (f"MSH|^~\\&|L|S|G|T|{sent}||ORU^R01^ORU_R01|1|P|2.5.1", "PID|1||1^^^A^MR", "OBR|1|P1|F1|1^x^LN")
    )
    decoded = decode(message.encode(), "hl7v2")
    mapped = registry().get("lab.hl7v2.oru-r01").apply(decoded.tree, facts_of({}), locate=decoded.locate)
    assert [(found.rule, found.source) for unit in mapped.units for found in unit.issues] == [
        ("mapping.wrong-value", "MSH[1].7.1")
    ]


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../../etc/passwd", "\x00"])
def test_a_zone_that_nobody_knows_is_told(name: str) -> None:
    with pytest.raises(Fault, match=r"mapping\.wrong-value"):
        at_zone(["2026-06-29T22:00:05"], [name])


def test_an_offset_stands_for_a_zone() -> None:
    assert at_zone(["2026-06-29T22:00:05"], ["+10:00"]) == ["2026-06-29T22:00:05+10:00"]
    evening = parse_time(["2024-09-21 7:57:00 pm"], ["YYYY-MM-DD hh:mm:ss A"], ["+1000"])
    assert evening == ["2024-09-21T19:57:00+10:00"]
