"""Positions in HL7 v2 messages: `OBX[3].5.1` (`gateway.formats.hl7v2`)."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct

from gateway.formats.decoded import Pointer
from gateway.formats.hl7v2_headers import header_of
from gateway.formats.hl7v2_orders import OrderRow, fill_order
from gateway.formats.hl7v2_results import Row, segment_of
from gateway.formats.hl7v2_segments import Segment

Message: TypeAlias = list[tuple[str, Any]]
"""Segments with their names, in order, MSH first; a list of rows where results one after another are not made yet."""

Unfilled: TypeAlias = tuple[list[dict[str, Segment]], list[Row]]
"""An empty list of results, and the rows of those that belong into it."""

Located: TypeAlias = dict[str, Any]
_Title: TypeAlias = Callable[[dict[str, Any]], str | None]
_SEARCHES = 3


class Whole(Struct, eq=False):
    """A tree and its messages: completes both once, and tells positions; asked often, it indexes the segments."""

    _tree: Located
    _messages: list[Message]
    _unfilled: list[Unfilled]
    _told: OrderRow | None = None
    _names: dict[int, str] | None = None
    _asked: int = 0

    def fill_records(self) -> None:
        """Makes the header and the order of the one message, where they are only told."""
        told, self._told = self._told, None
        if told is not None:
            (_, header), _, (_, order), *_ = self._messages[0]
            header.update(header_of(*told[1:4]))
            fill_order(order, told)

    def fill(self) -> None:
        """Makes the segments that only have rows: nothing has rows any more."""
        self.fill_records()
        if not self._unfilled:
            return
        segments: list[Segment] = []
        for results, rows in self._unfilled:
            found = [*map(segment_of, rows)]
            results.extend([{"OBX": segment} for segment in found])
            segments += found
        self._unfilled.clear()
        following = iter(segments)
        for message in self._messages:
            message[:] = made(message, lambda rows: islice(following, len(rows)))

    def locate(self, pointer: Pointer) -> str:
        """The position of a pointer."""
        self.fill()
        self._asked += 1
        if self._asked == _SEARCHES:
            self._names = _names(self._messages)
        return _locate(self._tree, pointer, self._title)

    def _title(self, node: dict[str, Any]) -> str | None:
        """What a segment is called; None for what is none."""
        return _searched(self._messages, node) if self._names is None else self._names.get(id(node))


def made(message: Message, segments_of: Callable[[list[Row]], Iterable[Segment]]) -> Message:
    """The message with the segments that are made of its rows."""
    whole: Message = []
    for name, segment in message:
        if segment.__class__ is list:
            whole += [(name, one) for one in segments_of(segment)]
        else:
            whole.append((name, segment))
    return whole


def _searched(messages: list[Message], node: dict[str, Any]) -> str | None:
    """What a segment is called; None for what is none."""
    for number, message in enumerate(messages, 1):
        for index, (name, segment) in enumerate(message, 1):
            if segment is node:
                count = [other for other, _ in message[:index]].count(name)
                return f"MSH[{number}]/{name}[{count}]" if len(messages) > 1 else f"{name}[{count}]"
    return None


def _names(messages: list[Message]) -> dict[int, str]:
    """What each segment is called by the identity of its dict; the tree keeps the dicts alive."""
    result: dict[int, str] = {}
    for number, message in enumerate(messages, 1):
        prefix = f"MSH[{number}]/" if len(messages) > 1 else ""
        seen: dict[str, int] = {}
        for name, segment in message:
            count = seen[name] = seen.get(name, 0) + 1
            result[id(segment)] = f"{prefix}{name}[{count}]"
    return result


def _locate(tree: Located, pointer: Pointer, title: _Title) -> str:
    node: Any = tree
    for index, step in enumerate(pointer):
        if node.__class__ is str:
            break
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        found = title(node) if _may_be_segment(node) else None
        if found is not None:
            return found + _field(pointer[index + 1 :])
    return _first(node, title) if isinstance(node, dict | list) and node is not tree else ""


def _first(node: Any, title: _Title) -> str:
    """The name of the first segment inside a group."""
    while isinstance(node, dict | list) and node:
        found = title(node) if _may_be_segment(node) else None
        if found is not None:
            return found
        node = next(iter(node.values())) if isinstance(node, dict) else node[0]
    return ""


def _may_be_segment(node: Any) -> TypeGuard[dict[str, Any]]:
    """True for a segment: its fields are named in small letters, the segments of a group in capitals."""
    return node.__class__ is dict and (not node or next(iter(node))[:1] == "f")


def _field(steps: Pointer) -> str:
    """`("f3", 0, "c4_2")` as `.3[1].4.2`, `("f5_1",)` as `.5.1`."""
    return "".join(f"[{step + 1}]" if isinstance(step, int) else "." + step[1:].replace("_", ".") for step in steps)
