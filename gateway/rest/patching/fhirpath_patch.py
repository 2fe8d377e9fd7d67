"""FHIRPath Patch: add, insert, delete, replace and move, each where an expression leads.

See https://hl7.org/fhir/R4/fhirpatch.html. A path ends in the name of an element, with a number or a filter or
neither; one that leads to nothing is nothing to delete, and an error of the other operations.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.definitions import Definitions
from gateway.fhirpath import FhirPathError, compile
from gateway.rest.patching.places import Place, below, element_of, place_of, written_names
from gateway.rest.patching.refusals import nowhere
from gateway.rest.patching.steps import is_plain, last_step

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}
_NUMBERS: Final = ("index", "source", "destination")
_WORDS: Final = frozenset({"as", "contains", "div", "in", "is", "mod"})
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\[([0-9]{1,9})\])?\Z")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `number` counts from 1."""

    number: int
    kind: str
    path: str
    parts: Mapping[str, Any]


def read(tree: Any, limit: int) -> tuple[Operation, ...]:
    """The operations of a Parameters resource; raises `BadRequest`."""
    entries = tree.get("parameter", []) if isinstance(tree, dict) else None
    if not isinstance(entries, list):
        raise BadRequest(issue("rest.patch-syntax", number=1))
    if len(entries) > limit:
        raise BadRequest(issue("rest.patch-size", limit=limit))
    return tuple(_operation(number, entry) for number, entry in enumerate(entries, 1))


def _operation(number: int, entry: Any) -> Operation:
    wrong = BadRequest(issue("rest.patch-syntax", number=number))
    if not isinstance(entry, dict) or entry.get("name") != "operation" or not isinstance(entry.get("part"), list):
        raise wrong
    parts: dict[str, Any] = {}
    for part in entry["part"]:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str) or part["name"] in parts:
            raise wrong
        parts[part["name"]] = part if part["name"] == "value" else _plain(part)
    kind, path = parts.pop("type", None), parts.pop("path", None)
    needed = _PARTS.get(kind) if isinstance(kind, str) else None
    if needed is None or not isinstance(path, str) or not is_plain(path) or any(name not in parts for name in needed):
        raise wrong
    numbers = [parts[name] for name in _NUMBERS if name in needed]
    if not all(isinstance(found, int) and not isinstance(found, bool) and found >= 0 for found in numbers):
        raise wrong
    if "name" in needed and not isinstance(parts["name"], str):
        raise wrong
    return Operation(number, kind, path, parts)


def _plain(part: Mapping[str, Any]) -> Any:
    """The value of a part that has one; None for any other."""
    values = [value for name, value in part.items() if name.startswith("value") or name == "resource"]
    return values[0] if len(values) == 1 else None


def apply(operations: Sequence[Operation], tree: Resource, definitions: Definitions) -> Resource:
    """The resource as the operations make it, in their order.

    Raises `BadRequest` for a path that is no expression, `Unprocessable` when an operation does not fit.
    """
    for operation in operations:
        _Application(definitions, tree, operation).run()
    return tree


