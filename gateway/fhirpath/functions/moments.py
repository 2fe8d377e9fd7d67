"""The moment of the evaluation. See https://hl7.org/fhirpath/N1/#current-date-and-time-functions."""

from datetime import datetime

from gateway.fhirpath.env import Env
from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import DATE, DATETIME, TIME
from gateway.fhirpath.values.temporal import Temporal, from_datetime


def _now(env: Env | None, name: str) -> datetime:
    if env is None or env.now is None:
        raise Fault("fhirpath.unavailable", name=name)
    return env.now


@function("now", "5.9.1", focus="Items", returns=DATETIME, needs="env", examples=("now() > @2020",))
def now(env: Env | None, _items: list[object]) -> Temporal:
    """The moment of the evaluation, always the same within one."""
    return from_datetime(_now(env, "now"))


@function("today", "5.9.2", focus="Items", returns=DATE, needs="env", examples=("today() > @2020",))
def today(env: Env | None, _items: list[object]) -> Temporal:
    """The date of the moment of the evaluation, in that moment's own zone."""
    return Temporal("Date", from_datetime(_now(env, "today")).parts[:3])


@function("timeOfDay", "5.9.3", focus="Items", returns=TIME, needs="env", examples=("timeOfDay() >= @T00:00",))
def time_of_day(env: Env | None, _items: list[object]) -> Temporal:
    """The time of day of the moment of the evaluation, in that moment's own zone."""
    moment = from_datetime(_now(env, "timeOfDay"))
    return Temporal("Time", moment.parts[3:], moment.digits)
