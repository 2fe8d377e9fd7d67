"""The index entries of a resource: what each search parameter finds it by.

See https://hl7.org/fhir/R4/search.html#token, #reference and #date for how data types become entries.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from gateway.core import Resource
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.search.parameters import Indexed, Kind, Parameters
from gateway.search.query import DateEntry, IndexEntry, ReferenceEntry, TokenEntry

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")


def extract(resource: Resource, parameters: Parameters) -> tuple[IndexEntry, ...]:
    """The distinct entries of the resource, in the order of its parameters; `_id` and `_lastUpdated` are no entries.

    Values that cannot be indexed (a date that is none, an identifier without value) give no entry.
    """
    entries: dict[IndexEntry, None] = {}
    for parameter in parameters.of(resource["resourceType"]).values():
        values = parameter.expression.evaluate(resource)
        if values:
            make = _MAKERS[parameter.kind]
            for value in values:
                for entry in make(parameter, value):
                    entries[entry] = None
    return tuple(entries)


def _tokens(parameter: Indexed, value: Any) -> Iterator[IndexEntry]:
    """Coding, CodeableConcept, Identifier, code, string, uri, boolean."""
    if isinstance(value, bool):
        yield TokenEntry(parameter.code, "", "true" if value else "false")
    elif isinstance(value, str):
        yield TokenEntry(parameter.code, "", value)
    elif isinstance(value, dict):
        codings = value.get("coding")
        for coding in codings if isinstance(codings, list) else [value]:
            yield from _token(parameter, coding)


def _token(parameter: Indexed, coding: Any) -> Iterator[IndexEntry]:
    if isinstance(coding, dict):
        code = coding.get("code", coding.get("value"))
        system = coding.get("system", "")
        if isinstance(code, str) and code and isinstance(system, str):
            yield TokenEntry(parameter.code, system, code)


def _references(parameter: Indexed, value: Any) -> Iterator[IndexEntry]:
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text or text.startswith("#"):
        return
    relative = _RELATIVE.match(text)
    if relative is None:
        yield ReferenceEntry(parameter.code, text)
    elif relative[1] in parameter.targets:
        yield ReferenceEntry(parameter.code, f"{relative[1]}/{relative[2]}")


def _dates(parameter: Indexed, value: Any) -> Iterator[IndexEntry]:
    """date, dateTime, instant, Period, Timing."""
    if isinstance(value, dict) and ("event" in value or "repeat" in value):
        yield from _timing(parameter, value)
        return
    bounds = _bounds(value)
    if bounds:
        yield DateEntry(parameter.code, *bounds)


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


def _timing(parameter: Indexed, value: dict[str, Any]) -> Iterator[IndexEntry]:
    """A Timing is the span of its events, or its bounds; one that has neither has no date."""
    events = value.get("event")
    found = [bounds for event in events if (bounds := _bounds(event))] if isinstance(events, list) else []
    repeat = value.get("repeat")
    if isinstance(repeat, dict):
        bounds = _bounds(repeat.get("boundsPeriod"))
        found += [bounds] if bounds else []
    if found:
        yield DateEntry(parameter.code, min(low for low, _ in found), max(high for _, high in found))


_MAKERS: dict[Kind, Callable[[Indexed, Any], Iterator[IndexEntry]]] = {
    "token": _tokens,
    "reference": _references,
    "date": _dates,
}
