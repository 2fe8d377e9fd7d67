"""Positions in HL7 v2 messages: `OBX[3].5.1` (`gateway.formats.hl7v2`)."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.formats.decoded import Pointer
from gateway.formats.hl7v2_segments import Segment

Message: TypeAlias = list[tuple[str, Segment]]
"""Segments with their names, in order, MSH first."""

Located: TypeAlias = dict[str, Any]
_Names: TypeAlias = dict[int, tuple[str, str, int]]


def locator(tree: Located, messages: list[Message]) -> Callable[[Pointer], str]:
    """The function from a pointer into `tree` to its position; it indexes the segments at its first use."""
    names: _Names = {}

    def locate(pointer: Pointer) -> str:
        if not names:
            names.update(_names(messages))
        return _locate(tree, pointer, names)

    return locate


def _names(messages: list[Message]) -> _Names:
    """What `OBX[3]` is made of by the identity of the segment's dict; the tree keeps the dicts alive."""
    result: _Names = {}
    for number, message in enumerate(messages, 1):
        prefix = f"MSH[{number}]/" if len(messages) > 1 else ""
        seen: dict[str, int] = {}
        for name, segment in message:
            count = seen[name] = seen.get(name, 0) + 1
            result[id(segment)] = (prefix, name, count)
    return result


def _title(parts: tuple[str, str, int]) -> str:
    prefix, name, number = parts
    return f"{prefix}{name}[{number}]"


def _locate(tree: Located, pointer: Pointer, names: _Names) -> str:
    node: Any = tree
    found = ""
    for index, step in enumerate(pointer):
        if not isinstance(node, dict | list):
            break
        try:
            node = node[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(node, dict) and id(node) in names:
            return _title(names[id(node)]) + _field(pointer[index + 1 :])
    if isinstance(node, dict | list) and node is not tree:
        found = _first(node, names)
    return found


def _first(node: Any, names: _Names) -> str:
    """The name of the first segment inside a group."""
    while isinstance(node, dict | list) and node:
        if id(node) in names:
            return _title(names[id(node)])
        node = next(iter(node.values())) if isinstance(node, dict) else node[0]
    return ""


def _field(steps: Pointer) -> str:
    """`("f3", 0, "c4_2")` as `.3[1].4.2`, `("f5_1",)` as `.5.1`."""
    return "".join(f"[{step + 1}]" if isinstance(step, int) else "." + step[1:].replace("_", ".") for step in steps)
