"""Which query strings are those of plain searches: whatever is not plain is read by the long way."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rest.searching.brief_searches import LONGEST, is_plain
from gateway.rest.searching.places import encoded, pairs_of

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
        "patient.name=a", "subject:Patient.name=a&code=b", "subject%3APatient.name=a", "a.b-c.d=1", "a:B.c:D._id=1",
        "patient._tag=a&_include=Observation:subject", "_include=Observation%3Asubject%3APatient&_include=A:b:C",
    ],
)  # fmt: skip
def test_chains_and_includes_are_plain(text: str) -> None:
    assert is_plain(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "code:in=a", "patient.name:exact=a", "patient._text=a", "patient._has:A:b:c=a", "patient:A=a", "subject:A=b",
        "patient.=a", ".name=a", "patient..name=a", "a:B:C.d=e", "patient._sort=a", "_id.a=b",
        "_include=*", "_include=A:*", "_include=A", "_include=A:b:C:d", "_include:iterate=A:b", "_revinclude=A:b",
        "_has:Observation:patient:code=a", "_include=a", "_revinclude=a",
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


@given(
    st.lists(
        st.tuples(
            st.text("aZ _~/:|&=%+ü\n\x7f", max_size=9), st.text(st.characters(exclude_categories=("Cs",)), max_size=9)
        ),
        max_size=3,
    )
)
def test_pairs_stand_in_an_address_as_everywhere(pairs: list[tuple[str, str]]) -> None:
    assert encoded(pairs) == urlencode(pairs)
