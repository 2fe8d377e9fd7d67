"""Cursors: they come back as they went out, and only here, and only for the same search."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.rest.messages.cursors import Cursors

SEARCH = ("hf-dct-01", "Observation", "code=1")

positions = st.lists(st.integers(-(2**62), 2**62) | st.text(), max_size=4)


@given(positions)
def test_a_position_survives(position: list[int | str]) -> None:
    cursors = Cursors(b"secret")
    assert cursors.read(SEARCH, cursors.write(SEARCH, position)) == tuple(position)


@given(st.text(max_size=60))
def test_invented_cursors_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        Cursors(b"secret").read(SEARCH, text)


@pytest.mark.parametrize(
    "other",
    [
        ("another-study", "Observation", "code=1"),
        ("hf-dct-01", "Patient", "code=1"),
        ("hf-dct-01", "Observation", "code=2"),
        ("hf-dct-01", "Observationcode=1"),
    ],
)
def test_a_cursor_works_for_its_own_search_only(other: tuple[str, ...]) -> None:
    cursors = Cursors(b"secret")
    with pytest.raises(BadRequest) as caught:
        cursors.read(other, cursors.write(SEARCH, [1]))
    assert caught.value.issues[0].rule == "rest.cursor"


def test_another_secret_makes_other_cursors() -> None:
    with pytest.raises(BadRequest):
        Cursors(b"one").read(SEARCH, Cursors(b"two").write(SEARCH, [1]))


@given(position=positions, place=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_changed_cursor_is_refused(position: list[int | str], place: int, bit: int) -> None:
    cursors = Cursors(b"secret")
    raw = bytearray(urlsafe_b64decode(cursors.write(SEARCH, position)))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(BadRequest):
        cursors.read(SEARCH, urlsafe_b64encode(bytes(raw)).decode())


def test_a_sealed_cursor_shows_nothing_and_works_for_its_own_search_only() -> None:
    cursors = Cursors(b"secret")
    pairs = [("identifier", "urn:x|canary-value"), ("code", "1")]
    text = cursors.seal("s1", "Patient", pairs, [5, 6])
    assert "canary" not in text
    assert cursors.unseal("s1", "Patient", text) == (pairs, (5, 6))
    for study, kind, cursor in (
        ("s2", "Patient", text),
        ("s1", "Device", text),
        ("s1", "Patient", text[:-9] + "AAAAAAAA="),
    ):
        with pytest.raises(BadRequest):
            cursors.unseal(study, kind, cursor)
    with pytest.raises(BadRequest):
        Cursors(b"other").unseal("s1", "Patient", text)


def test_a_position_is_readable_to_nobody() -> None:
    cursors = Cursors(b"secret")
    cursor = cursors.write(SEARCH, ["Canary", 1])
    assert "Canary" not in cursor
    assert b"Canary" not in urlsafe_b64decode(cursor)
    for other in (("hf-dct-01", "Observation", "code=2"), ("another-study", *SEARCH[1:])):
        with pytest.raises(BadRequest):
            cursors.read(other, cursor)
