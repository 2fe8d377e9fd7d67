"""HL7 v2 lines read by functions written for their shape: which fields have content, and which of their components.

A sender fills the same fields again and again. A function for the shape that came last builds the dict of such a line
at once; a line of another shape is read field by field, and when its shape comes a second time, it has a function of
its own. A shape says nothing of what stands in a line.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from gateway.formats.hl7v2_segments import Encoding, Segment, read_plain_fields

MAX_SHAPES: Final = 512
"""For how many shapes functions are written: a hostile sender must not keep the compiler busy."""

_MAX_PARTS = 64
"""How many fields a line of such a shape has at most, and how many separators of components."""

Reader: TypeAlias = Callable[[list[str], str], Segment | None]
"""The fields of a line, and what parts components -> its dict; None for another shape."""

_EMPTY: Final = (False,)
_SOURCE: Final = """
class Line:
    pass

def read(parts, component):
    try:
        {given}
    except ValueError:
        return None
    if {tests}:
        return None
    line = Line()
    {items}
    return line.__dict__
"""
"""To set the attributes of an object, and to take their dict, costs half of a dict that is written out."""

_Shape: TypeAlias = tuple[tuple[bool, ...], ...]
"""Of each field its components: whether each has content."""

_READERS: dict[_Shape, Reader] = {}


class Shapes:
    """The shapes of lines with the same separators.

    `last` has for a name and a number of fields the function that reads the shape that came last.
    """

    __slots__ = ("_encoding", "_once", "last")

    def __init__(self, encoding: Encoding) -> None:
        self.last: dict[tuple[str, int], Reader] = {}
        self._encoding = encoding
        self._once: set[tuple[object, ...]] = set()

    def read(self, line: str, parts: list[str]) -> Segment:
        """The dict of a line of any shape that has nothing special, no header and no result; `parts` its fields."""
        name, parts[0] = parts[0], ""
        segment: Segment = {}
        read_plain_fields(segment, parts, self._encoding)
        marks = line.count(self._encoding.component)
        if len(parts) > _MAX_PARTS or marks > _MAX_PARTS:
            return segment
        told = (name, len(parts), marks, *segment)
        if told not in self._once:
            if len(self._once) >= MAX_SHAPES:
                self._once.clear()
            self._once.add(told)
            return segment
        reader = self._reader(parts)
        if reader is not None:
            if len(self.last) >= MAX_SHAPES:
                self.last.clear()
            self.last[name, len(parts)] = reader
        return segment

    def _reader(self, parts: list[str]) -> Reader | None:
        shape = tuple(tuple(map(bool, part.split(self._encoding.component))) for part in parts)
        if shape not in _READERS and len(_READERS) < MAX_SHAPES:
            _READERS[shape] = _written(shape)
        return _READERS.get(shape)


def _written(shape: _Shape) -> Reader:
    """The function that reads lines of a shape; it is written of numbers alone."""
    given: list[str] = []
    tests = [f"parts.count('') != {shape.count(_EMPTY) - 1}"]
    items: list[str] = []
    for number, components in enumerate(shape):
        if len(components) > 1:
            texts = [f"t{number}_{part}" for part in range(1, len(components) + 1)]
            given.append(f"{', '.join(texts)} = parts[{number}].split(component)")
            tests += [f"not {text}" if is_full else text for text, is_full in zip(texts, components, strict=True)]
            full = [(part, text) for part, text in enumerate(texts, 1) if components[part - 1]]
            if full:
                composite = ", ".join([f"'c{part}': {text}" for part, text in full])
                items.append(f"line.f{number} = {{{composite}}}")
            items += [f"line.f{number}_{part} = {text}" for part, text in full]
        elif components != _EMPTY:
            given.append(f"t{number} = parts[{number}]")
            tests += [f"not t{number}", f"component in t{number}"]
            items.append(f"line.f{number} = line.f{number}_1 = t{number}")
    source = _SOURCE.format(
        given="\n        ".join(given or ["pass"]), tests=" or ".join(tests), items="\n    ".join(items)
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, "<shape of a line>", "exec"), namespace)  # noqa: S102 - our own source
    return cast(Reader, namespace["read"])
