"""What a decoder gives: a plain tree and the way back to positions in the payload."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

Pointer: TypeAlias = tuple[str | int, ...]
"""The path of a node in a decoded tree: keys and indexes from the root."""

Options: TypeAlias = Mapping[str, Any]
"""A mapping's `source.options`; each decoder documents the names that it knows."""

NO_OPTIONS: Options = MappingProxyType({})


class Decoded(Struct, frozen=True, eq=False):
    """A decoded payload.

    `tree` holds dict, list, str, bool, None, int and Decimal only. `locate` turns a pointer into the position that
    the sender knows: a JSON Pointer, `OBX[3].5.1`, `row 3, column HR`, `(0020,000D)`, an XPath. A pointer that leads
    nowhere gets the position of its deepest node that exists.
    """

    tree: Any
    locate: Callable[[Pointer], str]


def json_pointer(pointer: Pointer) -> str:
    """The JSON Pointer of a path, "" for the root. See https://www.rfc-editor.org/rfc/rfc6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in pointer)
