"""JSON text to trees and back, keeping the text of every number.

`msgspec` decodes with `Decimal` for every number that is not an integer and encodes decimals as they are. This
module adds what the library lets pass: duplicate keys, runaway nesting, numbers that are not finite.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.errors import BadRequest
from gateway.core.issues import Issue, issue

MAX_DEPTH = 200
"""How deep a document may nest; FHIR resources stay under 20."""

SHORT = 10_000
"""How many bytes are few enough to count their brackets first."""

MAX_DIGITS = 1000
"""How many digits a number may have, written out without an exponent."""

_ESCAPE = re.compile(rb"\\.")
_AS_BRACES = bytes.maketrans(b"[]", b"{}")
_NO_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_BEFORE_NUMBER = b"[:,-s"
"""What comes before the name of a number that is not finite; before a word of base64 hardly ever."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _TooLong(Exception):
    """Carries the fault of a number out of the decoder, which would take a `ValueError` for its own."""


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if (len(text) > MAX_DIGITS or "e" in text or "E" in text) and _is_too_long(value):
        raise _TooLong
    return value


def _is_too_long(value: Any) -> bool:
    if isinstance(value, Decimal):
        return abs(value.adjusted()) > MAX_DIGITS or len(value.as_tuple().digits) > MAX_DIGITS
    return isinstance(value, int) and abs(value) >= 10**MAX_DIGITS


_strict = msgspec.json.Decoder(float_hook=_number)
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


class _Refused(ValueError):
    """Carries an issue out of the standard library's decoder."""

    def __init__(self, found: Issue) -> None:
        super().__init__(found.rule)
        self.found = found


def loads(data: bytes) -> Any:
    """The tree of one JSON document: dict, list, str, bool, None, int, and Decimal for other numbers.

    A byte order mark at its beginning is passed over (https://www.rfc-editor.org/rfc/rfc8259#section-8.1).

    Raises `BadRequest` with rule `payload.empty`, `payload.not-utf8`, `payload.not-json` (its `source` is line and
    column), `payload.duplicate-key` (its `source` is the key's JSON Pointer), `payload.too-deep` or
    `payload.number`.
    """
    if data.startswith(BOM_UTF8):
        data = data[len(BOM_UTF8) :]
    if not data.strip():
        raise BadRequest(issue("payload.empty"))
    too_long = False
    try:
        try:
            tree = _strict.decode(data)
        except _TooLong:
            too_long, tree = True, _decoder.decode(data)
    except RecursionError:
        raise BadRequest(issue("payload.too-deep", limit=MAX_DEPTH)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise BadRequest(_explain(data)) from None
    if isinstance(tree, dict | list):
        _check_depth(data)
        _check_numbers_and_keys(data, tree)
    if too_long or (isinstance(tree, int) and _is_too_long(tree)):
        raise BadRequest(issue("payload.number"))
    return tree


def loads_stored(data: bytes) -> Any:
    """The tree of a body that this gateway stored: `loads` has judged it once, and is not asked again.

    Raises `BadRequest` (`payload.not-json`) for bytes that are no JSON all the same.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(issue("payload.not-json")) from None


def dumps(tree: Any) -> bytes:
    """The compact UTF-8 JSON text of a tree; a decimal keeps its digits.

    Raises `BadRequest` with `payload.number` for a Decimal that is not finite.
    """
    text = _encoder.encode(tree)
    # "Inf" is quicker to look for than the whole word, whose other letters are in every text.
    if (b"NaN" in text or b"Inf" in text) and _may_be_number(text) and _has(tree, _is_non_finite):
        raise BadRequest(issue("payload.number"))
    return text


def _may_be_number(text: bytes) -> bool:
    """Whether one of these words stands somewhere where it could be a number."""
    return any(piece[-1:] in _BEFORE_NUMBER for word in (b"NaN", b"Inf") for piece in text.split(word)[:-1])


def _has(tree: Any, fault: Callable[[Any], bool]) -> bool:
    if isinstance(tree, dict):
        return any(_has(value, fault) for value in tree.values())
    if isinstance(tree, list):
        return any(_has(value, fault) for value in tree)
    return fault(tree)


def _is_non_finite(value: Any) -> bool:
    return isinstance(value, Decimal) and not value.is_finite()


def _check_depth(data: bytes) -> None:
    """Takes the leaves off the brackets of a text that is JSON, as often as it may be deep.

    Without escapes strings are every other piece between quotes; empty ones, and so most, are gone before that.
    """
    if len(data) <= SHORT and data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    text = _ESCAPE.sub(b"", data) if b"\\" in data else data
    left = text.translate(_AS_BRACES, _NO_STRUCTURE).replace(b'""', b"")
    left = b"".join(left.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        left = left.replace(b"{}", b"")
        if not left:
            return
    raise BadRequest(issue("payload.too-deep", limit=MAX_DEPTH))


def _check_numbers_and_keys(data: bytes, tree: Any) -> None:
    """Compares the text with the tree's own text: a lost key takes at least its colon along.

    Both counts see the colons inside strings, unless one was written as an escape; then the slow way decides.
    """
    try:
        again = _encoder.encode(tree)
    except (ValueError, OverflowError):
        raise BadRequest(issue("payload.number")) from None
    if again == data:
        return
    is_escaped = b"\\u003" in data and (b"\\u003a" in data or b"\\u003A" in data)
    if is_escaped or data.count(b":") != again.count(b":"):
        _find_duplicate(data)


def _find_duplicate(data: bytes) -> None:
    def refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise _Refused(issue("payload.duplicate-key", source=f"key number {len(seen) + 1} of an object"))
            seen[key] = value
        return seen

    try:
        json.loads(data, object_pairs_hook=refuse_twice, parse_float=str, parse_int=str)
    except _Refused as refused:
        raise BadRequest(refused.found) from None


def _explain(data: bytes) -> Issue:
    """Why the fast decoder refused, with line and column from the standard library's decoder."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return issue("payload.not-utf8", source=f"byte {error.start}")
    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except _Refused as refused:
        return refused.found
    except RecursionError:
        return issue("payload.too-deep", limit=MAX_DEPTH)
    except json.JSONDecodeError as error:
        return issue("payload.not-json", source=f"line {error.lineno}, column {error.colno}")
    return issue("payload.not-utf8" if _SURROGATE.search(text) else "payload.number")


def _refuse_constant(_name: str) -> None:
    raise _Refused(issue("payload.number"))
