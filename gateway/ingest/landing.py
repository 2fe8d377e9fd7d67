"""The port that ingest keeps payloads and receipts through; the store implements it."""

from datetime import datetime
from typing import Protocol

from gateway.core.receipt import Payload, Receipt, ReceiptStatus


class Landing(Protocol):
    """Landed payloads and their receipts, durable when a method returns."""

    def land(self, payload: Payload, receipt: Receipt, leased_until: datetime | None = None) -> None:
        """Keeps both; `leased_until` keeps other processes off the receipt until then."""

    def payload(self, study: str, receipt_id: str) -> Payload:
        """The payload of a receipt; raises `NotFound` when the study has no such receipt."""

    def receipt(self, study: str, id: str) -> Receipt | None:
        """The receipt, or None."""

    def first_with(self, study: str, source: str, sha256: str) -> Receipt | None:
        """The oldest receipt of this body from this source, None when it never came."""

    def save(self, receipt: Receipt) -> None:
        """Replaces the receipt's state; one that is not `received` any more gives up its lease."""

    def receipts(
        self,
        study: str,
        *,
        source: str | None = None,
        status: ReceiptStatus | None = None,
        rule: str | None = None,
        mapping: str | None = None,
    ) -> list[Receipt]:
        """The receipts that fit every filter given, oldest first."""

    def lease(self, study: str | None, now: datetime, seconds: float) -> Receipt | None:
        """Takes the oldest `received` receipt that nobody works on; None when there is none."""

    def release(self, study: str, id: str) -> None:
        """Gives the receipt back before its lease ends."""
