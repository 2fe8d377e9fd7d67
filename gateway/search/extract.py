"""The index entries of a resource: what each search parameter finds it by.

See https://hl7.org/fhir/R4/search.html#token, #reference and #date for how data types become entries.
"""

import re
from collections.abc import Callable
from typing import Any

from gateway.core import Resource
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.search.parameters import Indexed, Kind, Parameters
from gateway.search.query import DateEntry, IndexEntry, ReferenceEntry, TokenEntry

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")


def extract(resource: Resource, parameters: Parameters) -> tuple[IndexEntry, ...]:
    """The entries of the resource, in the order of its parameters; `_id` and `_lastUpdated` are no entries.

    Values that cannot be indexed (a date that is none, an identifier without value) give no entry.
    """
    entries: list[IndexEntry] = []
    for parameter in parameters.of(resource["resourceType"]).values():
        add = _ADDERS[parameter.kind]
        for value in parameter.expression.evaluate(resource):
            add(entries, parameter, value)
    return tuple(entries)


def _add_tokens(entries: list[IndexEntry], parameter: Indexed, value: Any) -> None:
    """Coding, CodeableConcept, Identifier, code, string, uri, boolean."""
    if isinstance(value, dict):
        codings = value.get("coding")
        for coding in codings if isinstance(codings, list) else (value,):
            if not isinstance(coding, dict):
                continue
            code, system = coding.get("code") or coding.get("value"), coding.get("system", "")
            if code and isinstance(code, str) and isinstance(system, str):
                entries.append(TokenEntry(parameter.code, system, code))
    elif isinstance(value, bool):
        entries.append(TokenEntry(parameter.code, "", "true" if value else "false"))
    elif isinstance(value, str):
        entries.append(TokenEntry(parameter.code, "", value))


def _add_reference(entries: list[IndexEntry], parameter: Indexed, value: Any) -> None:
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text or text[0] == "#":
        return
    relative = _RELATIVE.match(text)
    if relative is None:
        entries.append(ReferenceEntry(parameter.code, text))
    elif relative[1] in parameter.targets:
        entries.append(ReferenceEntry(parameter.code, relative[0].partition("/_history/")[0]))


def _add_date(entries: list[IndexEntry], parameter: Indexed, value: Any) -> None:
    """date, dateTime, instant, Period, Timing."""
    is_timing = isinstance(value, dict) and ("event" in value or "repeat" in value)
    bounds = _timing(value) if is_timing else _bounds(value)
    if bounds:
        entries.append(DateEntry(parameter.code, *bounds))


def _bounds(value: Any) -> tuple[int, int] | None:
    if isinstance(value, str):
        interval = parse_interval(value)
        return (interval.low, interval.high) if interval else None
    if not isinstance(value, dict) or not ("start" in value or "end" in value):
        return None
    start, end = value.get("start"), value.get("end")
    first = parse_interval(start) if isinstance(start, str) else None
    last = parse_interval(end) if isinstance(end, str) else None
    low = first.low if first else FOREVER_BEFORE
    high = last.high if last else FOREVER_AFTER
    return (low, high) if low < high else None


def _timing(value: dict[str, Any]) -> tuple[int, int] | None:
    """A Timing is the span of its events, or its bounds; one that has neither has no date."""
    events = value.get("event")
    found = [bounds for event in events if (bounds := _bounds(event))] if isinstance(events, list) else []
    repeat = value.get("repeat")
    if isinstance(repeat, dict):
        bounds = _bounds(repeat.get("boundsPeriod"))
        found += [bounds] if bounds else []
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


_ADDERS: dict[Kind, Callable[[list[IndexEntry], Indexed, Any], None]] = {
    "token": _add_tokens,
    "reference": _add_reference,
    "date": _add_date,
}
