"""Kick-offs of Bulk Data Access: what a client asks to take along, and whether it may.

See https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-kick-off-request.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.access import Door
from gateway.access.reading.reach import narrowed
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Forbidden
from gateway.core.export_job import ExportJob
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.export.bulk import Asked, Offer, filter_reader, read_kickoff
from gateway.export.bulk.filters import reached
from gateway.export.bulk.kickoff import MAX_PATIENTS, Level
from gateway.rest.clients.gate import door_of, study_of
from gateway.rest.operation.groups import members_of, named_members_of
from gateway.rest.parts import Parts
from gateway.search import Query
from gateway.study import Study

MAX_PARAMETERS: Final = 200

Pairs = list[tuple[str, str]]


def kick_off(parts: Parts, request: Request, body: bytes | None) -> ExportJob:
    """Starts the export that the request asks for in its address and its body, None for a GET.

    Raises `BadRequest` for what cannot be read, `Forbidden`, on record, for what the client may not take along.
    """
    posted = body is not None
    pairs = [*_of_query(request), *_of_body(body or b"")]
    door, study = door_of(parts, request), study_of(parts, request)
    preferred = _preferences(request)
    if "respond-async" not in preferred and "handling=strict" in preferred:
        raise BadRequest(issue("export.asynchronous"))
    level = _level(request)
    known = parts.definitions.types()
    if level != "system" or ("organizeOutputBy", "Patient") in pairs:
        known = frozenset(parts.parameters.compartment("Patient")) & known | {"Patient"}
    base, now = parts.fhir_base(study.id), micros(parts.clock())
    read = filter_reader(parts.parameters.of_study(study.id), base, parts.terminology)
    lenient = "handling=lenient" in preferred
    _require_plain(study, door.principal.role, pairs)
    asked = read_kickoff(pairs, Offer(level, known, posted, lenient, lambda text: _within(door, read(text, now))))
    types = _types(door, asked, sorted(known))
    for kind in _beside(asked):
        door.permit("bulk-export", kind, "rs")
    who = door.principal
    url = f"{parts.base_url}{request.scope['path']}"
    query = request.scope["query_string"].decode("ascii")
    patients = _patients(parts, door, request, asked, level)
    wanted = asked.request(f"{url}?{query}" if query else url, types, patients, who.scopes, who.token)
    return parts.bulk.start(who, wanted)


def _of_query(request: Request) -> Pairs:
    text = request.scope["query_string"]
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except (UnicodeError, ValueError):
        raise BadRequest(issue("rest.form")) from None


def _of_body(body: bytes) -> Pairs:
    """The parameters of a Parameters resource as texts; raises `BadRequest`."""
    if not body:
        return []
    tree = loads(body)
    if not isinstance(tree, dict) or tree.get("resourceType") != "Parameters":
        raise BadRequest(issue("export.parameter-value", parameter="The body", expected="Send a Parameters resource"))
    given = tree.get("parameter", [])
    if not isinstance(given, list) or len(given) > MAX_PARAMETERS + MAX_PATIENTS:
        raise BadRequest(issue("rest.too-many-parameters", limit=MAX_PARAMETERS + MAX_PATIENTS))
    return [_pair(one) for one in given]


def _pair(given: Any) -> tuple[str, str]:
    values = [value for name, value in given.items() if name.startswith("value")] if isinstance(given, dict) else []
    value = values[0] if len(values) == 1 else None
    if isinstance(value, dict):
        value = value.get("reference")
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str) or not isinstance(given.get("name"), str):
        expected = "Give each parameter a name and one value[x]: a text, an instant or a Reference"
        raise BadRequest(issue("export.parameter-value", parameter="A parameter of the body", expected=expected))
    return given["name"], value


def _preferences(request: Request) -> frozenset[str]:
    parts = (part for header in request.headers.getlist("prefer") for part in header.lower().split(","))
    return frozenset(part.partition(";")[0].replace('"', "").strip() for part in parts)


def _require_plain(study: Study, role: str, pairs: Pairs) -> None:
    """Raises `Forbidden` for a role that is given de-identified data and asks by what the policy takes out.

    Who may choose by a name, a day or an id learns whose the rest is.
    """
    known = study.roles.get(role)
    if known and known.deidentify and any(name in ("_typeFilter", "patient") for name, _ in pairs):
        raise Forbidden(issue("export.filter-deidentified"))


def _within(door: Door, query: Query) -> Query:
    """The filter within the client's scopes, those of other types that it asks too; raises `Forbidden`, on record."""
    try:
        return narrowed(query, door.principal)
    except Forbidden:
        for kind in (query.type, *reached(query.clauses)):
            if not door.may(kind, "s"):
                door.permit("bulk-export", kind, "s")
        raise


def _level(request: Request) -> Level:
    if "id" in request.path_params:
        return "Group"
    return "Patient" if request.scope["path"].endswith("/Patient/$export") else "system"


def _types(door: Door, asked: Asked, known: Sequence[str]) -> Sequence[str]:
    """The types that leave: those asked for, all of which the client must have, or all that it has.

    Raises `Forbidden`, on record. That the export was asked for is on record when this returns.
    """
    may = [kind for kind in asked.types or known if door.may(kind, "r", "s")]
    for kind in asked.types or ():
        if kind not in may:
            door.permit("bulk-export", kind, "rs")
    door.permit("bulk-export", (may or known)[0], "rs")
    return may


def _beside(asked: Asked) -> Iterator[str]:
    """Types that the client must have beside those that it asks for."""
    if asked.organized:
        yield asked.organized
    if asked.associated:
        yield "Provenance"


def _patients(parts: Parts, door: Door, request: Request, asked: Asked, level: Level) -> Sequence[str] | None:
    """The patients to whom the export is limited, None for no limit; whom the client cannot see is not told.

    Of a Group raises as `members_of` and `named_members_of`.
    """
    if level != "Group":
        return asked.patients
    role, id = study_of(parts, request).roles.get(door.principal.role), request.path_params["id"]
    if role is not None and role.deidentify:
        members = named_members_of(parts, request, door, role, id)
    else:
        members = members_of(parts, request, door, id)
    return [one for one in members if asked.patients is None or one in asked.patients]
