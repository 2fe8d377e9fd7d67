"""Whose data a resource is, read from its text: the same as a walk through its tree tells."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.access.placing.subjects import _texts, participants, references

_TEXT = st.sampled_from(
    [
        "Patient/a",
        "Patient/b/_history/2",
        "Device/x",
        "http://h/Patient/a",
        '"reference":"Patient/z"',
        'a\\"b',
        "é\u2028",
        "",
    ]
) | st.text(max_size=8)
_KEY = st.sampled_from(["reference", "subject", "text", '"reference"', "x\\"])
_TREE = st.recursive(
    _TEXT | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEY, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEY, _TREE, max_size=4))
def test_every_reference_is_found_and_nothing_else(node: dict[str, Any]) -> None:
    assert sorted(_texts(node)) == sorted(references(node))


def test_a_reference_written_with_escapes_is_still_one() -> None:
    found = participants({"resourceType": "Observation", "id": "o", "note": [{"reference": "Patient/ä"}]})
    assert found is None  # a participant is named, but not by an id that there could be
    assert participants({"resourceType": "Observation", "id": "o", "x": {"reference": "Patient/a"}}) == ("a",)
