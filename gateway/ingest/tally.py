"""Counts what became of a payload, unit by unit, over all its runs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.core.issues import Issue
from gateway.core.receipt import Counts, Receipt, ReceiptStatus
from gateway.core.resources import Committed

MAX_ISSUES = 200
"""How many issues a receipt keeps; the first ones tell the cause."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts and issues of one run so far.

    `created` and `updated` go on from the receipt's earlier runs, so that a run that was killed and resumed counts
    as one that was not; a resource that is there already and that no run of this receipt wrote is `known`.
    """

    created: int = 0
    updated: int = 0
    records: int = 0
    mapped: int = 0
    quarantined: int = 0
    parked: int = 0
    stored_units: int = 0
    issues: tuple[Issue, ...] = ()

    def quarantine(self, records: int, resources: int, issues: Iterable[Issue]) -> "Tally":
        """With one more unit that is kept out whole: at least one resource counts as quarantined."""
        return replace(
            self,
            records=self.records + records,
            quarantined=self.quarantined + max(resources, records, 1),
            issues=(*self.issues, *issues),
        )

    def park(self, records: int, resources: int, issues: Iterable[Issue]) -> "Tally":
        """With one more unit that waits, whole, for what it belongs to."""
        return replace(
            self,
            records=self.records + records,
            parked=self.parked + max(resources, records, 1),
            issues=(*self.issues, *issues),
        )

    def store(self, records: int, committed: Iterable[Committed], issues: Iterable[Issue]) -> "Tally":
        """With one more unit that is in the store."""
        outcomes = [entry.outcome for entry in committed]
        return replace(
            self,
            records=self.records + records,
            mapped=self.mapped + len(outcomes),
            created=self.created + outcomes.count("created"),
            updated=self.updated + outcomes.count("updated"),
            stored_units=self.stored_units + 1,
            issues=(*self.issues, *issues),
        )

    def onto(self, receipt: Receipt, *, finished: bool) -> Receipt:
        """The receipt with this tally; its status stays `received` until the run is finished."""
        known = max(0, self.mapped - self.created - self.updated)
        counts = Counts(self.records, self.mapped, self.created, self.updated, known, self.quarantined, self.parked)
        status = self._status() if finished else "received"
        return replace(receipt, status=status, counts=counts, issues=self.issues[:MAX_ISSUES])

    def _status(self) -> ReceiptStatus:
        if self.parked:
            return "parked"
        if self.quarantined:
            return "partial" if self.stored_units else "quarantined"
        return "stored" if self.created or self.updated else "known"


def begin(receipt: Receipt) -> Tally:
    """The tally of a new run: what earlier runs of the receipt wrote is counted already."""
    return Tally(created=receipt.counts.created, updated=receipt.counts.updated)


def all_known(counts: Counts) -> Counts:
    """The counts of a payload that came again: everything that was mapped from it is known."""
    return Counts(records=counts.records, mapped=counts.mapped, known=counts.mapped)
