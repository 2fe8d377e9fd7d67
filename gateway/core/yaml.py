"""YAML as data with positions: the 1.2 core schema over PyYAML's parser.

Only `true`, `false`, `null` and numbers are special; `on`, `NO`, `012` and dates stay text. Numbers that are not
integers are Decimal and keep their text. Duplicate keys are refused and aliases are bounded, so that a file from a
stranger cannot explode. Every mapping, sequence and scalar has a line and column (`Document.position`).
See https://yaml.org/spec/1.2.2/#103-core-schema.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml
from yaml.reader import ReaderError

MAX_NODES = 200_000
"""How many nodes a document may have once its aliases are followed."""

MAX_DEPTH = 100
"""How deep a document may nest; the library's composer recurses in C and has no limit of its own."""

MAX_DIGITS = 1_000
"""How many characters a number may have; longer texts are quoted."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


class YamlError(ValueError):
    """The text is not YAML that the gateway takes; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded document: its tree, and the position of the value at each path in it.

    Paths are tuples of keys and indexes, `("emit", 0, "resource", "status")`.
    """

    tree: Any
    _positions: dict[tuple[str | int, ...], tuple[int, int]] = field(repr=False)

    def position(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of its nearest ancestor that has one."""
        while path and path not in self._positions:
            path = path[:-1]
        return self._positions.get(path, (1, 1))


def load(text: str) -> Document:
    """The document in `text`; raises `YamlError` for anything that is not exactly one plain document."""
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        _check_depth(yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(error.problem or "not YAML", line, column) from None
    except ReaderError as error:
        line, column = place_of(text.encode("utf-8", "surrogatepass")[: error.position])
        raise YamlError(str(error.reason), line, column) from None
    except (yaml.YAMLError, RecursionError):
        raise YamlError("not YAML, or nested too deep", 1, 1) from None
    positions: dict[tuple[str | int, ...], tuple[int, int]] = {}
    builder = _Builder(positions)
    return Document(builder.build(node, ()) if node is not None else None, positions)


def place_of(before: bytes) -> tuple[int, int]:
    """Line and column, from 1, of what stands behind `before`."""
    return before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1


def _check_depth(events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH and event.start_mark:
            mark = event.start_mark
            raise YamlError(_TOO_DEEP, mark.line + 1, mark.column + 1)


class _Builder:
    """Turns PyYAML's nodes into plain values; merge keys (`<<`) copy what is not given."""

    def __init__(self, positions: dict[tuple[str | int, ...], tuple[int, int]]) -> None:
        self.positions = positions
        self.count = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self.count += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if self.count > MAX_NODES:
            raise YamlError(f"more than {MAX_NODES} nodes after following aliases", line, column)
        if len(path) > MAX_DEPTH:
            raise YamlError(_TOO_DEEP, line, column)
        if id(node) in self.open:
            raise YamlError("an alias refers to a node that contains it", line, column)
        self.positions[path] = (line, column)
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > MAX_DIGITS and not node.style and _DECIMAL.match(node.value):
                raise YamlError(f"a number of more than {MAX_DIGITS} characters", line, column)
            return _scalar(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: Any, path: tuple[str | int, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError("a key must be a scalar", line, column)
            key = key_node.value
            if key == "<<" and not key_node.style:
                merged.update(self._merge(value_node, path, line, column))
                continue
            if key in own:
                raise YamlError(f"the key {key!r} is given twice", line, column)
            own[key] = self.build(value_node, (*path, key))
        return merged | own

    def _merge(self, node: yaml.Node, path: tuple[str | int, ...], line: int, column: int) -> dict[str, Any]:
        value = self.build(node, path)
        parts = value if isinstance(value, list) else [value]
        result: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, dict):
                raise YamlError("<< merges mappings only", line, column)
            result.update(part)
        return result


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style or (node.tag == "tag:yaml.org,2002:str" and text not in _CONSTANTS and not _DECIMAL.match(text)):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text)
    if _DECIMAL.match(text):
        return Decimal(text)
    return text
