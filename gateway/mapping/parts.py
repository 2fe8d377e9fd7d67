"""The parts of a payload that several mappings read: members of one JSON object, each for the mapping that names it.

A vendor may push types of several mappings in one body. A mapping says by `source.members` which members of the
payload are its own; what no mapping of the source calls its own is seen by all of them.
"""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct

from gateway.formats import Decoded
from gateway.mapping.mapping import Mapping


class Part(Struct, frozen=True):
    """A mapping, and what of a payload it is to read: positions in it are those of the whole payload."""

    mapping: Mapping
    decoded: Decoded


def part_of(mapping: Mapping, decoded: Decoded, others: Collection[str]) -> Part:
    """What the mapping reads where `others` are members that other mappings call their own; all where it has none."""
    foreign = frozenset(others) - frozenset(mapping.source.members)
    return _part(mapping, decoded, foreign if held(mapping, decoded.outline) else ())


def held(mapping: Mapping, tree: Any) -> frozenset[str]:
    """The members of the mapping that the payload has something in; none for what is no object."""
    if not isinstance(tree, dict):
        return frozenset()
    return frozenset(name for name in mapping.source.members if tree.get(name) not in (None, [], {}))


def parts_of(first: Mapping, candidates: Sequence[Mapping], decoded: Decoded) -> tuple[Part, ...]:
    """The parts of a payload that `first` takes, in the order of the candidates, `first` among them.

    A member is read by the first of the candidates that calls it its own and takes what is left without the others'.
    One that none reads stays in every part, so that the schemas decide about it.
    """
    tree = decoded.outline
    if not held(first, tree):
        return (Part(first, decoded),)
    owners: dict[str, Mapping] = {}
    for mapping in (first, *candidates):
        for name in held(mapping, tree):
            owners.setdefault(name, mapping)
    taken = {first.id}
    for mapping in candidates:
        foreign = [name for name, owner in owners.items() if owner is not mapping]
        owns = any(owner is mapping for owner in owners.values())
        if owns and mapping.reads(_part(mapping, decoded, foreign).decoded):
            taken.add(mapping.id)
    readers = [mapping for mapping in candidates if mapping.id in taken]
    return tuple(
        _part(one, decoded, [name for name, owner in owners.items() if owner is not one and owner.id in taken])
        for one in readers
    )


def _part(mapping: Mapping, decoded: Decoded, foreign: Collection[str]) -> Part:
    if not any(name in decoded.outline for name in foreign):
        return Part(mapping, decoded)
    view = {name: value for name, value in decoded.tree.items() if name not in foreign}
    return Part(mapping, Decoded(view, decoded.locate))
