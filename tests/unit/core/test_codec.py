"""The codec keeps every number's text and refuses what JSON libraries let pass."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import FhirError, dumps, loads
from gateway.core.codec import MAX_DEPTH

REFUSED = {
    "empty": (b"", "payload.empty"),
    "blank": (b" \n", "payload.empty"),
    "truncated": (b'{"a": 1', "payload.not-json"),
    "two documents": (b"{}{}", "payload.not-json"),
    "not utf-8": (b'"\xff"', "payload.not-utf8"),
    "utf-16": ('{"a":1}'.encode("utf-16"), "payload.not-utf8"),
    "duplicate key": (b'{"a": 1, "b": 2, "a": 1}', "payload.duplicate-key"),
    "duplicate key, nested": (b'{"x": [{"k": {}, "k": {}}]}', "payload.duplicate-key"),
    "duplicate key behind an escaped colon": (b'{"s": "\\u003a", "b": 1, "b": 2}', "payload.duplicate-key"),
    "duplicate key written as an escape": (b'{"a": 1, "\\u0061": 2}', "payload.duplicate-key"),
    "NaN": (b'{"a": NaN}', "payload.number"),
    "minus infinity": (b"[-Infinity]", "payload.number"),
    "huge integer": (b"[" + b"9" * 5000 + b"]", "payload.number"),
    "huge exponent": (b'{"a": 1e999999}', "payload.number"),
    "tiny, written out": (b'{"a": 0.' + b"0" * 1000 + b"1}", "payload.number"),
    "half of a surrogate pair": (b'{"a": "\\ud800"}', "payload.not-utf8"),
    "deep": (b"[" * 201 + b"]" * 201, "payload.too-deep"),
    "very deep": (b'{"a":' * 100_000, "payload.too-deep"),
}


@pytest.mark.parametrize(("data", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(data: bytes, rule: str) -> None:
    with pytest.raises(FhirError) as refused:
        loads(data)
    assert [found.rule for found in refused.value.issues] == [rule]
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "text", ["1.50", "100.00", "0.1", "-0.0", "66.899999999999991", "4.060", "12", "1234567890123456789012"]
)
def test_a_number_keeps_its_text(text: str) -> None:
    assert dumps(loads(f'{{"value":{text}}}'.encode())) == f'{{"value":{text}}}'.encode()


def test_colons_in_strings_are_no_keys() -> None:
    assert loads(b'{"a": "b:c", "d": ":::"}') == {"a": "b:c", "d": ":::"}


PLACES: dict[str, Callable[[Decimal], Any]] = {
    "alone": lambda one: one,
    "in a list": lambda one: [0, one],
    "beside texts": lambda one: {"a": "aInf+NaN", "b": [one]},
}


@pytest.mark.parametrize("text", ["NaN", "-NaN", "sNaN", "-sNaN1", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", PLACES)
def test_refuses_to_write_a_number_that_is_not_finite(text: str, place: str) -> None:
    with pytest.raises(FhirError):
        dumps(PLACES[place](Decimal(text)))


@pytest.mark.parametrize("text", ["NaN Infinity", "aInf+NaN", ":NaN,Infinity", "-Inf"])
def test_names_of_such_numbers_in_strings_are_text(text: str) -> None:
    assert dumps({"text": text}) == b'{"text":"%b"}' % text.encode()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda child: st.lists(child, max_size=4) | st.dictionaries(st.text(), child, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_what_is_written_reads_back(tree: Any) -> None:
    assert loads(dumps(tree)) == tree


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tree_or_a_refusal(data: bytes) -> None:
    try:
        loads(data)
    except FhirError as refused:
        assert refused.issues[0].rule.startswith("payload.")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert loads(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    with pytest.raises(FhirError):
        loads(b"\xef\xbb\xbf")


hard_texts = st.text(alphabet='{}[]"\\:,a\n', max_size=6)
hard_values = st.recursive(
    hard_texts | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hard_texts, inner, max_size=3),
    max_leaves=12,
)


def deep(tree: Any) -> int:
    inside = tree.values() if isinstance(tree, dict) else tree
    return 1 + max(map(deep, inside), default=0) if isinstance(tree, dict | list) else 0


@settings(max_examples=30)
@given(st.lists(hard_values, max_size=3), st.lists(st.none() | hard_texts, min_size=205, max_size=205), st.booleans())
def test_a_tree_is_as_deep_as_its_brackets_whatever_its_texts_hold(
    core: list[Any], names: list[str | None], is_ascii: bool
) -> None:
    """Around a tree so many objects and arrays that it is just allowed, and then one more."""
    for name in names[: MAX_DEPTH - deep(core)]:
        core = [core] if name is None else {name: core}  # type: ignore[assignment]
    assert loads(json.dumps(core, ensure_ascii=is_ascii).encode()) == core
    with pytest.raises(FhirError) as refused:
        loads(json.dumps([core, *names], ensure_ascii=is_ascii).encode())
    assert refused.value.issues[0].rule == "payload.too-deep"
