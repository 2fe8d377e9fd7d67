"""Whom `gateway serve` takes a caller to be: the peer, unless the peer is a proxy that the operator named."""

import asyncio
from typing import Any

import pytest
import uvicorn

from gateway.cli.serve import server_options
from gateway.settings import Settings

LIE = "203.0.113.7"
CASES = [
    ((), "127.0.0.1", LIE, "127.0.0.1"),
    ((), "::1", LIE, "::1"),
    (("10.0.0.0/8",), "127.0.0.1", LIE, "127.0.0.1"),
    (("10.0.0.0/8",), "10.1.2.3", LIE, LIE),
    (("10.0.0.0/8",), "10.1.2.3", f"{LIE}, 198.51.100.9", "198.51.100.9"),
    (("10.0.0.0/8", "127.0.0.1"), "127.0.0.1", f"{LIE}, 198.51.100.9, 10.1.2.3", "198.51.100.9"),
    (("2001:db8::1",), "2001:db8::1", LIE, LIE),
]


@pytest.mark.parametrize(("proxies", "peer", "header", "expected"), CASES)
def test_only_proxies_that_are_named_speak_for_others(
    proxies: tuple[str, ...],
    peer: str,
    header: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    seen: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    options = server_options(Settings(proxies=proxies)) | {"workers": 1}
    config = uvicorn.Config(application, lifespan="off", **options)
    config.load()
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "client": (peer, 40000),
        "headers": [(b"x-forwarded-for", header.encode())],
    }
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [expected]
