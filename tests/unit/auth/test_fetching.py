"""One GET is bounded as a whole: in time, from the first byte to the last, and in size."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.auth.fetching import MAX_BYTES, Answer, fetched

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 60\r\nConnection: close\r\n\r\n"
BODY = b"{}".ljust(60)
PATIENT, HASTY = 60.0, 0.3


@contextmanager
def serving(answer: bytes, start: int | None = None, seconds: float = 3.0) -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that gives one answer, from `start` on byte by byte over that many seconds."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                requests.append(peer.recv(65_536))
                try:
                    peer.sendall(answer[:start])
                    for byte in answer[start:] if start is not None else b"":
                        time.sleep(seconds / len(answer[start:]))
                        peer.sendall(bytes([byte]))
                except OSError:
                    return  # it went away

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/jwks", requests
        thread.join()


def test_an_answer_in_time_is_told_as_it_came() -> None:
    with serving(HEAD + BODY) as (url, requests):
        assert fetched(url, "client.example:8443", PATIENT) == Answer(200, "max-age=60", BODY)
    sent = requests[0].lower()
    assert b"host: client.example:8443\r\n" in sent
    assert b"accept-encoding: identity\r\n" in sent


@pytest.mark.parametrize("start", [0, 20, len(HEAD)], ids=["status", "headers", "body"])
def test_a_server_that_takes_its_time_is_as_good_as_none(start: int) -> None:
    """Each byte is quick; all of them are not."""
    with serving(HEAD + BODY, start) as (url, _), pytest.raises(OSError, match="in time"):
        fetched(url, seconds=HASTY)


BAD = {
    "too long": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (MAX_BYTES + 1),
    "no HTTP": b"nonsense\r\n\r\n",
    "nothing": b"",
    "headers without an end": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000,
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_no_answer_of_a_sensible_size_is_none(name: str) -> None:
    with serving(BAD[name]) as (url, _), pytest.raises((OSError, ValueError)):
        fetched(url, seconds=PATIENT)


def test_a_redirect_is_not_followed() -> None:
    told = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with serving(told) as (url, requests):
        assert fetched(url, seconds=PATIENT).status == 302
    assert len(requests) == 1


def test_nobody_there_is_an_error_of_the_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match="in time"):
        fetched(f"http://127.0.0.1:{port}/", seconds=PATIENT)
