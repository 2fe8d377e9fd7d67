"""The links of the chain: each row's digest covers its event and the digest of the row before."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from gateway.core.event import AuditRow, Event
from gateway.core.instants import micros

Chain: TypeAlias = Callable[[bytes, Event, int], AuditRow]

Digest: TypeAlias = Callable[[bytes, bytes], bytes]
"""(digest of the row before, its event's JSON) -> the digest of a row."""

_BLOCK: Final = 64
_LENGTHS: Final = tuple(map(int.to_bytes, range(256)))
_encoder = msgspec.json.Encoder()


def chain(key: bytes) -> Chain:
    """The maker of links under a secret `key`: (digest of the row before or b"", event, sequence) -> the next row.

    The digest is HMAC-SHA256 over the previous digest and the event's canonical JSON (fields in the order of
    `Event`). Raises ValueError for a key under 16 bytes.
    """
    digest = digest_by(key)

    def link(previous: bytes, event: Event, sequence: int) -> AuditRow:
        text = _encoder.encode(event)
        return AuditRow(event.study, sequence, micros(event.at), text, digest(previous, text))

    return link


def digest_by(key: bytes) -> Digest:
    """HMAC-SHA256 (RFC 2104) by a key whose paddings are hashed once, which is half the price of `hmac.digest`.

    What it is of begins with the length of the digest before, one byte. Raises ValueError for a key under 16 bytes.
    """
    if len(key) < 16:
        raise ValueError("the key of the audit chain must have at least 16 bytes")
    padded = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    copy_inner, copy_outer = (sha256(bytes(byte ^ pad for byte in padded)).copy for pad in (0x36, 0x5C))

    def digest(previous: bytes, event: bytes) -> bytes:
        inside, outside = copy_inner(), copy_outer()
        inside.update(_LENGTHS[len(previous)] + previous + event)
        outside.update(inside.digest())
        return outside.digest()

    return digest
