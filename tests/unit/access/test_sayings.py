"""Whose data and what content a resource is: the quick way says what the slow one says."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.contents import kind_of
from gateway.access.sayings import whose_and_what
from gateway.access.subjects import participants

TEXTS = st.sampled_from(["Patient/one", "Patient/two", "http://a.org/Patient/x", "Device/a", "a", "", 'a"code":"b'])
LEAVES = st.one_of(TEXTS, st.integers(0, 3), st.booleans(), st.none())
NAMES = st.sampled_from(
    ["code", "system", "value", "reference", "coding", "security", "meta", "type", "subject", "a"]
)
TREES = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAMES, below, max_size=4)),
    max_leaves=12,
)
ELEMENTS = st.dictionaries(
    st.sampled_from(["code", "type", "subject", "patient", "category", "valueQuantity", "contained", "text", "b"]),
    TREES,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(ELEMENTS, st.sampled_from(["Observation", "Patient", "Encounter", "Device"]))
def test_the_quick_way_says_the_same(elements: dict[str, Any], kind: str) -> None:
    contained = elements.pop("contained", None)
    resource = {"resourceType": kind, "id": "one", "meta": {"security": [{"system": "s", "code": "c"}]}, **elements}
    if isinstance(contained, list):
        resource["contained"] = contained
    for _ in range(2):
        assert whose_and_what(resource) == (participants(resource), kind_of(resource))
