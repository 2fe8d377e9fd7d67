"""What compiled expressions call while they run, beside the operators and functions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any, Final, TypeVar

from gateway.fhirpath.env import Env
from gateway.fhirpath.errors import Fault
from gateway.fhirpath.kinds import TEMPORAL
from gateway.fhirpath.model import Model
from gateway.fhirpath.types import is_exactly, matches, type_of
from gateway.fhirpath.values.bounds import bounded
from gateway.fhirpath.values.equality import equal, key
from gateway.fhirpath.values.items import Element, raw
from gateway.fhirpath.values.ordering import compare
from gateway.fhirpath.values.quantity import Quantity

T = TypeVar("T")

MAX_WALK: Final = 1_000_000
"""How many items repeat() and descendants() visit at most when the caller sets no budget."""

MAX_LEVELS: Final = 10_000
"""How many times repeat() and descendants() go on from what they found."""


def listed(value: Any) -> list[Any]:
    """A variable's value as a collection."""
    if value is None:
        return []
    return value if value.__class__ is list else list(value) if value.__class__ is tuple else [value]


def variable(env: Env | None, name: str) -> list[Any]:
    """The items of an environment variable; raises `Fault` when it was not given."""
    if env is None or name not in env.variables:
        raise Fault("fhirpath.unknown-variable", name=name)
    return listed(env.variables[name])


def trace(env: Env, name: Any, items: Sequence[Any]) -> None:
    """Hands the items of a trace() to the caller."""
    if env.trace is not None:
        env.trace(str(name), [raw(item) for item in items])


def walk(start: Sequence[Any], step: Callable[[Any], Sequence[Any]], env: Env | None, unique: bool) -> list[Any]:
    """What `step` gives for the start and again for all it gave; equal items once where `unique`.

    Raises `Fault` when that takes more than the budget.
    """
    budget = env.budget if env is not None else None
    tick = meter(MAX_WALK if budget is None else budget)
    found: list[Any] = []
    seen: set[Any] = set()
    todo = list(start)
    levels = 0
    while todo:
        levels += 1
        if levels > MAX_LEVELS:
            raise Fault("fhirpath.budget")
        following: list[Any] = []
        for item in todo:
            for part in bounded(step(item)):
                tick()
                if unique:
                    mark = key(part)
                    if mark in seen:
                        continue
                    seen.add(mark)
                following.append(part)
        found.extend(following)
        todo = following
    return found


def sort_items(items: Sequence[Any], keys: Sequence[Sequence[Any]], downward: Sequence[bool]) -> list[Any]:
    """The items in the order of their keys, an empty key first in either direction; stable."""
    rows = list(keys) or [[item] for item in items]
    directions = downward or (False,)

    def order(left: int, right: int) -> int:
        for ours, theirs, down in zip(rows[left], rows[right], directions, strict=True):
            if ours is None or theirs is None:
                if ours is not theirs:
                    return -1 if ours is None else 1
                continue
            found = compare(ours, theirs)
            if found:
                return -found if down else found
        return 0

    return [items[position] for position in sorted(range(len(items)), key=cmp_to_key(order))]


def type_info(item: Any) -> dict[str, str]:
    """The namespace and name of an item's type."""
    name = type_of(item)
    if name.startswith("System."):
        return {"namespace": "System", "name": name.removeprefix("System.")}
    return {"namespace": "FHIR", "name": name.rpartition(".")[2] if "." in name else name}


def hollow(tree: Mapping[str, Any], name: str, type_name: str) -> Element | None:
    """The primitive that has an id or extensions (`_name`) and no value; None when there is none."""
    extra = tree.get(f"_{name}")
    return Element(None, type_name, extra) if extra.__class__ is dict else None


def pair(values: Any, extras: Any, type_name: str, *, typed: bool) -> list[Any]:
    """The repeating primitive from its values and the `_name` list beside it.

    Values come as they are unless `typed`; positions with extensions only become Elements without a value.
    """
    if extras is None and values.__class__ is not list:
        return [] if values is None else [Element(values, type_name)] if typed else [values]
    values, extras = listed(values), listed(extras)
    found: list[Any] = []
    for position in range(max(len(values), len(extras))):
        value = values[position] if position < len(values) else None
        extra = extras[position] if position < len(extras) else None
        extra = extra if extra.__class__ is dict else None
        if value is None and extra is None:
            continue
        found.append(Element(value, type_name, extra) if typed or value is None else value)
    return found


def find_choice(tree: Mapping[str, Any], keys: Iterable[tuple[str, T]]) -> tuple[str, T] | None:
    """The key under which a choice is present, with a value or with extensions only, and what goes with it."""
    for pair_of in keys:
        name = pair_of[0]
        if name in tree or f"_{name}" in tree:
            return pair_of
    return None


def choice(tree: Mapping[str, Any], keys: Iterable[tuple[str, str]]) -> Any:
    """The value of a choice element, an Element where it has extensions only; None when it is absent."""
    for name, type_name in keys:
        value = tree.get(name)
        if value is not None:
            return value
        if f"_{name}" in tree:
            return hollow(tree, name, type_name)
    return None


