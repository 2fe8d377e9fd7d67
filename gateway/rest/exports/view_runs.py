"""`$viewdefinition-run`: the rows of a SQL on FHIR view over what the client may take along, at once.

The view is one of the study, or comes with the request. Consent is asked for `disclose`, batch by batch, and nothing
is sent before the last row is made. See https://sql-on-fhir.org/ig/latest/OperationDefinition-ViewDefinitionRun.html.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from gateway.access import Door
from gateway.core.errors import BadRequest, NotAcceptable, NotFound, Unavailable, Unprocessable
from gateway.core.instants import parse_interval
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.export.bulk.plan import of_patients, updated
from gateway.export.views import CompiledView, compile_view, read_view, run_view, write_table
from gateway.export.views.compile import Row
from gateway.fhirpath import FhirPathError
from gateway.rest.clients.gate import door_of, study_of
from gateway.rest.messages.bodies import JSON_TYPES, read_body
from gateway.rest.operation.declaration import Inputs, Operation, Parameter
from gateway.rest.operation.groups import members_of
from gateway.rest.operation.inputs import inputs_of_body, inputs_of_query
from gateway.rest.parts import Parts
from gateway.search import Query
from gateway.search.query import Clause

BASE: Final = "/studies/{study}/fhir"
NAME: Final = "viewdefinition-run"
PATHS: Final = (f"{BASE}/${NAME}", f"{BASE}/ViewDefinition/${NAME}", f"{BASE}/ViewDefinition/{{id}}/${NAME}")
ROWS: Final = 1_000_000
"""Rows that one answer may have."""

CHUNK: Final = 256_000
REFERENCES: Final = frozenset({"viewReference", "patient", "group"})
MEDIA: Final[Mapping[str, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/octet-stream",
}
_REFERENCE: Final = re.compile(r"(?:([A-Za-z]+)/)?([A-Za-z0-9\-.]{1,64})\Z")
_NAMES: Final[Mapping[str, str]] = {media: form for form, media in MEDIA.items()} | {
    "application/fhir+json": "json",
    "application/ndjson": "ndjson",
    "application/fhir+ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
    "*/*": "ndjson",
    "application/*": "ndjson",
    "text/*": "csv",
}


def _none(_call: Any) -> Resource:
    raise NotFound(issue("rest.unknown-operation"))


OPERATION: Final = Operation(
    name=NAME,
    url=f"http://sql-on-fhir.org/OperationDefinition/${NAME}",
    levels=frozenset({"system", "type", "instance"}),
    types=(),
    parameters=(
        Parameter("_format", "code"),
        Parameter("header", "boolean"),
        Parameter("viewReference", "Reference"),
        Parameter("viewResource", "ViewDefinition"),
        Parameter("patient", "Reference"),
        Parameter("group", "Reference", max=None),
        Parameter("resource", "Resource", max=None),
        Parameter("_limit", "integer"),
        Parameter("_since", "instant"),
    ),
    answer=_none,
    body="viewResource",
)
"""What the operation takes; it has addresses of its own, since its answers are no resources."""


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and POST at the level of the system, of the type, and of one view of the study."""
    router = APIRouter()

    async def posted(request: Request) -> bytes:
        door_of(parts, request)
        return await read_body(request, JSON_TYPES) if await request.body() else b'{"resourceType":"Parameters"}'

    def view_run(request: Request) -> Response:
        return _answer(parts, request, _of_query(request))

    def view_run_by_post(request: Request, body: Annotated[bytes, Depends(posted)]) -> Response:
        own, references = _pairs(request)
        return _answer(parts, request, _with(inputs_of_body(OPERATION, body, own), references))

    for path in PATHS:
        router.add_api_route(path, view_run, methods=["GET"])
        router.add_api_route(path, view_run_by_post, methods=["POST"])
    return list(router.routes)


def _pairs(request: Request) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    pairs = request.query_params.multi_items()
    return [one for one in pairs if one[0] not in REFERENCES], [one for one in pairs if one[0] in REFERENCES]


def _of_query(request: Request) -> Inputs:
    own, references = _pairs(request)
    return _with(inputs_of_query(OPERATION, own), references)


def _with(inputs: Inputs, references: Iterable[tuple[str, str]]) -> Inputs:
    """The inputs with references that came as plain texts; raises `BadRequest` for one too many."""
    values = {name: list(given) for name, given in inputs.values.items()}
    for name, text in references:
        values.setdefault(name, []).append({"reference": text})
    for name in ("viewReference", "patient"):
        if len(values.get(name, ())) > 1:
            raise BadRequest(issue("rest.parameter-value", parameter=name, expected="Give it once"))
    return Inputs(values)


def _answer(parts: Parts, request: Request, inputs: Inputs) -> Response:
    door = door_of(parts, request)
    form = _form(request, inputs)
    view = _view(parts, request, inputs)
    door.permit(NAME, view.view.resource, "rs")
    most = inputs.one("_limit")
    if most is not None and most < 0:
        raise BadRequest(issue("rest.parameter-value", parameter="_limit", expected="Give 0 or more"))
    rows = _given(view, inputs) if inputs.all("resource") else _stored(parts, request, door, view, inputs)
    with closing(rows):
        file = _written(parts, view, _few(rows, ROWS if most is None else min(most, ROWS), most), form)
    sent = _as_json(file) if form == "json" else _chunks(file, form == "csv" and inputs.one("header") is False)
    return StreamingResponse(sent, 200, {}, MEDIA[form])