class _Application:
    """One operation at work on a tree."""

    def __init__(self, definitions: Definitions, root: Resource, operation: Operation) -> None:
        self.definitions = definitions
        self.root = root
        self.operation = operation
        self.refusal = nowhere(operation.number)

    def run(self) -> None:
        kind, parts = self.operation.kind, self.operation.parts
        if kind == "add":
            self.add(parts["name"], parts["value"])
        elif kind == "insert":
            self.insert(parts["index"], parts["value"])
        elif kind == "move":
            self.move(parts["source"], parts["destination"])
        elif kind == "delete":
            self.delete()
        else:
            self.replace(parts["value"])

    def add(self, name: str, value: Mapping[str, Any]) -> None:
        holder, within = self._object(self.operation.path)
        written = self._written(within, name, value)
        element, _code = self._element(within, written)
        new = self._value(within, written, value)
        if element.max == 1:
            if any(found in holder for found in written_names(self.definitions, within, name)):
                raise self.refusal
            holder[written] = new
        else:
            self._insert(holder, written, len(self._list(holder, written)), new)

    def insert(self, index: int, value: Mapping[str, Any]) -> None:
        place = self._named(self.operation.path)
        if place is None or place.index is not None:
            raise self.refusal
        element, _code = self._element(place.within, place.name)
        if element.max == 1 or index > len(self._list(place.holder, place.name)):
            raise self.refusal
        self._insert(place.holder, place.name, index, self._value(place.within, place.name, value))

    def move(self, source: int, destination: int) -> None:
        place = self._named(self.operation.path)
        if place is None or place.index is not None:
            raise self.refusal
        for name in (place.name, f"_{place.name}"):
            entries = place.holder.get(name)
            if name == place.name and (not isinstance(entries, list) or max(source, destination) >= len(entries)):
                raise self.refusal
            if isinstance(entries, list):
                entries.insert(destination, entries.pop(source))

    def delete(self) -> None:
        place = self._single()
        if place is None:
            return
        for name in (place.name, f"_{place.name}"):
            entries = place.holder.get(name)
            if place.index is not None and isinstance(entries, list):
                del entries[place.index : place.index + 1]
            if place.index is None or entries == []:
                place.holder.pop(name, None)
        _drop_empty(self.root)

    def replace(self, value: Mapping[str, Any]) -> None:
        place = self._single()
        if place is None:
            raise self.refusal
        base = self._choice_base(place)
        written = self._written(place.within, base, value) if base else place.name
        new = self._value(place.within, written, value)
        extra = place.holder.get(f"_{place.name}")
        if place.index is not None:
            place.holder[place.name][place.index] = new
            if isinstance(extra, list) and place.index < len(extra):
                extra[place.index] = None
            return
        place.holder.pop(f"_{place.name}", None)
        if written != place.name:
            place.holder.pop(place.name, None)
        place.holder[written] = new

    def _choice_base(self, place: Place) -> str:
        found = element_of(self.definitions, place.within, place.name)
        return found[0].name[:-3] if found and found[0].is_choice else ""

    def _evaluate(self, path: str) -> list[Any]:
        before, step = last_step(path)
        quoted = f"{before}.`{step}`" if step in _WORDS else path  # `Patient.text.div`: an element, no operator
        try:
            return compile(quoted, base=self.root["resourceType"]).evaluate(self.root)
        except FhirPathError:
            raise BadRequest(issue("rest.patch-syntax", number=self.operation.number)) from None

    def _object(self, path: str) -> tuple[dict[str, Any], str]:
        """The one object at a path, and its type or backbone path."""
        found = self._evaluate(path)
        if len(found) != 1 or not isinstance(found[0], dict):
            raise self.refusal
        if found[0] is self.root:
            return self.root, self.root["resourceType"]
        place = place_of(self.definitions, self.root, found[0])
        if place is None:
            raise self.refusal
        return found[0], below(self.definitions, place.within, place.name, found[0])

    def _single(self) -> Place | None:
        """The place of the one element at the path; None when there is none. Raises for several, and for the root."""
        found = self._evaluate(self.operation.path)
        if not found:
            return self._without_value()
        if len(found) > 1 or found[0] is self.root:
            raise self.refusal
        if isinstance(found[0], dict):
            place = place_of(self.definitions, self.root, found[0])
        else:
            place = self._named(self.operation.path)
        if place is None:
            raise self.refusal
        if place.index is None and isinstance(place.holder.get(place.name), list):
            return Place(place.holder, place.name, 0, place.within)
        return place

    def _without_value(self) -> Place | None:
        """The place of a primitive with extensions and no value, which FHIRPath does not see; None without one."""
        before, _ = last_step(self.operation.path)
        holders = self._evaluate(before) if before else [self.root]
        if len(holders) != 1 or not isinstance(holders[0], dict):
            return None
        place = self._named(self.operation.path)
        if place is None or place.index is not None or not isinstance(place.holder.get(f"_{place.name}"), dict):
            return None
        return place

    def _named(self, path: str) -> Place | None:
        """The place that a path names by its last step, whether or not anything is there; None for other paths."""
        before, step = last_step(path)
        named = _NAMED.match(step)
        if not named:
            return None
        holder, within = self._object(before) if before else (self.root, self.root["resourceType"])
        names = written_names(self.definitions, within, named[1])
        name = next((one for one in names if one in holder or f"_{one}" in holder), names[0])
        return Place(holder, name, int(named[2]) if named[2] else None, within)

    def _element(self, within: str, name: str) -> tuple[Any, str]:
        found = element_of(self.definitions, within, name)
        if found is None:
            raise self.refusal
        return found

    def _written(self, within: str, name: str, value: Mapping[str, Any]) -> str:
        """The name in JSON: of a choice, the one for the type of the value."""
        names = written_names(self.definitions, within, name)
        if names == (name,):
            return name
        for key in value:
            if key.startswith("value") and name + key.removeprefix("value") in names:
                return name + key.removeprefix("value")
        raise self.refusal

    def _value(self, within: str, name: str, part: Mapping[str, Any]) -> Any:
        """The value of a part; of one without a type, an object made of its own parts."""
        plain = _plain(part)
        if plain is not None:
            return copy.deepcopy(plain)
        if not isinstance(part.get("part"), list):
            raise BadRequest(issue("rest.patch-syntax", number=self.operation.number))
        inner = below(self.definitions, within, name, None)
        made: dict[str, Any] = {}
        for written, element, entry in self._members(inner, part["part"]):
            new = self._value(inner, written, entry)
            if element.max == 1:
                made[written] = new
            else:
                made.setdefault(written, []).append(new)
        return made

    def _members(self, within: str, parts: Sequence[Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
        for entry in parts:
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                raise BadRequest(issue("rest.patch-syntax", number=self.operation.number))
            written = self._written(within, entry["name"], entry)
            yield written, self._element(within, written)[0], entry

    def _list(self, holder: dict[str, Any], name: str) -> list[Any]:
        entries = holder.get(name, [])
        if not isinstance(entries, list):
            raise self.refusal
        return entries

    def _insert(self, holder: dict[str, Any], name: str, index: int, value: Any) -> None:
        entries = holder.setdefault(name, [])
        extra = holder.get(f"_{name}")
        if isinstance(extra, list) and index < len(extra):
            extra.insert(index, None)
        entries.insert(index, value)


def _drop_empty(node: Any) -> bool:
    """Takes out of a tree the objects and lists that hold nothing; True when the node itself is one then."""
    if isinstance(node, dict):
        for name in [name for name, value in node.items() if _drop_empty(value)]:
            del node[name]
        return not node
    if isinstance(node, list):
        node[:] = [entry for entry in node if not _drop_empty(entry)]
        return not node
    return False
