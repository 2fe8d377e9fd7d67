"""The links of the chain: each row's digest covers its event and the digest of the row before."""

import hmac
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from gateway.core.event import AuditRow, Event
from gateway.core.instants import micros

Chain: TypeAlias = Callable[[bytes, Event], AuditRow]

_encoder = msgspec.json.Encoder()


def chain(key: bytes) -> Chain:
    """The maker of links under a secret `key`: (digest of the row before or b"", event) -> the next row.

    The digest is HMAC-SHA256 over the previous digest and the event's canonical JSON (fields in the order of
    `Event`). `sequence` is 0 in the result; the store sets it. Raises ValueError for a key under 16 bytes.
    """
    if len(key) < 16:
        raise ValueError("the key of the audit chain must have at least 16 bytes")

    def link(previous: bytes, event: Event) -> AuditRow:
        text = _encoder.encode(event)
        return AuditRow(event.study, 0, micros(event.at), text, digest(key, previous, text))

    return link


def digest(key: bytes, previous: bytes, event: bytes) -> bytes:
    """The digest of the row that holds the JSON `event` after a row with digest `previous`."""
    return hmac.digest(key, len(previous).to_bytes(1, "big") + previous + event, "sha256")
