"""Key sets at addresses: kept as long as they allow, asked rarely, never inside the own network."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.auth import KeySets
from gateway.auth.key_sets import _get
from gateway.core.errors import Unauthorized

URL = "https://client.example/jwks"
KEYS = {"keys": [{"kty": "EC", "kid": "1"}]}


class World:
    """A clock, and a server that counts how often it is asked."""

    def __init__(self, *answers: object) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.asked = 0
        self.answers = list(answers)
        self.sets = KeySets(lambda: self.now, self.get)

    def get(self, url: str) -> httpx.Response:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    def later(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("control", "kept"),
    [("max-age=60", 60), ("max-age=99999", 600), ("max-age=1", 10), ("no-store", 10), ("", 600)],
)
def test_a_set_is_kept_as_long_as_it_allows_within_bounds(control: str, kept: int) -> None:
    answers = [httpx.Response(200, json=KEYS, headers={"cache-control": control}) for _ in range(2)]
    world = World(*answers)
    assert world.sets.fetch(URL) == tuple(KEYS["keys"])
    world.later(kept - 1)
    world.sets.fetch(URL)
    assert world.asked == 1
    world.later(2)
    world.sets.fetch(URL)
    assert world.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
        httpx.Response(200, content=b"no json"),
        httpx.Response(200, json={"keys": "x"}),
        httpx.Response(200, json=[]),
        httpx.ConnectError("refused"),
        ValueError("inside"),
    ],
    ids=str,
)
def test_a_set_that_cannot_be_had_is_a_refusal_and_is_not_asked_again_at_once(answer: object) -> None:
    world = World(answer, httpx.Response(200, json=KEYS))
    for _ in range(3):
        with pytest.raises(Unauthorized):
            world.sets.fetch(URL)
    assert world.asked == 1
    world.later(11)
    assert world.sets.fetch(URL)


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/jwks",
        "https://127.0.0.1/jwks",
        "https://[::1]/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/jwks",
        "https://2130706433/jwks",
        "https://0/jwks",
        "https://user@client.example/jwks",
        "https://localhost/jwks",
        "file:///etc/passwd",
    ],
)
def test_an_address_inside_the_own_network_is_not_asked(url: str) -> None:
    with pytest.raises((ValueError, OSError)):
        _get(url)
