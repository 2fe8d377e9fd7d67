"""The port that ingest keeps payloads and receipts through; the store implements it."""

from datetime import datetime
from typing import Protocol

from gateway.core.receipt import Payload, Receipt, ReceiptStatus


class Landing(Protocol):
    """Landed payloads and their receipts, durable when a method returns."""

    def land(self, payload: Payload, receipt: Receipt, leased_until: datetime | None = None) -> None:
        """Keeps both; the body once for each study and SHA-256.

        `leased_until` takes the receipt's lease at once, so that no other process works on it meanwhile.
        """

    def payload(self, study: str, receipt_id: str) -> Payload:
        """The payload of a receipt; raises `NotFound` when the study has no such receipt."""

    def receipt(self, study: str, id: str) -> Receipt | None:
        """The receipt, or None."""

    def first_with(self, study: str, source: str, sha256: str) -> Receipt | None:
        """The oldest receipt of this body from this source, None when it never came."""

    def save(self, receipt: Receipt) -> None:
        """Replaces the receipt's state; one that is not `received` any more gives up its lease.

        Raises `NotFound` when it never was landed.
        """

    def receipts(
        self,
        study: str,
        *,
        source: str | None = None,
        status: ReceiptStatus | None = None,
        rule: str | None = None,
        mapping: str | None = None,
    ) -> list[Receipt]:
        """The receipts that fit every filter given, oldest first; `mapping` is an id, or `id|version`."""

    def lease(self, study: str | None, now: datetime, seconds: float) -> Receipt | None:
        """Takes the oldest `received` receipt that nobody works on, for `seconds`; None when there is none.

        A `study` of None looks in each study in turn.
        """

    def release(self, study: str, id: str) -> None:
        """Gives the receipt back before its lease ends."""
