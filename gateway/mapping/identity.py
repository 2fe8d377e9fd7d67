"""Identities of one emit in one unit: what all keys have in common is hashed once.

The ids are those of `gateway.core.ids.resource_id`.
"""

import hashlib
from collections.abc import Callable
from typing import Final, Protocol


class Digest(Protocol):
    """A digest that has taken in what all keys share: the rest of a key is to follow, its parts `framed`."""

    def update(self, data: bytes, /) -> None:
        """Takes in more of the key."""

    def hexdigest(self) -> str:
        """The id."""

    def copy(self) -> "Digest":
        """Another digest that has taken in the same."""


new_digest: Final[Callable[[], Digest]] = hashlib.blake2b(digest_size=16).copy
"""What gives a digest that has taken in nothing yet: a copy costs less than a new one."""


def id_maker(study: str, emit: str, first: tuple[str, ...]) -> Callable[[], Digest]:
    """What gives a new digest for each key; `emit` are the framed ids of mapping and emit, `first` what all share."""
    text = f"{len(study)}:{study}{emit}"
    for part in first:
        text += f"{len(part)}:{part}"
    made = new_digest()
    made.update(text.encode())
    return made.copy


LENGTHS: Final[tuple[str, ...]] = tuple(f"{length}:" for length in range(500))
"""What stands before a part of a key that is as long; longer parts are unusual."""


def framed(part: str) -> str:
    """A part of a key with its length, so that no key spells another one."""
    return f"{len(part)}:{part}"
