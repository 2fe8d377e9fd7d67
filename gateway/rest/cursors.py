"""Signed page cursors: a position in one search of one study, which only this gateway can make.

A cursor holds the place after the last row, never the rights of who asked: consent is asked again on every page.
The signature covers the study, the type and the search itself, so that a cursor works for no other search. A search
that was posted, to keep its parameters out of addresses, goes on by a sealed cursor, which carries them encrypted.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

SIGNATURE_BYTES = 16
SEALED = "s."
"""How a sealed cursor starts; a plain one is base64 and has no dot."""

HIDDEN = "p."
"""How a cursor starts whose position is sealed."""

Pairs: TypeAlias = list[tuple[str, str]]
Position: TypeAlias = tuple[int | str, ...]


class Cursors:
    """Makes and reads cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, person=b"page-cursor").digest()
        self._seal = Fernet(
            urlsafe_b64encode(hashlib.blake2b(secret, digest_size=32, person=b"sealed-cursor").digest())
        )

    def write(self, bound_to: Sequence[str], after: Sequence[int | str]) -> str:
        """The URL-safe text of the position `after` in the search that `bound_to` names.

        A position that holds texts is readable to nobody else: a sorted search puts what it sorts by in it.
        """
        if any(isinstance(part, str) for part in after):
            text = msgspec.json.encode([self._sign(bound_to, b"").hex(), list(after)])
            return HIDDEN + self._seal.encrypt(text).decode()
        position = msgspec.json.encode(list(after))
        return urlsafe_b64encode(self._sign(bound_to, position) + position).rstrip(b"=").decode()

    def read(self, bound_to: Sequence[str], cursor: str) -> Position:
        """The position in `cursor`; raises `BadRequest` when it was not made here for this search."""
        if cursor.startswith(HIDDEN):
            signed: str
            position: Position
            signed, position = self._unseal(cursor.removeprefix(HIDDEN), tuple[str, Position])
            if not hmac.compare_digest(signed, self._sign(bound_to, b"").hex()):
                raise BadRequest(issue("rest.cursor"))
            return position
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        signature, text = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(bound_to, text)):
            raise BadRequest(issue("rest.cursor"))
        return tuple(msgspec.json.decode(text, type=list[int | str]))

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

    def _sign(self, bound_to: Sequence[str], position: bytes) -> bytes:
        text = msgspec.json.encode(list(bound_to)) + position
        return hashlib.blake2b(text, key=self._secret, digest_size=SIGNATURE_BYTES).digest()
