"""System.Quantity: a decimal with a UCUM unit or a calendar duration, and its arithmetic.

See https://hl7.org/fhirpath/N1/#quantity.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

CALENDAR_UNITS: Final = {
    name + ending: name
    for name in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for ending in ("", "s")
}
"""Each calendar duration keyword and its singular."""

UCUM_OF_CALENDAR: Final = {"week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}
"""The durations that are definite and equal a UCUM unit; a year and a month are neither."""

NEAR_UCUM_OF_CALENDAR: Final = {**UCUM_OF_CALENDAR, "year": "a", "month": "mo"}
"""What a calendar duration is equivalent to (`~`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A value with a unit: UCUM code, or a calendar keyword as it was written where `calendar` is true."""

    value: Decimal
    unit: str = "1"
    calendar: bool = False

    def __str__(self) -> str:
        return f"{self.value} {self.unit}" if self.calendar else f"{self.value} '{self.unit}'"

    @property
    def definite_unit(self) -> str | None:
        """The UCUM unit that the unit equals; None for calendar years and months."""
        return UCUM_OF_CALENDAR.get(CALENDAR_UNITS[self.unit]) if self.calendar else self.unit
