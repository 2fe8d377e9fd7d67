"""Where exports are kept between requests and processes; the composition root wires an adapter."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from gateway.core.export_job import ExportJob


class ExportStore(Protocol):
    """Exports as durable rows, each worked on by at most one process at a time."""

    def add(self, job: ExportJob, limit: int) -> bool:
        """Makes the job durable; False, and nothing is done, when its client has `limit` running in the study."""

    def job(self, study: str, id: str) -> ExportJob | None:
        """The job; None when there is none."""

    def jobs(self, study: str) -> list[ExportJob]:
        """Every job of the study, oldest first."""

    def lease(self, study: str, worker: str, now: datetime, seconds: float) -> ExportJob | None:
        """Gives `worker` the oldest running job that nobody works on; None when there is none.

        The job is as it was, its `attempts` are counted in the row.
        """

    def save(self, job: ExportJob, worker: str, now: datetime, seconds: float) -> bool:
        """Keeps the job's status, expiry and state and holds it for `seconds` more; False when the worker has it no
        more: somebody else took it up, or it was removed."""

    def remove(self, study: str, id: str) -> None:
        """Forgets the job; nothing when there is none."""

    def standing(self, study: str, now: datetime) -> str:
        """A text that is another one after each change of what any Consent of the study permits, by a Consent that
        was written or by time; ASCII letters, digits and `-`."""

    def changed_subjects(self, study: str, since: datetime, now: datetime) -> list[str]:
        """The ids of the Patients with a Consent that was written at that instant or later, or of whose permissions
        one began or ended after it, up to now."""

    def rewritten(self, study: str, type: str, since: datetime, until: datetime) -> Iterator[str]:
        """The ids of the resources of a type that were changed or deleted at `since` or later and before `until`,
        whoever may see them, in no order that means anything."""
