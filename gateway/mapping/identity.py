"""Identities of one emit in one unit: what all keys have in common is hashed once.

The ids are those of `gateway.core.ids.resource_id`.
"""

import hashlib
from collections.abc import Callable
from typing import Protocol


class Digest(Protocol):
    """A digest that has taken in what all keys share: the rest of a key is to follow, its parts `framed`."""

    def update(self, data: bytes, /) -> None:
        """Takes in more of the key."""

    def hexdigest(self) -> str:
        """The id."""


def id_maker(study: str, mapping: str, emit: str, first: tuple[str, ...]) -> Callable[[], Digest]:
    """What gives a new digest for each key; `first` are the parts that all keys share."""
    shared = hashlib.blake2b("".join(map(framed, (study, mapping, emit, *first))).encode(), digest_size=16)
    return shared.copy


def framed(part: str) -> str:
    """A part of a key with its length, so that no key spells another one."""
    return f"{len(part)}:{part}"
