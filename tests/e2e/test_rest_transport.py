"""What is between the resource and the wire: gzip, and browsers of other origins."""

import gzip
from collections.abc import Iterator
from functools import partial

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.core.codec import dumps
from gateway.rest.layers.compression import Compression, accepts_gzip
from gateway.settings import Settings
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, serving

APP = "https://app.example"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("transport"), cors_origins=f"{APP}, http://localhost:3000") as served:
        patient = served.participant("all").patient
        for number in range(59):
            served.put(observation(f"o{number}", patient))
        served.put(observation("long", patient) | {"note": [{"text": f"note {number}"} for number in range(200)]})
        served.put(observation("hidden", served.participant("norte-research-only").patient))
        yield served


def raw(http: Http, path: str, encoding: str) -> tuple[dict[str, str], bytes]:
    """Headers and body as they were sent."""
    headers = {"Authorization": f"Bearer {http.token('ehr-app')}", "Accept-Encoding": encoding}

    async def once() -> tuple[dict[str, str], bytes]:
        async with http.client.stream("GET", BASE + path, headers=headers) as answer:
            return dict(answer.headers), b"".join([part async for part in answer.aiter_raw()])

    found: tuple[dict[str, str], bytes] = http.portal.call(once)
    return found


@pytest.mark.parametrize("path", ["/Observation?_count=60", "/metadata"])
def test_large_answers_are_compressed_for_who_takes_it(http: Http, path: str) -> None:
    plain_headers, plain = raw(http, path, "identity")
    headers, body = raw(http, path, "br, gzip;q=0.8")
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) == len(body) < len(plain) / 4
    assert gzip.decompress(body) == plain
    assert "content-encoding" not in plain_headers
    assert "Accept-Encoding" in headers["vary"]


def test_small_answers_are_not(http: Http) -> None:
    headers, body = raw(http, "/Observation/o1", "gzip")
    assert "content-encoding" not in headers
    assert body.startswith(b"{")


@pytest.mark.parametrize("path", ["/Observation/long", "/Observation/long/_history/1"])
def test_a_long_resource_is_compressed_with_the_tag_of_its_version(http: Http, path: str) -> None:
    plain_headers, plain = raw(http, path, "identity")
    headers, body = raw(http, path, "gzip")
    assert (headers["content-encoding"], plain_headers.get("content-encoding")) == ("gzip", None)
    assert int(headers["content-length"]) == len(body) < len(plain)
    assert gzip.decompress(body) == plain
    assert headers["etag"] == plain_headers["etag"] == 'W/"1"'  # weak: the same version in another form
    assert "Accept-Encoding" in headers["vary"]
    asked = {"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]}
    answer = http.get(path, headers=asked)
    assert (answer.status_code, answer.content) == (304, b"")


def test_what_is_hidden_is_as_long_as_what_is_not_there(http: Http) -> None:
    answers = [raw(http, f"/Observation/{id}", "gzip") for id in ("hidden", "absent", "hidden", "absent")]
    lengths = {(headers["content-length"], headers.get("content-encoding")) for headers, _ in answers}
    assert len(lengths) == 1


def test_answers_that_hold_tokens_are_not_compressed() -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"5000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b" " * 5000})

    async def encodings(path: str) -> list[bytes]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope = {"type": "http", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
        await Compression(answer)(scope, receive, send)
        return [value for name, value in sent[0]["headers"] if name == b"content-encoding"]

    assert anyio.run(encodings, "/studies/s/fhir/metadata") == [b"gzip"]
    assert anyio.run(encodings, "/auth/token") == []


def test_a_resource_may_be_sent_compressed(http: Http) -> None:
    patient = http.participant("all").patient
    body = gzip.compress(dumps(observation("packed", patient)))
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"}
    address = f"{BASE}/Observation/packed"
    assert http.ask("PUT", address, REGISTRAR, content=body, headers=headers).status_code == 201
    stored = http.get("/Observation/packed").json()
    assert stored["code"] == observation("packed", patient)["code"]
    entry = {"resource": observation("within", patient), "request": {"method": "PUT", "url": "Observation/within"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = http.ask("POST", BASE, REGISTRAR, content=gzip.compress(dumps(bundle)), headers=headers)
    assert answer.json()["entry"][0]["response"]["status"].startswith("201")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("br", False),
        ("gzip;q=0", False),
        ("x-gzip", False),
        ("*", False),
    ],
)
def test_who_accepts_gzip(header: str, expected: bool) -> None:
    assert accepts_gzip(header) == expected


def test_browsers_of_named_origins_may_call_and_no_others(http: Http) -> None:
    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization, if-match, x-break-glass, x-change-reason",
    }
    allowed = http.ask("OPTIONS", f"{BASE}/Observation/o1", headers=asked | {"Origin": APP})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, APP)
    refused = http.ask("OPTIONS", f"{BASE}/Observation/o1", headers=asked | {"Origin": "https://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    answer = http.get("/Observation/o1", headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    assert {"ETag", "Content-Location", "X-Progress"} <= set(
        answer.headers["access-control-expose-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in http.get("/Observation/o1", headers={"Origin": "null"}).headers


@pytest.mark.parametrize("origins", ["*", "https://a.example/path", "app.example", "https://a.example b"])
def test_an_origin_is_scheme_and_host(origins: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        Settings(cors_origins=origins)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/Observation/o1", [("Accept", "text/html"), ("Accept", "application/fhir+json")], 200),
        ("GET", "/Observation/o1", [("If-None-Match", 'W/"9"'), ("If-None-Match", 'W/"1"')], 304),
        ("PUT", "/Observation/o1", [("If-Match", 'W/"1"'), ("If-Match", 'W/"9"')], 400),
        ("POST", "/Observation", [("If-None-Exist", "_id=o1"), ("If-None-Exist", "_id=o2")], 400),
        ("PUT", "/Observation/o1", [("Content-Type", "text/plain")], 415),
    ],
    ids=["any of what is accepted", "any of the tags", "one version", "one condition", "one type of body"],
)
def test_a_header_that_comes_again_is_a_list(
    http: Http, method: str, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    sent = [("Authorization", f"Bearer {http.token(REGISTRAR)}"), *headers]
    body = dumps(observation("o1", http.participant("all").patient)) if method != "GET" else b""
    if body:
        sent.append(("Content-Type", "application/fhir+json"))
    answer = http.portal.call(partial(http.client.request, method, BASE + path, headers=sent, content=body))
    assert answer.status_code == status
