"""A whole record: a resource, and all that is in the compartments of some participants, page by page.

What leaves in one piece is a disclosure, so that consent is asked for `disclose`. What the record refers to outside
of the compartment, who and where and with what care was given, comes along with each page.
See https://hl7.org/fhir/R4/patient-operation-everything.html.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from gateway.access import Page
from gateway.core.errors import BadRequest
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.issues import issue
from gateway.rest.messages.bundles import searchset
from gateway.rest.operation.declaration import Call, Parameter
from gateway.search import Query
from gateway.search.query import AnyClause, Clause, DateClause, IdClause, Include, Moment, ReferenceClause

PARAMETERS: Final = (
    Parameter("start", "date"),
    Parameter("end", "date"),
    Parameter("_since", "dateTime"),
    Parameter("_type", "string", max=None),
    Parameter("_count", "integer"),
    Parameter("_cursor", "string"),
)
CARE_DATES: Final = (
    "date",
    "started",
    "effective",
    "effective-time",
    "onset-date",
    "collected",
    "authored",
    "authored-on",
    "authoredon",
    "whenhandedover",
    "sent",
    "period",
    "created",
)
"""Parameters that tell when care was given, the first that a type has."""

AROUND: Final = frozenset({
    "Device", "HealthcareService", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole",
})  # fmt: skip
"""Types that a record refers to, and that are in no participant's compartment, or need not be."""

_NAMES: Final = re.compile(r"[A-Za-z]+(?:,[A-Za-z]+)*\Z")


def everything(call: Call, compartment: str, ids: Sequence[str], first: Iterable[Query] = ()) -> bytes:
    """The Bundle of `first`, and of what the compartments of `ids` hold; every resource there is when `compartment`
    is ""."""
    types = _types(call)
    narrow = _narrowing(call)
    queries = [replace(query, clauses=(*query.clauses, *narrow)) for query in first if query.type in types]
    for kind in sorted(types):
        where = in_compartment(call, kind, compartment, ids) if compartment else ()
        if where is not None and kind not in {query.type for query in queries}:
            queries.append(Query(kind, (*where, *narrow, *_care(call, kind))))
    if compartment:
        around = [one for kind in sorted(AROUND) for one in _leading(call, kind, types, iterate=True)]
        queries = [replace(one, includes=(*_leading(call, one.type, types), *around)) for one in queries]
    return page_of(call, queries)


def _leading(call: Call, kind: str, types: Collection[str], *, iterate: bool = False) -> list[Include]:
    """The references of a type to what stands around a record, of the types that are asked for."""
    known = call.parts.parameters.of_study(call.study.id).of(kind).values()
    return [
        Include(kind, one.code, target, iterate=iterate)
        for one in known
        if one.kind == "reference"
        for target in sorted(AROUND & one.targets & frozenset(types))
    ]


def in_compartment(call: Call, kind: str, compartment: str, ids: Sequence[str]) -> tuple[Clause, ...] | None:
    """The clause that keeps resources of a type in the compartments; None when they are in none."""
    parameters = call.parts.parameters
    codes = [code for code in parameters.compartment(compartment).get(kind, ()) if code in parameters.of(kind)]
    targets = tuple(f"{compartment}/{identity}" for identity in ids)
    ways: list[Clause] = [ReferenceClause(code, targets) for code in codes]
    if kind == compartment:
        ways.append(IdClause(tuple(ids)))
    if not ways or not ids:
        return None
    return (ways[0] if len(ways) == 1 else AnyClause(tuple(ways)),)


def page_of(call: Call, queries: Sequence[Query]) -> bytes:
    """One page of the searches, as a searchset."""
    parts, inputs = call.parts, call.inputs
    count = inputs.one("_count")
    if count is not None and count < 1:
        raise BadRequest(issue("rest.parameter-value", parameter="_count", expected="Give a whole number from 1"))
    path = f"{call.type}/{call.id}/$everything"
    pairs = [(name, str(value)) for name, values in sorted(inputs.values.items()) for value in values]
    kept = [pair for pair in pairs if pair[0] != "_cursor"]
    bound = (call.study.id, path, urlencode(kept))
    cursor = inputs.one("_cursor")
    after = parts.cursors.read(bound, cursor) if cursor is not None else None
    page = Page(min(count or parts.page_size, parts.page_limit), after)
    found = call.door.search_each(queries, page, operation="everything", action="disclose")
    base = parts.fhir_base(call.study.id)
    links = {"self": _link(f"{base}/{path}", pairs)}
    if found.next is not None:
        links["next"] = _link(f"{base}/{path}", [*kept, ("_cursor", parts.cursors.write(bound, found.next))])
    cut = (issue("rest.includes-cut"),) if found.is_cut else ()
    return searchset(base, found.rows, links, None, included=found.included, ignored=cut)


def _link(address: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(pairs)}" if pairs else address


def _types(call: Call) -> frozenset[str]:
    known = call.parts.definitions.types()
    asked = call.inputs.all("_type")
    if not asked:
        return known
    names = frozenset(name for text in asked if _NAMES.match(text) for name in text.split(","))
    if not names or not names <= known or not all(_NAMES.match(text) for text in asked):
        raise BadRequest(issue("rest.parameter-value", parameter="_type", expected="Names of resource types"))
    return names


def _narrowing(call: Call) -> tuple[Clause, ...]:
    since = call.inputs.one("_since")
    if since is None:
        return ()
    interval = parse_interval(since)
    if interval is None:
        raise BadRequest(issue("rest.parameter-value", parameter="_since", expected="Give an instant"))
    return (DateClause("_lastUpdated", (Moment("ge", interval.low, interval.high),)),)


def _care(call: Call, kind: str) -> tuple[Clause, ...]:
    """The clause on when care was given; none for a type that does not tell."""
    bounds = [call.inputs.one(name) for name in ("start", "end")]
    if bounds == [None, None]:
        return ()
    known = call.parts.parameters.of(kind)
    code = next((name for name in CARE_DATES if name in known and known[name].kind == "date"), None)
    if code is None:
        return ()
    start, end = (parse_interval(text) if text else None for text in bounds)
    if (bounds[0] and not start) or (bounds[1] and not end):
        raise BadRequest(issue("rest.parameter-value", parameter="start", expected="Give dates"))
    low = Moment("ge", start.low if start else FOREVER_BEFORE, start.high if start else FOREVER_BEFORE + 1)
    high = Moment("le", end.low if end else FOREVER_AFTER - 1, end.high if end else FOREVER_AFTER)
    return (
        *((DateClause(code, (low,)),) if start else ()),
        *((DateClause(code, (high,)),) if end else ()),
    )
