"""Key sets at addresses: kept as long as they allow, asked rarely, never inside the own network."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from gateway.auth import KeySets
from gateway.auth.fetching import Answer
from gateway.auth.key_sets import _get
from gateway.core.codec import dumps
from gateway.core.errors import Unauthorized

URL = "https://client.example/jwks"
KEYS = {"keys": [{"kty": "EC", "kid": "1"}]}
NEXT = {"keys": [{"kty": "EC", "kid": "1"}, {"kty": "EC", "kid": "2"}]}
GOOD = Answer(200, "", dumps(KEYS))


class World:
    """A clock, and a server that counts how often it is asked."""

    def __init__(self, *answers: object) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.asked = 0
        self.answers = list(answers)
        self.sets = KeySets(lambda: self.now, self.get)

    def get(self, url: str) -> Answer:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    def later(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("max-age=60", 60),
        ("max-age=99999", 600),
        ("max-age=1", 10),
        ("no-store", 10),
        ("", 600),
        ("public, Max-Age=60", 60),
        ("no-cache", 10),
        ("s-maxage=60", 600),
        ("max-age=x", 600),
    ],
)
def test_a_set_is_kept_as_long_as_it_allows_within_bounds(control: str, kept: int) -> None:
    world = World(*[Answer(200, control, dumps(KEYS))] * 2)
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
        Answer(404, "", dumps(KEYS)),
        Answer(302, "", b""),
        Answer(200, "", b"no json"),
        Answer(200, "", b'{"keys": "x"}'),
        Answer(200, "", b'{"keys": ["x"]}'),
        Answer(200, "", b"[]"),
        OSError("refused"),
        ValueError("inside"),
    ],
    ids=repr,
)
def test_a_set_that_cannot_be_had_is_a_refusal_and_is_not_asked_again_at_once(answer: object) -> None:
    world = World(answer, GOOD)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            world.sets.fetch(URL)
    assert world.asked == 1
    world.later(11)
    assert world.sets.fetch(URL)


def test_a_key_that_is_not_known_is_asked_for_and_not_more_often_than_may_be() -> None:
    world = World(GOOD, GOOD, Answer(200, "", dumps(NEXT)))
    for after, kid, keys, asked in (
        (0, "1", 1, 1), (9, "2", 1, 1), (2, "1", 1, 1), (0, "", 1, 1), (0, "2", 1, 2), (9, "2", 1, 2), (2, "2", 2, 3),
        (300, "2", 2, 3),
    ):  # fmt: skip
        world.later(after)
        assert len(world.sets.fetch(URL, kid)) == keys
        assert world.asked == asked


def test_known_keys_stay_for_their_time_when_another_cannot_be_had() -> None:
    world = World(GOOD, OSError("gone"), Answer(200, "", b"[]"), OSError("gone"))
    world.sets.fetch(URL)
    for asked in (2, 3):
        world.later(20)
        assert world.sets.fetch(URL, "2") == tuple(KEYS["keys"])
        assert world.asked == asked
    world.later(600)
    with pytest.raises(Unauthorized):
        world.sets.fetch(URL, "1")


def test_nobody_waits_for_the_server_of_another() -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def get(url: str) -> Answer:
        if url == URL:
            is_asked.set()
            may_answer.wait(60)
        return GOOD

    sets = KeySets(lambda: datetime(2026, 6, 1, tzinfo=UTC), get)
    slow = threading.Thread(target=sets.fetch, args=(URL,))
    slow.start()
    assert is_asked.wait(60)
    assert sets.fetch("https://other.example/jwks")
    assert slow.is_alive()
    may_answer.set()
    slow.join()


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