def structural(tree: Any, name: str, model: Model | None) -> list[Any]:
    """The element `name` of an item of unknown type: its key, or a choice key when there is a model."""
    if tree.__class__ is not dict:
        return _other(tree, name)
    value = tree.get(name)
    if value is None and model is not None:
        extra = tree.get(f"_{name}")
        if extra is not None:
            return pair(None, extra, "Element", typed=False)
        value = _any_choice(tree, name, model)
    if value.__class__ is list:
        if model is not None and f"_{name}" in tree:
            return pair(value, tree[f"_{name}"], "Element", typed=False)
        return [item for item in value if item is not None]
    return [] if value is None else [value]


def _any_choice(tree: Mapping[str, Any], name: str, model: Model) -> Any:
    for key_name, value in tree.items():
        if key_name.startswith(name) and key_name[len(name) : len(name) + 1].isupper():
            suffix = key_name[len(name) :]
            if model.knows(suffix) or model.knows(suffix[0].lower() + suffix[1:]):
                return value
    return None


def _other(item: Any, name: str) -> list[Any]:
    if item.__class__ is Quantity and name in ("value", "unit"):
        return [getattr(item, name)]
    if item.__class__ is Element and name in ("id", "extension") and item.extra is not None:
        return listed(item.extra.get(name))
    return []


def member(item: Any, name: str, model: Model) -> list[Any]:
    """The element `name` of an item as Elements with their types; untyped where the type is not known."""
    type_name = type_of(item)
    tree = raw(item)
    if tree.__class__ is not dict and item.__class__ is Element and item.extra is not None:
        return member(Element(item.extra, "Element"), name, model)
    if type_name.startswith("System.") or tree.__class__ is not dict:
        return _other(item, name)
    if type_name in ("Resource", "DomainResource"):
        type_name = str(tree.get("resourceType", type_name))
    found = model.member(type_name, name) if type_name else None
    if found is None:
        return [] if type_name else structural(tree, name, model)
    present = find_choice(tree, found.keys) if found.choice else found.keys[0]
    if present is None:
        return []
    key_name, kind = present
    value = tree.get(key_name)
    if kind in ("Resource", "DomainResource"):
        return [part for part in listed(value) if part is not None]
    return pair(value, tree.get(f"_{key_name}"), kind, typed=True)


def plain_children(item: Any) -> Iterator[Any]:
    """All elements directly below an item, untyped; the twins of primitives (`_name`) give their children later."""
    if item.__class__ is Element:
        item = item.extra
    if item.__class__ is not dict:
        return
    for name, value in item.items():
        if name == "resourceType":
            continue
        if name[:1] == "_" and name[1:] in item:
            continue
        if f"_{name}" in item:
            yield from pair(value, item[f"_{name}"], "Element", typed=False)
        elif value.__class__ is list:
            yield from (part for part in value if part is not None)
        elif name[:1] == "_" and value.__class__ is dict:
            yield Element(None, "Element", value)
        elif value is not None:
            yield value


def holds(value: Any, items: Iterable[Any]) -> bool:
    """Whether an item is equal to one of the items."""
    if value.__class__ is str:
        # A text is equal to a date or quantity only by what that means, to anything else letter by letter.
        items = [item for item in items if item.__class__ is not str or item == value]
        if any(raw(item) == value for item in items):
            return True
        items = [item for item in items if item.__class__ is not Element or item.type in TEMPORAL]
    return any(equal(value, item) is True for item in items)


def at_index(items: Sequence[Any], index: Any) -> Any:
    """The item at a 0-based index; None outside; raises `Fault` for an index that is no integer."""
    position = raw(index)
    if position.__class__ is not int:
        raise Fault("fhirpath.operand", operation="[]")
    return items[position] if 0 <= position < len(items) else None


def of_type(item: Any, wanted: Iterable[str], model: Model | None) -> bool:
    """Whether a resource or Element is of a type; data without a type of their own pass."""
    name = type_of(item)
    return not name or matches(name, wanted, model)


def type_of_item(item: Any, wanted: Iterable[str], model: Model | None, exactly: bool) -> bool:
    """Whether an item is of one of the types by what it carries itself."""
    decide = is_exactly if exactly else matches
    return decide(type_of(item), wanted, model)


def wrap(item: Any, type_name: str) -> Any:
    """The item with its type, unless it tells it itself; `ExampleScenario.instance` has a resourceType of its own."""
    if item is None or item.__class__ is Element:
        return item
    if item.__class__ is dict and "resourceType" in item and "." not in type_name:
        return item
    return Element(item, type_name)


def meter(budget: int | Callable[[], None]) -> Callable[[], None]:
    """A function that raises `Fault` when it is called more often than the budget says; one that is given stays."""
    if not isinstance(budget, int):
        return budget
    left = budget

    def tick() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Fault("fhirpath.budget")

    return tick
