"""The methods of rules: what each makes of one primitive value.

A method is first told the site of an element, its type and name, and answers what to do with every value there: keep
it, drop it, or a function. So nothing is decided again for each resource.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from gateway.export.deidentify.keys import StudyKey
from gateway.fhirpath import Expression, FhirPathError

OLDEST_AGE: Final = 89
"""Ages above are not told: 45 CFR 164.514(b)(2)(i)(C)."""

_DATES: Final = frozenset(("date", "dateTime", "instant"))
_WITH_YEAR: Final = frozenset(("date", "dateTime"))
_ADDRESSES: Final = frozenset(("uri", "url", "canonical"))
_REFERENCE: Final = re.compile(r"(?:https?://[^?#]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/.*)?\Z")
_ZIP: Final = re.compile(r"(\d{3})\d\d(?:-?\d{4})?\Z", re.ASCII)


class Site(NamedTuple):
    """Where values stand: the FHIR type of the element, its name, and the type or path of what it is part of."""

    type: str
    name: str
    parent: str


class Subject(Protocol):
    """What a method may know of the resource."""

    @property
    def key(self) -> StudyKey:
        """The study's key."""

    @property
    def today(self) -> date:
        """The day by which ages are reckoned."""

    @property
    def shift(self) -> timedelta | None:
        """How far the participant's dates are moved; None when the resource is not exactly one participant's."""

    @property
    def identity(self) -> str:
        """The resource and the value in it, for noise that is the same each time."""


Change: TypeAlias = Callable[[Any, Subject], Any]
"""A value and its subject -> the value that may leave; None for none."""

Decision: TypeAlias = Change | Literal["keep", "drop"]
Method: TypeAlias = Callable[[Site], Decision]


@dataclass(frozen=True, slots=True)
class Partial:
    """What `redact` leaves of a value: the year of a date, an age up to 89, the first three digits of a ZIP code.

    `restricted` are the three-digit areas with 20,000 inhabitants or fewer, which become 00000.
    """

    dates: bool = False
    ages: bool = False
    zips: bool = False
    restricted: frozenset[str] = frozenset()


def keep(_site: Site) -> Decision:
    """The values as they are."""
    return "keep"


def redact(partial: Partial) -> Method:
    """Nothing of the values but what `partial` allows."""

    def zip_code(value: Any, _subject: Subject) -> Any:
        found = _ZIP.match(value) if isinstance(value, str) else None
        return None if found is None else "00000" if found[1] in partial.restricted else f"{found[1]}00"

    def at(site: Site) -> Decision:
        if partial.dates and site.type in _WITH_YEAR:
            return _birth_year if site.name == "birthDate" else _year
        if partial.ages and site.parent == "Age" and site.name == "value":
            return _age
        return zip_code if partial.zips and site.parent == "Address" and site.name == "postalCode" else "drop"

    return at


def _year(value: Any, _subject: Subject) -> Any:
    return value[:4] if isinstance(value, str) and value[:4].isdigit() else None


def _birth_year(value: Any, subject: Subject) -> Any:
    return None if is_too_old(value, subject.today) else value[:4]


def _age(value: Any, _subject: Subject) -> Any:
    return value if isinstance(value, int | Decimal) and value <= OLDEST_AGE else None


def is_too_old(born: Any, today: date) -> bool:
    """Whether a birth date tells an age above 89; one that cannot be read does."""
    try:
        first = date.fromisoformat((born + "-01-01")[:10])
    except (TypeError, ValueError):
        return True
    had_birthday = (today.month, today.day) >= (first.month, first.day)
    return today.year - first.year - (not had_birthday) > OLDEST_AGE


def crypto_hash(site: Site) -> Decision:
    """Keyed hashes: of an id alone, of the id in a reference, else of the text or number.

    A reference keeps its type; an absolute one becomes relative; one that searches (`Patient?identifier=`) goes.
    """
    is_address = site.type in _ADDRESSES or (site.parent == "Reference" and site.name == "reference")
    return _hashed_address if is_address else hashed


def hashed(value: Any, subject: Subject) -> Any:
    """The keyed hash of a text or number."""
    return None if isinstance(value, bool) else subject.key.hash(str(value))


def _hashed_address(value: Any, subject: Subject) -> str | None:
    key = subject.key
    if not isinstance(value, str):
        return None
    found = _REFERENCE.match(value)
    if found:
        return f"{found[1]}/{key.hash(found[2])}"
    if value.startswith("#"):
        return f"#{key.hash(value[1:])}"
    if value.startswith("urn:oid:"):
        return f"urn:oid:2.25.{int.from_bytes(key.of('oid', value)[:16], 'big')}"
    return None if "?" in value else f"urn:uuid:{uuid.UUID(bytes=key.of('uuid', value)[:16], version=4)}"


def date_shift(site: Site) -> Decision:
    """Dates moved by the participant's days, the time of day and its offset as they are.

    Dropped are dates without a day, birth dates that tell an age above 89, and those of no one participant's data.
    """
    if site.type not in _DATES:
        return "drop"
    return _shifted_birth if site.name == "birthDate" else shifted


def _shifted_birth(value: Any, subject: Subject) -> Any:
    return None if is_too_old(value, subject.today) else shifted(value, subject)


def shifted(value: Any, subject: Subject) -> Any:
    """The date moved by the participant's days: its first ten characters decide."""
    shift = subject.shift
    if shift is None:
        return None
    try:
        return (date.fromisoformat(value[:10]) + shift).isoformat() + value[10:]
    except (TypeError, ValueError, OverflowError):
        return None


def substitute(replacement: Any) -> Method:
    """The same value for everybody."""

    def change(_value: Any, _subject: Subject) -> Any:
        return replacement

    return lambda _site: change


def generalize(cases: Mapping[Expression, Any], *, keep_others: bool) -> Method:
    """The value of the first case whose criterion holds of `$this`."""

    def change(value: Any, _subject: Subject) -> Any:
        for criterion, general in cases.items():
            try:
                if criterion.evaluate(value) == [True]:
                    return general
            except FhirPathError:
                continue
        return value if keep_others else None

    return lambda _site: change


def perturb(span: Decimal, digits: int, *, proportional: bool) -> Method:
    """Numbers with noise of at most half the span, either way, rounded; the same noise whenever it is exported."""

    def change(value: Any, subject: Subject) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return None
        drawn = int.from_bytes(subject.key.of("noise", f"{subject.identity}\x1f{value}")[:7], "big")
        noise = Decimal(drawn) / Decimal(1 << 56) - Decimal("0.5")
        moved = Decimal(value) + noise * (span * abs(Decimal(value)) if proportional else span)
        try:
            rounded = moved.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
        except InvalidOperation:  # more digits than a decimal has
            return None
        return int(rounded) if isinstance(value, int) and digits == 0 else rounded

    return lambda _site: change