def _form(request: Request, inputs: Inputs) -> str:
    """The format: as `_format` names it, else the first of the Accept header that can be had."""
    asked = inputs.one("_format")
    if asked is not None:
        form = asked if asked in MEDIA else _NAMES.get(asked)
        if form is None:
            expected = f"Use one of {', '.join(MEDIA)}"
            raise BadRequest(issue("rest.parameter-value", parameter="_format", expected=expected))
        return form
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    found = next((_NAMES[name] for name in accepted if name in _NAMES), None)
    if found is None:
        raise NotAcceptable(issue("rest.not-acceptable"))
    return found


def _view(parts: Parts, request: Request, inputs: Inputs) -> CompiledView:
    """The view of the address, of the reference, or of the request; raises `NotFound`, `BadRequest`, and
    `Unprocessable` for one that cannot run."""
    given, resource, id = inputs.one("viewReference"), inputs.one("viewResource"), request.path_params.get("id")
    if sum(one is not None for one in (given, resource, id)) != 1:
        raise BadRequest(issue("export.view-which"))
    if resource is not None:
        try:
            return compile_view(read_view(resource))
        except BadRequest as error:
            raise Unprocessable(*error.issues) from None
    reference = id if id is not None else str(given.get("reference", "") if isinstance(given, dict) else "")
    study = study_of(parts, request)
    name = reference.removeprefix(f"{parts.fhir_base(study.id)}/").removeprefix("ViewDefinition/").replace("-", "_")
    found = parts.views(study.id).get(name)
    if found is None:
        raise NotFound(issue("export.view-unknown"))
    return found


def _given(view: CompiledView, inputs: Inputs) -> Generator[Row, None, None]:
    """The rows of the resources in the request, which nobody but the caller knows."""
    if any(inputs.values.get(name) for name in ("patient", "group", "_since")):
        raise BadRequest(issue("export.view-given"))
    for resource in inputs.all("resource"):
        if resource["resourceType"] == view.view.resource:
            try:
                yield from view.rows(resource)
            except FhirPathError:
                raise Unprocessable(issue("export.view-resource")) from None


def _stored(
    parts: Parts, request: Request, door: Door, view: CompiledView, inputs: Inputs
) -> Generator[Row, None, None]:
    kind = view.view.resource
    clauses: list[Clause] = []
    people = _people(parts, request, door, inputs)
    if people is not None:
        of_people = of_patients(kind, people, parts.parameters)
        if of_people is None:
            return
        clauses += of_people
    since = inputs.one("_since")
    if since is not None:
        interval = parse_interval(since)
        if interval is None or "T" not in since:
            expected = "Give one instant, as 2026-01-31T12:00:00Z"
            raise BadRequest(issue("rest.parameter-value", parameter="_since", expected=expected))
        clauses.append(updated("ge", interval.low))
    yield from run_view(view, door, query=Query(kind, tuple(clauses)) if clauses else None)


def _people(parts: Parts, request: Request, door: Door, inputs: Inputs) -> list[str] | None:
    """The patients that are asked for, None for everybody; who is not seen is as who is not there."""
    given = [_id_of(one, "Patient", "patient") for one in inputs.all("patient")]
    groups = [_id_of(one, "Group", "group") for one in inputs.all("group")]
    if not groups:
        return given or None
    members = dict.fromkeys(one for group in groups for one in members_of(parts, request, door, group))
    return [one for one in members if not given or one in given]


def _id_of(reference: Any, kind: str, name: str) -> str:
    text = reference.get("reference", "") if isinstance(reference, dict) else ""
    found = _REFERENCE.match(text) if isinstance(text, str) else None
    if found is None or found[1] not in (None, kind):
        raise BadRequest(issue("rest.parameter-value", parameter=name, expected=f"Give a reference {kind}/[id]"))
    return found[2]


def _few(rows: Iterator[Row], most: int, asked: int | None) -> Iterator[Row]:
    """At most so many rows; raises `Unprocessable` when there are more than an answer may have."""
    yield from islice(rows, most)
    if (asked is None or asked > ROWS) and next(rows, None) is not None:
        raise Unprocessable(issue("export.view-rows", limit=ROWS))


def _written(parts: Parts, view: CompiledView, rows: Iterator[Row], form: str) -> IO[bytes]:
    """The rows in a file that is open and has no name any more."""
    ending = "ndjson" if form == "json" else form
    try:
        parts.bulk.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(prefix="view-", dir=parts.bulk.folder) as folder:
            path = Path(folder) / f"rows.{ending}"
            write_table(view, rows, path)
            return path.open("rb")
    except OSError:
        raise Unavailable(issue("export.disk")) from None


def _chunks(file: IO[bytes], without_first_line: bool) -> Iterator[bytes]:
    with file:
        if without_first_line:
            file.readline()
        while data := file.read(CHUNK):
            yield data


def _as_json(file: IO[bytes]) -> Iterator[bytes]:
    """The lines as an array."""
    with file:
        yield b"["
        for number, line in enumerate(file):
            yield (b"," if number else b"") + line.rstrip(b"\n")
        yield b"]"
