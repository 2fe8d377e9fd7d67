"""Which fields of a payload nothing reads: each once, also where a format's tree tells it in several places."""

from collections.abc import Iterator
from typing import Any

from gateway.formats import FORMATS, Decoded, Pointer
from gateway.mapping.tools.account import Path, is_read


def unread(decoded: Decoded, read: frozenset[Path], format_name: str) -> tuple[Path, ...]:
    """The path of each value that no path of `read` reaches, in the order of the payload.

    HL7 v2 tells a field as `f3`, its components and `f3_1`, and patient and message again in each order: a value
    that is read in one of these places is read, and one that is not has the shortest of its paths.
    """
    is_told_again = FORMATS[format_name].holder is not str
    known: dict[Path, bool] = {}
    found: dict[object, Path] = {}
    taken: set[object] = set()
    for path, pointer in _leaves(decoded.tree, (), ()):
        place = _place(decoded.locate(pointer)) if is_told_again else pointer
        if path not in known:
            known[path] = is_read(path, read)
        if known[path]:
            taken.add(place)
        elif place not in found or len(path) < len(found[place]):
            found[place] = path
    return tuple(path for place, path in found.items() if place not in taken)


def _leaves(tree: Any, path: Path, pointer: Pointer) -> Iterator[tuple[Path, Pointer]]:
    if isinstance(tree, dict):
        for name, child in tree.items():
            yield from _leaves(child, (*path, name), (*pointer, name))
    elif isinstance(tree, list):
        for number, child in enumerate(tree):
            yield from _leaves(child, path, (*pointer, number))
    elif tree is not None:
        yield path, pointer


def _place(position: str) -> str:
    """The position of a value down to its subcomponent: `OBX[1].5` is `OBX[1].5.1.1`, whichever way it was told."""
    return position + ".1" * max(3 - position.count("."), 0)
