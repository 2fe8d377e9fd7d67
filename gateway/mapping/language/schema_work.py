"""How much work a payload schema may make of one value: branches that multiply through references are refused."""

from collections.abc import Iterator
from typing import Any, Final

MAX_BYTES: Final = 1_000_000
"""How long a payload schema may be: the library that compiles it follows its references in the machine's stack."""

MAX_WORK: Final = 10_000
"""How many subschemas may be tried on one value."""

_LISTS: Final = ("allOf", "anyOf", "oneOf")
_SINGLE: Final = ("not", "if", "then", "else")


def is_too_much(schema: Any) -> bool:
    """True where some part of the schema tries more than `MAX_WORK` subschemas on one and the same value."""
    counter = _Counter(schema)
    return any(counter.work(part) > MAX_WORK for part in _parts(schema))


def applied(root: Any, schema: dict[str, Any]) -> tuple[Any, ...]:
    """The schemas that one of the document tries on the same value; None for a reference that leads nowhere."""
    return tuple(_Counter(root).applied(schema))


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document, whether it is used as a schema or not."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


class _Counter:
    """Counts the subschemas that are tried where a schema is, each part of the document once."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, int] = {}

    def work(self, schema: Any) -> int:
        """How many schemas one value meets; a reference back to where it came from counts no more."""
        if not isinstance(schema, dict):
            return 1
        found = self._known.get(id(schema))
        if found is None:
            self._known[id(schema)] = 1
            found = min(1 + sum(self.work(part) for part in self.applied(schema)), MAX_WORK + 1)
            self._known[id(schema)] = found
        return found

    def applied(self, schema: dict[str, Any]) -> Iterator[Any]:
        """The schemas that are applied to the same value."""
        for name in _LISTS:
            listed = schema.get(name)
            yield from listed if isinstance(listed, list) else ()
        yield from (schema[name] for name in _SINGLE if name in schema)
        depending = schema.get("dependentSchemas")
        yield from depending.values() if isinstance(depending, dict) else ()
        if isinstance(schema.get("$ref"), str):
            yield self._referred(schema["$ref"])

    def _referred(self, reference: str) -> Any:
        """The schema at a JSON Pointer of this document; None for any other reference."""
        if not reference.startswith("#"):
            return None
        node: Any = self._root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            elif isinstance(node, dict):
                node = node.get(name)
            else:
                return None
        return node
