"""Observation/$stats: statistics of one participant's measurements, over the observations that the client may see.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from gateway.access import Page
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.instants import format_instant, from_micros, parse_interval
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Operation, Parameter
from gateway.rest.operation.statistics import COUNTS, STATISTICS, SYSTEM, statistic
from gateway.search import parse
from gateway.terminology import ucum

MAX_OBSERVATIONS: Final = 10_000
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
UCUM: Final = "http://unitsofmeasure.org"

PARAMETERS: Final = (
    Parameter("subject", "uri", min=1),
    Parameter("code", "string", max=None),
    Parameter("system", "uri"),
    Parameter("coding", "Coding", max=None),
    Parameter("duration", "decimal"),
    Parameter("period", "Period"),
    Parameter("statistic", "code", min=1, max=None),
    Parameter("include", "boolean"),
    Parameter("limit", "integer"),
)


def _answer(call: Call) -> Resource:
    """Parameters: an Observation with the statistics for each code, and its sources where they are asked for."""
    wanted = tuple(dict.fromkeys(name for text in call.inputs.all("statistic") for name in text.split(",")))
    if not all(name in STATISTICS for name in wanted):
        known = ", ".join(STATISTICS)
        raise BadRequest(issue("rest.parameter-value", parameter="statistic", expected=f"One of {known}"))
    parts: list[Resource] = []
    for coding in _codings(call):
        sources = _observations(call, coding)
        parts.append({"name": "statistics", "resource": _statistics(call, coding, wanted, sources)})
        shown = sources[: _limit(call, len(sources))] if call.inputs.one("include") else []
        parts += [{"name": "source", "resource": found} for found in shown]
    return {"resourceType": "Parameters", "parameter": parts}


def _codings(call: Call) -> list[dict[str, str]]:
    system = call.inputs.one("system")
    plain = [{"system": system, "code": code} if system else {"code": code} for code in call.inputs.all("code")]
    given = [coding for coding in call.inputs.all("coding") if isinstance(coding.get("code"), str)]
    if not plain and not given:
        raise BadRequest(issue("rest.parameter-missing", parameter="code"))
    return [*plain, *given]


def _limit(call: Call, most: int) -> int:
    limit = call.inputs.one("limit")
    if limit is None:
        return most
    if limit < 1:
        raise BadRequest(issue("rest.parameter-value", parameter="limit", expected="Give a whole number from 1"))
    return int(limit)


def _observations(call: Call, coding: dict[str, str]) -> list[Resource]:
    """Those of the subject, code and time, newest first; raises `Unprocessable` when there are too many."""
    system = f"{_escaped(coding['system'])}|" if coding.get("system") else ""
    pairs = [("subject", _escaped(call.inputs.one("subject"))), ("code", system + _escaped(coding["code"]))]
    pairs += [("date", f"{prefix}{text}") for prefix, text in _bounds(call)]
    query = parse("Observation", pairs, call.parts.parameters, call.parts.fhir_base(call.study.id))
    found = call.door.search(query, Page(MAX_OBSERVATIONS), operation="stats")
    if found.next is not None:
        raise Unprocessable(issue("rest.too-many-observations", limit=MAX_OBSERVATIONS))
    return [loads(row.body) for row in found.rows]


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


def _bounds(call: Call) -> Iterator[tuple[str, str]]:
    period, hours = call.inputs.one("period"), call.inputs.one("duration")
    if period is not None and hours is not None:
        raise BadRequest(issue("rest.parameter-value", parameter="period", expected="Give duration or period"))
    if hours is not None:
        if not 0 < hours <= 1_000_000:
            raise BadRequest(issue("rest.parameter-value", parameter="duration", expected="Give hours"))
        yield "ge", format_instant(call.parts.clock() - timedelta(hours=float(hours)))
    for prefix, name in (("ge", "start"), ("le", "end")) if period is not None else ():
        if isinstance(period.get(name), str):
            yield prefix, period[name]


def _statistics(call: Call, coding: Resource, wanted: Sequence[str], sources: Sequence[Resource]) -> Resource:
    values, unit = _values(sources)
    components = []
    for name in wanted:
        found = statistic(name, values)
        component: Resource = {"code": {"coding": [{"system": SYSTEM, "code": name}]}}
        if found is None:
            component["dataAbsentReason"] = {"coding": [{"system": ABSENT, "code": "not-applicable"}]}
        else:
            component["valueQuantity"] = {"value": found} | ({} if name in COUNTS else unit)
        components.append(component)
    subject = call.inputs.one("subject")
    return {
        "resourceType": "Observation",
        "status": "final",
        **({"category": sources[0]["category"]} if sources and "category" in sources[0] else {}),
        "code": {"coding": [coding]},
        "subject": {"reference": subject if "/" in subject else f"Patient/{subject}"},
        **_period(sources),
        "component": components,
    }


def _period(sources: Sequence[Resource]) -> Resource:
    """From the first to the last moment of the sources; nothing when none tells."""
    intervals = [interval for found in sources if (interval := parse_interval(str(found.get("effectiveDateTime"))))]
    if not intervals:
        return {}
    low, high = min(one.low for one in intervals), max(one.low for one in intervals)
    return {
        "effectivePeriod": {name: format_instant(from_micros(at)) for name, at in (("start", low), ("end", high))}
    }


def _values(sources: Sequence[Resource]) -> tuple[list[Decimal], dict[str, Any]]:
    """The values in one unit, that of the newest; raises `Unprocessable` when another cannot be converted."""
    values: list[Decimal] = []
    unit: dict[str, Any] = {}
    for source in sources:
        quantity = source.get("valueQuantity")
        if not isinstance(quantity, dict) or "value" not in quantity or "comparator" in quantity:
            continue
        own = {name: quantity[name] for name in ("unit", "system", "code") if name in quantity}
        unit = unit or own
        values.append(_in(Decimal(quantity["value"]), own, unit))
    return values, unit


def _in(value: Decimal, own: dict[str, Any], unit: dict[str, Any]) -> Decimal:
    if own.get("code", own.get("unit")) == unit.get("code", unit.get("unit")):
        return value
    if own.get("system") == unit.get("system") == UCUM and own.get("code") and unit.get("code"):
        try:
            return ucum.convert(value, own["code"], unit["code"])
        except ucum.UcumError:
            pass
    raise Unprocessable(issue("rest.units-differ"))


OPERATIONS = (
    Operation(
        name="stats",
        url="http://hl7.org/fhir/OperationDefinition/Observation-stats",
        levels=frozenset({"type"}),
        types=("Observation",),
        parameters=PARAMETERS,
        answer=_answer,
        scopes="rs",
    ),
)
