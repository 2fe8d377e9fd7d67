"""Deterministic identity: the same measurement gets the same id whenever and however often it arrives."""

import hashlib
from collections.abc import Iterable


def resource_id(study: str, mapping: str, emit: str, key: Iterable[object]) -> str:
    """The 32-digit hex id of the resource that `emit` of `mapping` makes for `key` in `study`.

    The mapping's version is not in it: a corrected mapping rewrites the same resource as a new version.
    Every part goes in with its length, so that no key, however hostile, spells another one.
    """
    parts = (study, mapping, emit, *map(str, key))
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def pseudonym(value: str) -> str:
    """A short stable stand-in for an id in logs; not reversible without knowing the id."""
    return hashlib.blake2b(value.encode(), digest_size=6).hexdigest()


def sha256(data: bytes) -> str:
    """The lower-case hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()
