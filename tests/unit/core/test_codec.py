"""The codec keeps every number's text and refuses what JSON libraries let pass."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import FhirError, dumps, loads

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


def test_refuses_to_write_a_number_that_is_not_finite() -> None:
    with pytest.raises(FhirError):
        dumps({"value": [Decimal("NaN")]})
    assert dumps({"text": "NaN Infinity"}) == b'{"text":"NaN Infinity"}'


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
