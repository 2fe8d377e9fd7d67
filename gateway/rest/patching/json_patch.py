"""JSON Patch, RFC 6902: add, remove, replace, move, copy and test, each at a JSON Pointer (RFC 6901)."""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.codec import dumps
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.patching.refusals import nowhere, test_fails, too_large

OPERATIONS: Final = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}
MAX_COPIED_BYTES: Final = 1_000_000
"""How much all copies of a patch may make: each may copy what the one before made."""

_INDEX = re.compile(r"(0|[1-9][0-9]{0,8})\Z")
_BAD_ESCAPE = re.compile(r"~(?![01])")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `number` counts from 1, a path is the pointer's tokens."""

    number: int
    name: str
    path: tuple[str, ...]
    origin: tuple[str, ...]
    value: Any


def read(tree: Any, limit: int) -> tuple[Operation, ...]:
    """The operations of a JSON Patch document; raises `BadRequest`."""
    if not isinstance(tree, list):
        raise BadRequest(issue("rest.patch-syntax", number=1))
    if len(tree) > limit:
        raise BadRequest(issue("rest.patch-size", limit=limit))
    return tuple(_operations(tree))


def _operations(tree: Sequence[Any]) -> Iterator[Operation]:
    for number, entry in enumerate(tree, 1):
        name = str(entry.get("op")) if isinstance(entry, dict) else ""
        needed = OPERATIONS.get(name)
        if needed is None or any(key not in entry for key in ("path", *needed)):
            raise BadRequest(issue("rest.patch-syntax", number=number))
        path, origin = _tokens(entry["path"]), _tokens(entry["from"]) if "from" in needed else ()
        if path is None or origin is None:
            raise BadRequest(issue("rest.patch-syntax", number=number))
        yield Operation(number, name, path, origin, entry.get("value"))


def _tokens(pointer: Any) -> tuple[str, ...] | None:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")) or _BAD_ESCAPE.search(pointer):
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def apply(operations: Sequence[Operation], tree: Resource) -> Any:
    """The tree as the operations make it, in their order; raises `Unprocessable` when one does not fit."""
    document: Any = tree
    copied = 0
    for operation in operations:
        if operation.name == "copy":
            copied += len(dumps({"copied": _get(document, operation.origin, operation)}))
            if copied > MAX_COPIED_BYTES:
                raise too_large(MAX_COPIED_BYTES)
        document = _apply(operation, document)
    return document


def _apply(operation: Operation, document: Any) -> Any:
    name, path = operation.name, operation.path
    if name == "test":
        if not _equal(_get(document, path, operation), operation.value):
            raise test_fails(operation.number)
        return document
    if name == "add":
        return _add(document, path, copy.deepcopy(operation.value), operation)
    if name == "remove":
        _remove(document, path, operation)
        return document
    if name == "replace":
        if path:
            _remove(document, path, operation)
        return _add(document, path, copy.deepcopy(operation.value), operation)
    value = _get(document, operation.origin, operation)
    if name == "copy":
        return _add(document, path, copy.deepcopy(value), operation)
    if path[: len(operation.origin)] == operation.origin:
        if path == operation.origin:
            return document
        raise nowhere(operation.number)
    _remove(document, operation.origin, operation)
    return _add(document, path, value, operation)


def _get(document: Any, path: Sequence[str], operation: Operation) -> Any:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(token, len(document) - 1, operation)]
        else:
            raise nowhere(operation.number)
    return document


def _add(document: Any, path: Sequence[str], value: Any, operation: Operation) -> Any:
    if not path:
        return value
    holder, token = _get(document, path[:-1], operation), path[-1]
    if isinstance(holder, dict):
        holder[token] = value
    elif isinstance(holder, list):
        place = len(holder) if token == "-" else _index(token, len(holder), operation)  # noqa: S105 (RFC 6901)
        holder.insert(place, value)
    else:
        raise nowhere(operation.number)
    return document


def _remove(document: Any, path: Sequence[str], operation: Operation) -> None:
    if not path:
        raise nowhere(operation.number)
    holder, token = _get(document, path[:-1], operation), path[-1]
    if isinstance(holder, dict) and token in holder:
        del holder[token]
    elif isinstance(holder, list):
        del holder[_index(token, len(holder) - 1, operation)]
    else:
        raise nowhere(operation.number)


def _index(token: str, last: int, operation: Operation) -> int:
    if not _INDEX.match(token) or int(token) > last:
        raise nowhere(operation.number)
    return int(token)


def _equal(one: Any, other: Any) -> bool:
    """Equal as JSON: numbers by value, true and 1 not the same."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
