"""What a decoder gives: a plain tree and the way back to positions in the payload."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

Pointer: TypeAlias = tuple[str | int, ...]
"""The path of a node in a decoded tree: keys and indexes from the root."""

Options: TypeAlias = Mapping[str, Any]
"""A mapping's `source.options`; each decoder documents the names that it knows."""

NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Alike:
    """How a format tells items of a list that are the same but for a few texts, without making the items.

    The lists are those named `items`; their items are objects with one name, `base`. Instead of an item there may be
    a row: its kind, which is an object with the attribute `item`, and texts. An item of that kind is `kind.item` with
    other values for the names in `texts` behind `base`: the row's text at the position that they have there, or
    nothing for None. `sure` are those that are never nothing, and none is an empty text. `records` is how the records
    that hold such lists are told as well, None where they are not.
    """

    items: str
    base: str
    texts: Mapping[str, int]
    sure: frozenset[str]
    records: "AlikeRecords | None" = None


@dataclass(frozen=True, slots=True)
class AlikeRecords:
    """How a format tells records that hold such a list, and are the same but for a few texts, as rows too.

    A record that is told has an empty object at the name `base`, and one at `common`. Its row has its kind, an object
    that stands for the one at `common`, and texts. The kind's `item` is a record of that kind without `common` and
    what is named in `own`, which the record has itself; `texts` and `sure` are as those of `Alike`. In the object for
    `common` the names in `said` have other values: the row's texts at these positions, none of which is empty.
    """

    base: str
    texts: Mapping[str, int]
    sure: frozenset[str]
    common: str
    said: Mapping[str, int]
    own: frozenset[str]


Rows: TypeAlias = Mapping[int, Sequence[Any]]
"""The rows of lists of a tree, by the identity of the list, and those of records, by theirs (`AlikeRecords`)."""

NO_ROWS: Rows = MappingProxyType({})


def _is_full() -> None:
    """Fills nothing."""


class Decoded(Struct, frozen=True, eq=False):
    """A decoded payload.

    `tree` holds dict, list, str, bool, None, int and Decimal only. `locate` turns a pointer into the position that
    the sender knows: a JSON Pointer, `OBX[3].5.1`, `row 3, column HR`, `(0020,000D)`, an XPath. A pointer that leads
    nowhere gets the position of its deepest node that exists.

    `bare` is the same tree where the lists of `rows` are empty, and the objects that rows of records stand for, until
    `fill` is called, which `tree` does. `fill_records` makes these objects alone, which `outline` does.
    """

    bare: Any
    locate: Callable[[Pointer], str]
    rows: Rows = NO_ROWS
    fill: Callable[[], None] = _is_full
    fill_records: Callable[[], None] = _is_full

    @property
    def tree(self) -> Any:
        """The whole tree, always the same object."""
        self.fill()
        return self.bare

    @property
    def outline(self) -> Any:
        """The same object, where the lists of `rows` may be empty."""
        self.fill_records()
        return self.bare


def json_pointer(pointer: Pointer) -> str:
    """The JSON Pointer of a path, "" for the root. See https://www.rfc-editor.org/rfc/rfc6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in pointer)
