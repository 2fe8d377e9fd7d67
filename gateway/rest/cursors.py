"""Page cursors: a position in one search of one study, which only this gateway can make or read.

A cursor holds the place after the last row, never the rights of who asked: consent is asked again on every page. It
is encrypted, as a position may hold what a search sorts by and tells how many rows were written; and bound to study,
place and search, so that it works for no other. A search that was posted, to keep its parameters out of addresses,
goes on by a sealed cursor, which carries them too.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

DIGEST_BYTES = 16
SEALED = "s."
"""How a sealed cursor starts; one of a position has no dot."""

Pairs: TypeAlias = list[tuple[str, str]]
Position: TypeAlias = tuple[int | str, ...]


class Cursors:
    """Makes and reads cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._seal = Fernet(
            urlsafe_b64encode(hashlib.blake2b(secret, digest_size=32, person=b"sealed-cursor").digest())
        )

    def write(self, bound_to: Sequence[str], after: Sequence[int | str]) -> str:
        """The URL-safe text of the position `after` in the search that `bound_to` names."""
        return self._seal.encrypt(msgspec.json.encode([self._digest(bound_to), list(after)])).decode()

    def read(self, bound_to: Sequence[str], cursor: str) -> Position:
        """The position in `cursor`; raises `BadRequest` when it was not made here for this search."""
        position: Position
        digest, position = self._unseal(cursor, tuple[str, Position])
        if digest != self._digest(bound_to):
            raise BadRequest(issue("rest.cursor"))
        return position

    def seal(self, study: str, type: str, pairs: Pairs, after: Sequence[int | str]) -> str:
        """The position `after` in a search of `pairs`, with the pairs themselves, readable to nobody else."""
        return SEALED + self._seal.encrypt(msgspec.json.encode([study, type, pairs, list(after)])).decode()

    def unseal(self, study: str, type: str, cursor: str) -> tuple[Pairs, Position]:
        """The search and the position in a sealed cursor; raises `BadRequest` when it was not made here for this."""
        sealed = tuple[str, str, Pairs, Position]
        for_study, for_type, pairs, after = self._unseal(cursor.removeprefix(SEALED), sealed)
        if (for_study, for_type) != (study, type):
            raise BadRequest(issue("rest.cursor"))
        return pairs, after

    def _unseal(self, text: str, shape: Any) -> Any:
        try:
            return msgspec.json.decode(self._seal.decrypt(text.encode()), type=shape)
        except (InvalidToken, UnicodeError, msgspec.DecodeError):
            raise BadRequest(issue("rest.cursor")) from None

    @staticmethod
    def _digest(bound_to: Sequence[str]) -> str:
        return hashlib.blake2b(msgspec.json.encode(list(bound_to)), digest_size=DIGEST_BYTES).hexdigest()
