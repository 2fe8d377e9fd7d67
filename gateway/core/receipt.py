"""Landed payloads and their receipts: the sender's proof and the data manager's thread."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.core.issues import Issue

ReceiptStatus = Literal["received", "stored", "known", "partial", "quarantined", "parked"]
"""received: durable, not processed yet. stored: all of it is in the store. known: nothing in it was new.
partial: some units are stored, others quarantined. quarantined: kept whole, nothing of it is in the store.
parked: a unit waits for what it belongs to, others may be stored or quarantined; it is tried again by itself."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a sender delivered, before anything is parsed.

    `media_type` is the Content-Type as sent, `envelope` the facts that travel beside the body (the vendor's user
    id, an order number) by name, `name` a file name or "" for HTTP.
    """

    study: str
    source: str
    body: bytes
    media_type: str
    received: datetime
    envelope: dict[str, str] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a payload went where; `records` = units of the vendor, the rest are resources."""

    records: int = 0
    mapped: int = 0
    created: int = 0
    updated: int = 0
    known: int = 0
    quarantined: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a payload so far.

    `id` is random and unguessable; `mapping` is `id|version` of the mapping used, several with commas between, ""
    before one was found; `duplicate_of` the first receipt with the same bytes from the same source, or "". `attempts`
    counts processing runs, `name` is the file name or "".
    """

    id: str
    study: str
    source: str
    status: ReceiptStatus
    received: datetime
    sha256: str
    size: int
    media_type: str
    name: str = ""
    mapping: str = ""
    counts: Counts = field(default_factory=Counts)
    issues: tuple[Issue, ...] = ()
    duplicate_of: str = ""
    attempts: int = 0
