"""Identities of one emit in one unit: what all keys have in common is hashed once.

The ids are those of `gateway.core.ids.resource_id`.
"""

import hashlib
from collections.abc import Callable


def id_maker(study: str, mapping: str, emit: str, first: tuple[str, ...]) -> Callable[[str], str]:
    """What gives the id for the rest of a key, its parts `framed`; `first` are the parts that all keys share."""
    shared = hashlib.blake2b("".join(map(framed, (study, mapping, emit, *first))).encode(), digest_size=16)
    copy = shared.copy

    def make(rest: str) -> str:
        digest = copy()
        digest.update(rest.encode())
        return digest.hexdigest()

    return make


def framed(part: str) -> str:
    """A part of a key with its length, so that no key spells another one."""
    return f"{len(part)}:{part}"
