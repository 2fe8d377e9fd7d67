"""Signed page cursors: a position in one search of one study, which only this gateway can make.

A cursor holds the place after the last row, never the rights of who asked: consent is asked again on every page.
The signature covers the study, the type and the search itself, so that a cursor works for no other search.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

SIGNATURE_BYTES = 16


class Cursors:
    """Makes and reads cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, person=b"page-cursor").digest()

    def write(self, bound_to: Sequence[str], after: Sequence[int]) -> str:
        """The URL-safe text of the position `after` in the search that `bound_to` names."""
        position = msgspec.json.encode(list(after))
        return urlsafe_b64encode(self._sign(bound_to, position) + position).rstrip(b"=").decode()

    def read(self, bound_to: Sequence[str], cursor: str) -> tuple[int, ...]:
        """The position in `cursor`; raises `BadRequest` when it was not made here for this search."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        signature, position = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(bound_to, position)):
            raise BadRequest(issue("rest.cursor"))
        return tuple(msgspec.json.decode(position, type=list[int]))

    def _sign(self, bound_to: Sequence[str], position: bytes) -> bytes:
        text = msgspec.json.encode(list(bound_to)) + position
        return hashlib.blake2b(text, key=self._secret, digest_size=SIGNATURE_BYTES).digest()
