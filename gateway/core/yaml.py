"""YAML as data with positions: the 1.2 core schema over PyYAML's parser.

Only `true`, `false`, `null` and numbers are special; `on`, `NO`, `012` and dates stay text. Numbers that are not
integers are Decimal and keep their text. Tags and duplicate keys are refused and aliases are bounded, so that a file
from a stranger cannot explode. Every mapping, sequence and scalar has a line and column (`Document.position`).
See https://yaml.org/spec/1.2.2/#103-core-schema.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import yaml
from yaml.reader import ReaderError

from gateway.core.yaml_texts import place_within

MAX_NODES = 200_000
"""How many nodes a document may have once its aliases are followed."""

MAX_DEPTH = 100
"""How deep a document may nest; the library's composer recurses in C and has no limit of its own."""

MAX_DIGITS = 1_000
"""How many characters a number may have, also written out without its exponent; longer texts are quoted."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


Path: TypeAlias = tuple[str | int, ...]


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
    _places: "_Places" = field(repr=False)

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of its nearest ancestor that has one."""
        while path and path not in self._places.values:
            path = path[:-1]
        return self._places.values.get(path, (1, 1))

    def position_of_key(self, path: Path) -> tuple[int, int]:
        """Line and column of the key at `path`; of the value where it has none, as an item of a list."""
        return self._places.keys.get(path) or self.position(path)

    def deletes_nothing(self, path: Path) -> bool:
        """True for a null that an object gives itself where no merge key brings the name."""
        return path in self._places.idle

    def position_within(self, path: Path, offset: int) -> tuple[int, int]:
        """Line and column of the character at `offset` of the text at `path`: quotes, escapes and folded lines count
        as they are written."""
        line, column = self.position(path)
        style = self._places.styles.get(path)
        if not offset or style is None:
            return line, column + offset
        text: Any = self.tree
        for step in path:
            text = text[step]
        return place_within(self._places.source, line, column, style, text, offset)


def load(text: str) -> Document:
    """The document in `text`; raises `YamlError` for anything that is not exactly one plain document."""
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        _check_events(yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(_told(error), line, column) from None
    except ReaderError as error:
        line, column = place_of(text.encode("utf-8", "surrogatepass")[: error.position])
        raise YamlError(str(error.reason), line, column) from None
    except (yaml.YAMLError, RecursionError):
        raise YamlError("not YAML, or nested too deep", 1, 1) from None
    builder = _Builder(_Places(text))
    tree = builder.build(node, ()) if node is not None else None
    return Document(tree, builder.places)


def _told(error: yaml.MarkedYAMLError) -> str:
    """What the parser says, and where that began which it could not end: a quote, a list, a block."""
    problem, began = error.problem or "not YAML", error.context_mark
    if not error.context or began is None or (error.problem_mark and began.line == error.problem_mark.line):
        return problem
    return f"{problem}, {error.context} that begins in line {began.line + 1}"


def place_of(before: bytes) -> tuple[int, int]:
    """Line and column, from 1, of what stands behind `before`."""
    return before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1


def _check_events(events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        if getattr(event, "tag", None) is not None and event.start_mark:
            mark = event.start_mark
            raise YamlError(
                "a tag (!) is not taken: quote a text, leave a number bare", mark.line + 1, mark.column + 1
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH and event.start_mark:
            mark = event.start_mark
            raise YamlError(_TOO_DEEP, mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class _Places:
    """Where values and keys stand, and how texts are written that are not plain and on one line."""

    source: str
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    styles: dict[Path, str] = field(default_factory=dict)
    idle: set[Path] = field(default_factory=set)

    def add_missing(self, other: "_Places") -> None:
        """Adds the places of merged keys; those of own keys stay."""
        for path, position in other.values.items():
            if path not in self.values:
                self.values[path] = position
                if path in other.keys:
                    self.keys[path] = other.keys[path]
                if path in other.styles:
                    self.styles[path] = other.styles[path]


class _Builder:
    """Turns PyYAML's nodes into plain values; merge keys (`<<`) copy what is not given."""

    def __init__(self, places: _Places) -> None:
        self.places = places
        self.count = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        line, column = _start(node)
        if self.count > MAX_NODES:
            raise YamlError(f"more than {MAX_NODES} nodes after following aliases", line, column)
        if len(path) > MAX_DEPTH:
            raise YamlError(_TOO_DEEP, line, column)
        if id(node) in self.open:
            raise YamlError("an alias refers to a node that contains it", line, column)
        self.places.values[path] = (line, column)
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > MAX_DIGITS and not node.style and _DECIMAL.match(node.value):
                raise YamlError(f"a number of more than {MAX_DIGITS} characters", line, column)
            if node.style or node.end_mark.line >= line:
                self.places.styles[path] = node.style or ""
            value = _scalar(node)
            if isinstance(value, Decimal) and abs(value.adjusted()) > MAX_DIGITS:
                raise YamlError(f"a number of more than {MAX_DIGITS} digits", line, column)
            return value
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = _start(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError("a key must be a scalar", line, column)
            key = key_node.value
            if key == "<<" and not key_node.style:
                merged.update(self._merge(value_node, path, line, column))
                continue
            if key in own:
                raise YamlError(f"the key {key!r} is given twice", line, column)
            here = (*path, key)
            own[key] = self.build(value_node, here)
            self.places.keys[here] = (line, column)
        self.places.idle.update((*path, key) for key in own if own[key] is None and key not in merged)
        return merged | own

    def _merge(self, node: yaml.Node, path: Path, line: int, column: int) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        outside = self.places
        for part in parts:
            self.places = _Places(outside.source)
            value = self.build(part, path)
            outside.add_missing(self.places)
            self.places = outside
            if not isinstance(value, dict):
                raise YamlError("<< merges mappings only", line, column)
            result = value | result
        return result


def _start(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


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
