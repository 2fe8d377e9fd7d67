"""The layers around every request: request id, log line, last catch, body limit, problems."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.core import logs
from gateway.core.errors import FhirError, Unauthorized, Unavailable
from gateway.core.issues import issue
from gateway.rest.layers.edge import Edge, note, request_id
from gateway.rest.messages.bodies import FORM_TYPES, BodyLimit, read_body
from gateway.rest.messages.problems import on_http_error, on_refusal

CANARY = "Canary-Jane-1980"


async def echo(request: Request) -> Response:
    note(request.scope, study="hf-dct-01")
    return Response(await read_body(request), headers={"seen-id": request_id(request.scope)})


async def limited(request: Request) -> Response:
    """Without the layer that limits bodies, which lets many more through here."""
    return Response(await read_body(request, limit=100))


async def form(request: Request) -> Response:
    return Response(await read_body(request, FORM_TYPES))


async def crash(_request: Request) -> Response:
    raise ValueError(CANARY)


async def login(_request: Request) -> Response:
    raise Unauthorized(issue("rest.token-missing"))


async def busy(_request: Request) -> Response:
    raise Unavailable()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.configure("info", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def application() -> Starlette:
    routes = [
        Route("/echo", echo, methods=["POST", "GET"]),
        Route("/limited", limited, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/crash", crash),
        Route("/login", login),
        Route("/busy", busy),
    ]
    handlers: Any = {FhirError: on_refusal, HTTPException: on_http_error}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.add_middleware(BodyLimit, limit=1000)
    app.add_middleware(Edge)
    return app


def ask(method: str, path: str, **options: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://g") as client:
            return await client.request(method, path, **options)

    return anyio.run(once)


def rule(answer: httpx.Response) -> str:
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == "application/fhir+json"
    found: str = outcome["issue"][0]["details"]["coding"][0]["code"]
    return found


def test_every_answer_has_an_id_and_is_kept_by_nobody(log: io.StringIO) -> None:
    answer = ask("POST", "/echo", content=b"abc", headers={"X-Request-Id": CANARY})
    assert answer.content == b"abc"
    assert answer.headers["x-request-id"] == answer.headers["seen-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert "Authorization" in answer.headers["vary"]
    assert CANARY not in str(answer.headers)


def test_the_log_line_tells_operation_and_study_but_no_address(log: io.StringIO) -> None:
    ask("GET", f"/echo?name={CANARY}")
    line = json.loads(log.getvalue())
    assert (line["event"], line["operation"], line["status"], line["study"]) == ("request", "echo", 200, "hf-dct-01")
    assert CANARY not in log.getvalue()


def test_an_unknown_address_and_method_are_outcomes(log: io.StringIO) -> None:
    missing = ask("GET", f"/{CANARY}")
    assert (missing.status_code, rule(missing)) == (404, "rest.unknown-route")
    wrong = ask("DELETE", "/echo")
    assert (wrong.status_code, rule(wrong)) == (405, "rest.method")
    assert wrong.headers["allow"] == "GET, HEAD, POST"
    assert CANARY not in log.getvalue() + missing.text


def test_a_crash_tells_nothing_to_the_client_and_its_type_to_the_log(log: io.StringIO) -> None:
    answer = ask("GET", "/crash")
    assert (answer.status_code, rule(answer)) == (500, "rest.internal")
    first, second = (json.loads(line) for line in log.getvalue().splitlines())
    assert (first["error_type"], second["status"]) == ("ValueError", 500)
    assert first["request_id"] == answer.headers["x-request-id"]
    assert CANARY not in log.getvalue() + answer.text


def test_a_missing_token_is_challenged_and_a_missing_part_says_when_to_come_back(log: io.StringIO) -> None:
    assert ask("GET", "/login").headers["www-authenticate"].startswith("Bearer")
    busy_answer = ask("GET", "/busy")
    assert busy_answer.status_code == 503
    assert busy_answer.headers["retry-after"]


BODIES = pytest.mark.parametrize(("path", "limit"), [("/echo", 1000), ("/limited", 100)], ids=["layer", "own"])


@BODIES
def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(path: str, limit: int, log: io.StringIO) -> None:
    assert ask("POST", path, content=b"x" * limit).content == b"x" * limit
    answer = ask("POST", path, content=b"x" * (limit + 1))
    assert (answer.status_code, rule(answer)) == (413, "payload.too-large")


@BODIES
def test_a_body_without_declared_length_is_cut_while_it_streams(path: str, limit: int, log: io.StringIO) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 400
            yield b"x" * 400

    assert ask("POST", path, content=endless()).status_code == 413
    assert sent <= limit + 600


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-type": "text/plain"}, "rest.media-type"),
        ({}, "rest.media-type"),
        ({"content-type": FORM_TYPES[0], "content-encoding": "br"}, "rest.encoding"),
        ({"content-type": FORM_TYPES[0], "content-encoding": "gzip, gzip"}, "rest.encoding"),
    ],
)
def test_bodies_of_other_kinds_are_415(log: io.StringIO, headers: dict[str, str], expected: str) -> None:
    answer = ask("POST", "/form", content=b"a=b", headers=headers)
    assert (answer.status_code, rule(answer)) == (415, expected)


def test_a_media_type_may_have_parameters(log: io.StringIO) -> None:
    headers = {"content-type": "Application/x-www-form-urlencoded; charset=UTF-8"}
    assert ask("POST", "/form", content=b"a=b", headers=headers).status_code == 200
