"""How two sets of resources differ, element by element."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.core import Resource

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `path` is `Observation/<id>.valueQuantity.value`, or the resource alone; None is absent."""

    path: str
    old: Any
    new: Any


def changes(old: Sequence[Resource], new: Sequence[Resource]) -> tuple[Change, ...]:
    """What would change if `new` were made in the place of `old`; resources are told apart by type and id."""
    before, after = _by_reference(old), _by_reference(new)
    found: list[Change] = []
    for reference in dict.fromkeys([*before, *after]):
        one, other = before.get(reference), after.get(reference)
        if one is None or other is None:
            found.append(Change(reference, one, other))
        else:
            found += _differences(reference, one, other)
    return tuple(found)


def _by_reference(resources: Sequence[Resource]) -> dict[str, Resource]:
    return {f"{found['resourceType']}/{found['id']}": found for found in resources}


def _differences(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from _differences(f"{path}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            one = old[index] if index < len(old) else _ABSENT
            other = new[index] if index < len(new) else _ABSENT
            yield from _differences(f"{path}[{index}]", one, other)
    elif _kind(old) is not _kind(new) or str(old) != str(new):
        yield Change(path, None if old is _ABSENT else old, None if new is _ABSENT else new)


def _kind(value: Any) -> type:
    """Numbers of either type are one kind; their text tells them apart."""
    return Decimal if type(value) is int else type(value)
