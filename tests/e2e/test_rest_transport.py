"""What is between the resource and the wire: gzip, and browsers of other origins."""

import gzip
from collections.abc import Iterator

import pytest

from gateway.rest.compression import accepts_gzip
from gateway.settings import Settings
from tests.e2e.http_gateway import BASE, Http, observation, serving

APP = "https://app.example"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("transport"), cors_origins=f"{APP}, http://localhost:3000") as served:
        patient = served.participant("all").patient
        for number in range(60):
            served.put(observation(f"o{number}", patient))
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
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, if-match"}
    allowed = http.ask("OPTIONS", f"{BASE}/Observation/o1", headers=asked | {"Origin": APP})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, APP)
    refused = http.ask("OPTIONS", f"{BASE}/Observation/o1", headers=asked | {"Origin": "https://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    answer = http.get("/Observation/o1", headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in http.get("/Observation/o1", headers={"Origin": "null"}).headers


@pytest.mark.parametrize("origins", ["*", "https://a.example/path", "app.example", "https://a.example b"])
def test_an_origin_is_scheme_and_host(origins: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        Settings(cors_origins=origins)  # type: ignore[arg-type]
