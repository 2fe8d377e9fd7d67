"""The methods of rules, value by value, held against what HMAC-SHA-256 and plain arithmetic give."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from gateway.export.deidentify import StudyKey
from gateway.export.deidentify.methods import (
    Partial,
    Site,
    crypto_hash,
    date_shift,
    generalize,
    is_too_old,
    keep,
    perturb,
    redact,
    substitute,
)
from gateway.fhirpath import compile

SECRET = b"k" * 32
KEY = StudyKey("s1", SECRET)


@dataclass
class Somebody:
    key: StudyKey = KEY
    today: date = date(2026, 6, 1)
    shift: timedelta | None = timedelta(days=10)
    identity: str = "Observation/a"


SOMEBODY = Somebody()
TYPES = {"date", "dateTime", "instant", "string", "uri", "url", "canonical", "code", "id", "decimal", "integer"}


def digest(purpose, text):
    return hmac.digest(SECRET, f"s1\x1f{purpose}\x1f{text}".encode(), "sha256")


def hashed(text):
    return digest("hash", text).hex()


def left(method, site, value, subject=SOMEBODY):
    """What a method leaves of a value: the value where it keeps, None where it drops."""
    decision = method(Site(*site))
    return {"keep": value, "drop": None}[decision] if isinstance(decision, str) else decision(value, subject)


def test_keeping_is_no_change():
    assert keep(Site("string", "family", "HumanName")) == "keep"


@pytest.mark.parametrize(
    "site",
    [("date", "birthDate", "Patient"), ("dateTime", "start", "Period"), ("decimal", "value", "Age"),
     ("string", "postalCode", "Address"), ("string", "family", "HumanName")],
)  # fmt: skip
def test_nothing_is_left_where_nothing_is_allowed(site):
    for partial in (Partial(), Partial(restricted=frozenset({"036"}))):
        assert redact(partial)(Site(*site)) == "drop"


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_only_dates_with_a_year_leave_their_year(kind):
    of_dates = redact(Partial(dates=True))(Site(kind, "start", "Period"))
    assert (of_dates == "drop") == (kind not in ("date", "dateTime"))
    assert (date_shift(Site(kind, "start", "Period")) == "drop") == (kind not in ("date", "dateTime", "instant"))
    assert (crypto_hash(Site(kind, "url", "X"))("#1", SOMEBODY)[0] == "#") == (kind in ("uri", "url", "canonical"))


ALL = Partial(dates=True, ages=True, zips=True, restricted=frozenset({"036"}))
DATE, BIRTH = ("dateTime", "start", "Period"), ("date", "birthDate", "Patient")
AGE, ZIP = ("decimal", "value", "Age"), ("string", "postalCode", "Address")
REDACTED = [
    (DATE, "2026-02-03T04:05:06Z", "2026"),
    (DATE, "20260203", "2026"),
    (DATE, "2026", "2026"),
    (DATE, "20-6", None),
    (DATE, 2026, None),
    (DATE, "", None),
    (BIRTH, "1936-06-02", "1936"),
    (BIRTH, "1936-06-01", None),
    (BIRTH, 1980, None),
    (AGE, 89, 89),
    (AGE, 90, None),
    (AGE, Decimal("89.0"), Decimal("89.0")),
    (AGE, Decimal("89.5"), None),
    (AGE, "40", None),
    (("code", "unit", "Age"), "a", None),
    (("decimal", "value", "Quantity"), 40, None),
    (ZIP, "02139", "02100"),
    (ZIP, "02139-1234", "02100"),
    (ZIP, "03601", "00000"),
    (ZIP, "0213", None),
    (ZIP, "021391", None),
    (ZIP, 2139, None),
    (("string", "postalCode", "Location"), "02139", None),
    (("string", "city", "Address"), "02139", None),
]


@pytest.mark.parametrize(("site", "value", "expected"), REDACTED)
def test_what_redaction_leaves(site, value, expected):
    assert left(redact(ALL), site, value) == expected


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        ("1936-06-01", date(2026, 6, 1), True),
        ("1936-06-02", date(2026, 6, 1), False),
        ("1936-07-01", date(2026, 6, 2), False),
        ("1936-05-31", date(2026, 6, 1), True),
        ("1936-06", date(2026, 6, 1), True),
        ("1936-07", date(2026, 6, 1), False),
        ("1936", date(2026, 1, 1), True),
        ("1937", date(2026, 12, 31), False),
        ("1936-06-02T10:00:00Z", date(2026, 6, 1), False),
        ("1936-13-01", date(2026, 6, 1), True),
        ("", date(2026, 6, 1), True),
        (1980, date(2026, 6, 1), True),
    ],
)
def test_who_is_ninety_is_too_old(born, today, expected):
    assert is_too_old(born, today) is expected


REFERENCE = ("string", "reference", "Reference")
OID = "urn:oid:2.25." + str(int.from_bytes(digest("oid", "urn:oid:1.2.3")[:16], "big"))
HASHED = [
    (REFERENCE, "Patient/1", f"Patient/{hashed('1')}"),
    (REFERENCE, "Patient/1/_history/2", f"Patient/{hashed('1')}"),
    (REFERENCE, "http://a.example/b/Patient/1", f"Patient/{hashed('1')}"),
    (REFERENCE, "#1", f"#{hashed('1')}"),
    (REFERENCE, "Patient?identifier=1", None),
    (REFERENCE, "urn:oid:1.2.3", OID),
    (REFERENCE, 5, None),
    (("uri", "system", "Coding"), "urn:oid:1.2.3", OID),
    (("string", "display", "Reference"), "Patient/1", hashed("Patient/1")),
    (("string", "reference", "Other"), "Patient/1", hashed("Patient/1")),
    (("id", "id", "Patient"), "1", hashed("1")),
    (("decimal", "value", "Quantity"), Decimal("1.50"), hashed("1.50")),
    (("boolean", "active", "Patient"), True, None),
    *(
        (("url", "url", "Attachment"), text, f"urn:uuid:{uuid.UUID(bytes=digest('uuid', text)[:16], version=4)}")
        for text in ("http://a.example/x", "urn:uuid:5b3f", "Patient/1/2", "patient/1", "x\nPatient/1")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("site", "value", "expected"), HASHED)
def test_what_a_hash_is_made_of(site, value, expected):
    assert left(crypto_hash, site, value) == expected


INSTANT = ("instant", "issued", "Observation")
SHIFTED = [
    (INSTANT, "2026-02-03T04:05:06.7+14:00", 10, "2026-02-13T04:05:06.7+14:00"),
    (INSTANT, "2026-02-03T04:05:06Z", -10, "2026-01-24T04:05:06Z"),
    (INSTANT, "2026-02-03", None, None),
    (INSTANT, "2026-02", 10, None),
    (INSTANT, "9999-12-31", 10, None),
    (INSTANT, 20260203, 10, None),
    (DATE, "2026-02-03", 0, "2026-02-03"),
    (BIRTH, "1980-01-01", 10, "1980-01-11"),
    (BIRTH, "1936-06-02", 10, "1936-06-12"),
    (BIRTH, "1936-06-01", 10, None),
    (("date", "start", "Period"), "1900-01-01", 10, "1900-01-11"),
    (("string", "birthDate", "Patient"), "1980-01-01", 10, None),
    (("time", "time", "X"), "2026-02-03", 10, None),
]


@pytest.mark.parametrize(("site", "value", "days", "expected"), SHIFTED)
def test_where_a_date_is_moved_to(site, value, days, expected):
    somebody = Somebody(shift=None if days is None else timedelta(days=days))
    assert left(date_shift, site, value, somebody) == expected


@pytest.mark.parametrize("value", ["a", 5, Decimal("1.5"), True])
def test_a_substitute_is_the_same_for_everybody(value):
    assert left(substitute("unknown"), ("string", "a", "B"), value) == "unknown"


@pytest.mark.parametrize(
    ("value", "keep_others", "expected"),
    [(5, True, "few"), (5, False, "few"), (15, False, "some"), (50, True, 50), (50, False, None), ("a", True, "a"),
     ("a", False, None), (0, False, False)],
)  # fmt: skip
def test_the_first_case_that_holds_is_told(value, keep_others, expected):
    cases = {"$this = 0": False, "$this < 10": "few", "$this < 20": "some", "$this + 1": "never"}
    method = generalize({compile(text, model=None): told for text, told in cases.items()}, keep_others=keep_others)
    assert left(method, ("decimal", "value", "Quantity"), value) == expected


def noisy(value, span, digits, proportional):
    drawn = int.from_bytes(digest("noise", f"Observation/a\x1f{value}")[:7], "big")
    width = Fraction(span) * (abs(Fraction(value)) if proportional else 1)
    return round((Fraction(value) + (Fraction(drawn, 2**56) - Fraction(1, 2)) * width) * 10**digits)


@pytest.mark.parametrize("proportional", [False, True])
@pytest.mark.parametrize("digits", [0, 1, 3])
@pytest.mark.parametrize("value", [0, 70, -3, Decimal("70.25"), Decimal("-0.5"), Decimal("1E+3")])
def test_noise_is_drawn_from_the_resource_and_the_value(value, digits, proportional):
    found = left(perturb(Decimal("1.5"), digits, proportional=proportional), ("decimal", "value", "Quantity"), value)
    assert found * 10**digits == noisy(value, "1.5", digits, proportional)
    if isinstance(value, int) and digits == 0:
        assert found.__class__ is int
    else:
        assert (found.__class__, found.as_tuple().exponent) == (Decimal, -digits)


@pytest.mark.parametrize("value", [True, "5", None, Decimal("1E+30")])
def test_what_is_no_number_or_too_long_has_no_noise(value):
    assert left(perturb(Decimal(1), 3, proportional=False), ("decimal", "value", "Quantity"), value) is None
