"""Page cursors: a position in one search of one study, which only this gateway can make or read.

A cursor holds the place after the last row, never the rights of who asked: consent is asked again on every page. It
is encrypted, as a position may hold what a search sorts by and tells how many rows were written; and bound to study,
place and search, so that it works for no other. A search that was posted, to keep its parameters out of addresses,
goes on by a sealed cursor, which carries them too.
"""

import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

SEALED: Final = "s."
"""How a sealed cursor starts; one of a position has no dot."""

_NONCE: Final = 12
_DIGEST: Final = 16

Pairs: TypeAlias = list[tuple[str, str]]
Position: TypeAlias = tuple[int | str, ...]


class Cursors:
    """Makes and reads cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._seal = AESGCM(hashlib.blake2b(secret, digest_size=32, person=b"page-cursor").digest())

    def write(self, bound_to: Sequence[str], after: Sequence[int | str]) -> str:
        """The URL-safe text of the position `after` in the search that `bound_to` names."""
        return self._sealed(after, _position_of(bound_to))

    def read(self, bound_to: Sequence[str], cursor: str) -> Position:
        """The position in `cursor`; raises `BadRequest` when it was not made here for this search."""
        position: Position = self._unseal(cursor, _position_of(bound_to), Position)
        return position

    def seal(self, study: str, type: str, pairs: Pairs, after: Sequence[int | str]) -> str:
        """The position `after` in a search of `pairs`, with the pairs themselves, readable to nobody else."""
        return SEALED + self._sealed((pairs, after), _search_of(study, type))

    def unseal(self, study: str, type: str, cursor: str) -> tuple[Pairs, Position]:
        """The search and the position in a sealed cursor; raises `BadRequest` when it was not made here for this."""
        pairs, after = self._unseal(cursor.removeprefix(SEALED), _search_of(study, type), tuple[Pairs, Position])
        return pairs, after

    def _sealed(self, content: object, place: bytes) -> str:
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._seal.encrypt(nonce, msgspec.json.encode(content), place)
        return urlsafe_b64encode(sealed).decode()

    def _unseal(self, text: str, place: bytes, shape: Any) -> Any:
        try:
            sealed = urlsafe_b64decode(text.encode("ascii"))
            content = self._seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except (InvalidTag, ValueError):
            raise BadRequest(issue("rest.cursor")) from None
        return msgspec.json.decode(content, type=shape)


def _position_of(bound_to: Sequence[str]) -> bytes:
    """What a cursor of a position is good for; a sealed cursor is good for something else."""
    return b"p" + hashlib.blake2b("\0".join(bound_to).encode(), digest_size=_DIGEST).digest()


def _search_of(study: str, type: str) -> bytes:
    return b"s" + f"{study}\0{type}".encode()
