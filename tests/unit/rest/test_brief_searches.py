"""Which query strings are those of plain searches: whatever is not plain is read by the long way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rest.searching.brief_searches import LONGEST, is_plain
from gateway.rest.searching.places import pairs_of

names = st.sampled_from(["patient", "code", "date", "_sort", "_count", "_id", "value-quantity"])
values = st.text("abc019|$,:./%-", max_size=12)


@given(st.lists(st.tuples(names, values), max_size=5))
def test_plain_parameters_are_plain(pairs: list[tuple[str, str]]) -> None:
    text = "&".join(f"{name}={value}" for name, value in pairs)
    assert is_plain(text.encode())


@pytest.mark.parametrize("text", ["_summary=count", "code=a&_summary=count", "_total=none&code=a&_total=accurate"])
def test_counts_are_plain(text: str) -> None:
    assert is_plain(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "code:in=a", "patient.name=a", "_has:Observation:patient:code=a", "_include=a", "_revinclude=a",
        "_total=many", "_summary=text", "_summary=count1",
        "_elements=id", "_text=a", "_content=a", "_list=a", "_filter=a",
        "_format=json", "_pretty=true", "_cursor=", "_cursor=s.abc", "_cursor=a&code=b", "_cursor=a&_cursor=b",
        "code", "code=a&", "&code=a", "=a", "code=a b", "code=\x00", "code=\xe9", "code=a&&code=b",
        "code=" + "a" * LONGEST,
    ],
)  # fmt: skip
def test_others_are_not(text: str) -> None:
    assert not is_plain(text.encode("latin-1"))


@given(st.binary(max_size=60))
def test_what_is_plain_has_names_and_values(text: bytes) -> None:
    if is_plain(text) and b"%" not in text:
        assert len(pairs_of(text)) == (text.count(b"&") + 1 if text else 0)
