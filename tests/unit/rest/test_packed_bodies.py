"""Bodies compressed with gzip: what was packed comes out, and nothing makes the gateway unpack beyond its limits."""

import gzip
import zlib
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.core.errors import BadRequest, FhirError, PayloadTooLarge, UnsupportedMediaType
from gateway.rest.messages.bodies import ON_LOOP, BodyLimit, read_body, read_body_as_sent
from gateway.rest.messages.packed_bodies import FREE, MAX_RATIO, is_packed, unpacked
from gateway.rest.messages.problems import on_refusal

LIMIT = 10_000_000


def rule(body: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(FhirError) as caught:
        unpacked(body, limit)
    assert isinstance(caught.value, BadRequest | PayloadTooLarge)
    return caught.value.issues[0].rule


@given(st.binary(max_size=2_000))
def test_what_was_packed_comes_out(body: bytes) -> None:
    assert unpacked(gzip.compress(body), LIMIT) == body


@given(st.binary(max_size=200), st.integers(0, 220), st.binary(max_size=3))
def test_whatever_is_sent_gives_bytes_or_a_refusal(body: bytes, cut: int, more: bytes) -> None:
    packed = gzip.compress(body)[:cut] + more
    try:
        found = unpacked(packed, LIMIT)
    except BadRequest as error:
        assert error.issues[0].rule == "rest.gzip"
    else:
        assert found == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{}") * 2,
        zlib.compress(b"{}"),
        gzip.compress(b"{}")[:-8] + bytes(8),
    ],
    ids=["nothing", "plain", "cut", "more-behind", "two", "zlib", "wrong-sum"],
)
def test_what_is_not_one_whole_member_is_refused(body: bytes) -> None:
    assert rule(body) == "rest.gzip"


def test_no_more_is_unpacked_than_a_body_may_have() -> None:
    assert unpacked(gzip.compress(bytes(1000)), 1000) == bytes(1000)
    assert rule(gzip.compress(bytes(1001)), 1000) == "payload.too-large"


def test_a_bomb_is_refused_by_what_it_grows_to() -> None:
    assert len(unpacked(gzip.compress(bytes(FREE)), LIMIT)) == FREE
    assert len(gzip.compress(bytes(FREE + 1))) * MAX_RATIO < FREE
    assert rule(gzip.compress(bytes(FREE + 1))) == "rest.gzip-ratio"
    assert rule(gzip.compress(gzip.compress(bytes(50_000_000))) + b" ") == "rest.gzip"


@pytest.mark.parametrize(
    ("told", "expected"), [("", False), ("identity", False), (" GZip ", True), ("x-gzip", True), ("Identity", False)]
)
def test_names_of_encodings(told: str, expected: bool) -> None:
    assert is_packed(told) is expected


@pytest.mark.parametrize("told", ["br", "deflate", "zstd", "gzip, gzip", "gzip,identity", "gzip;q=1", "*", ","])
def test_other_encodings_are_not_taken(told: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        is_packed(told)


async def echo(request: Request) -> Response:
    return Response(await read_body(request))


async def as_sent(request: Request) -> Response:
    return Response(await read_body_as_sent(request))


def application() -> BodyLimit:
    routes = [Route("/echo", echo, methods=["POST"]), Route("/as-sent", as_sent, methods=["POST"])]
    handlers: Any = {FhirError: on_refusal}
    return BodyLimit(Starlette(routes=routes, exception_handlers=handlers), 100_000)


def post(path: str, body: bytes, *encodings: str) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://g") as client:
            return await client.post(path, content=body, headers=[("content-encoding", one) for one in encodings])

    return anyio.run(once)


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_a_body_is_unpacked_on_the_loop_or_in_a_thread(size: int) -> None:
    body = bytes(number * number * 7919 % 251 for number in range(size))
    assert post("/echo", gzip.compress(body), "gzip").content == body


def test_the_limit_is_that_of_what_comes_out() -> None:
    packed = gzip.compress(bytes(100_001))
    assert len(packed) < ON_LOOP
    answer = post("/echo", packed, "gzip")
    assert (answer.status_code, "payload.too-large" in answer.text) == (413, True)


def test_several_headers_are_several_encodings() -> None:
    assert post("/echo", gzip.compress(b"{}"), "gzip", "gzip").status_code == 415


def test_what_is_taken_as_sent_is_not_unpacked() -> None:
    assert post("/as-sent", b"{}").content == b"{}"
    assert post("/as-sent", gzip.compress(b"{}"), "gzip").status_code == 415
