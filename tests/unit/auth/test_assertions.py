"""Assertions of a client whose keys are at an address: a `jku` must be that very address."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jose import jwt

from gateway.auth.assertions import Assertions
from gateway.core.errors import Unauthorized
from gateway.study import Client
from tests.unit.auth.keypairs import Pair

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENDPOINT, KEY_SET = "https://gateway.example/auth/token", "https://lake.example/jwks"
KEY = Pair("ES384", "k1")
AT_ADDRESS = Client("lake", "org", "researcher", "HRESCH", ("system/*.rs",), jwks_url=KEY_SET)
INLINE = Client("lake", "org", "researcher", "HRESCH", ("system/*.rs",), jwks=(KEY.public,))


class Once:
    """Implements `CredentialStore`, of which an assertion needs one part."""

    def __init__(self) -> None:
        self.claimed: set[str] = set()

    def claim(self, study: str, digest: str, until: int) -> bool:
        is_first = digest not in self.claimed
        self.claimed.add(digest)
        return is_first

    def is_claimed(self, study: str, digest: str) -> bool:
        return digest in self.claimed

    def revoke(self, study: str, digest: str, until: int) -> None:
        raise AssertionError("an assertion is no token")

    def is_revoked(self, study: str, digest: str) -> bool:
        return False


def proved(client: Client, **header: Any) -> tuple[list[str], str]:
    """The addresses that were asked for keys, and the client that an assertion with this header proves."""
    asked: list[str] = []

    def fetch(url: str, kid: str) -> tuple[dict[str, Any], ...]:
        asked.append(f"{url}#{kid}")
        return (KEY.public,)

    assertions = Assertions(("s1",), lambda _, name: client if name == client.id else None, ENDPOINT, Once(), fetch,
                            lambda: NOW)  # fmt: skip
    now = int(NOW.timestamp())
    claims = {"iss": "lake", "sub": "lake", "aud": ENDPOINT, "exp": now + 60, "iat": now, "jti": "1"}
    token = jwt.encode(claims, KEY.pem, algorithm=KEY.algorithm, headers={"kid": KEY.kid, **header})
    try:
        return asked, assertions.client(token)[1].id
    except Unauthorized:
        return asked, ""


@pytest.mark.parametrize("header", [{}, {"jku": KEY_SET}], ids=str)
def test_keys_come_from_the_registered_address(header: dict[str, Any]) -> None:
    assert proved(AT_ADDRESS, **header) == ([f"{KEY_SET}#k1"], "lake")


@pytest.mark.parametrize("jku", ["https://evil.example/jwks", f"{KEY_SET}/", KEY_SET.upper(), "", 7, None, [KEY_SET]])
def test_no_other_address_is_asked_or_taken(jku: Any) -> None:
    asked, client = proved(AT_ADDRESS, jku=jku)
    assert client == ""
    assert asked in ([], [f"{KEY_SET}#k1"])


@pytest.mark.parametrize("jku", [KEY_SET, ""])
def test_who_registered_keys_names_no_address(jku: str) -> None:
    assert proved(INLINE) == ([], "lake")
    assert proved(INLINE, jku=jku) == ([], "")
