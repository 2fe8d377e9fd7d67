"""Formats of the primitive types.

The specification's regular expressions, tightened where they let impossible dates pass.
See https://hl7.org/fhir/R4/datatypes.html#primitive.
"""

import re
import string
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

Format = Callable[[Any], bool]

MAX_STRING = 1024 * 1024
"""A string may have 1 MB: https://hl7.org/fhir/R4/datatypes.html#string."""

MOST_TIMES = 4096
LONGEST_TIME = 40
"""How many good dates and times a format knows again, and how many characters each has at most."""

_YEAR = r"(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_DAY = rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"

_DATE = re.compile(rf"{_YEAR}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?\Z")
_DATE_TIME = re.compile(rf"(?:{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}(?:T{_TIME}{_ZONE})?)\Z")
_INSTANT = re.compile(rf"{_DAY}T{_TIME}{_ZONE}\Z")
_TIME_ONLY = re.compile(rf"{_TIME}\Z")
_CODE = re.compile(r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_OID_TEXT = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
_UUID_TEXT = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OID = re.compile(rf"{_OID_TEXT}\Z")
_UUID = re.compile(rf"{_UUID_TEXT}\Z")
_NO_SPACE = re.compile(r"[^\s\x00-\x1f]+\Z")
_URI = re.compile(
    rf"(?!(?:urn:)?(?:oid|uuid):)[^\s\x00-\x1f]+\Z|(?:{_OID_TEXT}|(?i:{_UUID_TEXT}))(?:#[^\s\x00-\x1f]*)?\Z"
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_BASE64_LETTERS = (string.ascii_letters + string.digits + "+/").encode()
_WHITE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _matches(pattern: re.Pattern[str]) -> Format:
    match = pattern.match

    def check(value: Any) -> bool:
        return isinstance(value, str) and match(value) is not None

    return check


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def _dated(pattern: re.Pattern[str]) -> Format:
    """The format of dates and times; of a record many resources name the same ones."""
    match = pattern.match
    good: set[str] = set()

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if value in good:
            return True
        if match(value) is None or (len(value) >= 10 and not _is_day(value[:10])):
            return False
        if len(value) <= LONGEST_TIME:
            if len(good) >= MOST_TIMES:
                good.clear()
            good.add(value)
        return True

    return check


def _integer(low: int, high: int) -> Format:
    def check(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return check


def _decimal(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) != float("inf")


def _string(value: Any) -> bool:
    return (
        isinstance(value, str)
        and bool(value)
        and not value.isspace()
        and len(value) <= MAX_STRING
        and _CONTROL.search(value) is None
    )


def _base64(value: Any) -> bool:
    if isinstance(value, str) and value.isascii() and len(value) % 4 == 0:  # without white space, as most are
        letters = value.rstrip("=")
        if letters and len(value) - len(letters) <= 2 and not letters.encode().translate(None, _BASE64_LETTERS):
            return True
    return isinstance(value, str) and bool(value) and _BASE64.match(_WHITE.sub("", value)) is not None


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


LARGEST = 2**31 - 1

FORMATS: Mapping[str, Format] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _matches(_NO_SPACE),
    "code": _matches(_CODE),
    "date": _dated(_DATE),
    "dateTime": _dated(_DATE_TIME),
    "decimal": _decimal,
    "id": _matches(_ID),
    "instant": _dated(_INSTANT),
    "integer": _integer(-LARGEST - 1, LARGEST),
    "markdown": _string,
    "oid": _matches(_OID),
    "positiveInt": _integer(1, LARGEST),
    "string": _string,
    "time": _matches(_TIME_ONLY),
    "unsignedInt": _integer(0, LARGEST),
    "uri": _matches(_URI),
    "url": _matches(_URI),
    "uuid": _matches(_UUID),
    "xhtml": _string,
}
"""Primitive type -> whether a JSON value is well formed."""
