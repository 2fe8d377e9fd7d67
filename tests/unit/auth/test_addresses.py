"""Addresses that are told apart by their text: nothing is looked up."""

import socket
from typing import Any

import pytest

from gateway.auth.addresses import is_public, may_be_public

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1")
OWN = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
)  # fmt: skip
NAMES = ("lake.example", "keys.lake.example:8443", "localhost.example", "10.0.0.1.example", "lan.example", "a.b.")
OWN_NAMES = (
    "localhost", "localhost.", "LOCALHOST", "app.localhost", "db.internal", "printer.local", "nas.lan",
    "router.home.arpa",
    "metadata", "metadata.google.internal", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
    "127.1", "127.0.0.1.",
    "10.0.0.1:443", "\uff11\uff12\uff17.0.0.1", "lake\u3002example", "", "[::1", "[fe80::1%25eth0]",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_network(address: str) -> None:
    assert is_public(address)
    assert may_be_public(f"https://{_host(address)}/jwks")


@pytest.mark.parametrize("address", OWN)
def test_the_own_network_in_any_notation(address: str) -> None:
    assert not is_public(address)
    assert not may_be_public(f"https://{_host(address)}/jwks")


@pytest.mark.parametrize("host", NAMES)
def test_names_that_may_lead_anywhere(host: str) -> None:
    assert may_be_public(f"https://{host}/jwks")


@pytest.mark.parametrize("host", OWN_NAMES, ids=ascii)
def test_names_that_lead_inside(host: str) -> None:
    assert not may_be_public(f"https://{host}/jwks")


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
