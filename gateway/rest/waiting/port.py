"""Where requests that are answered later are kept; the composition root wires an adapter."""

from datetime import datetime
from typing import Protocol

from gateway.core.export_job import ExportJob, ExportStatus


class RequestStore(Protocol):
    """Requests as durable rows, each worked on by at most one process at a time; `ExportStore` tells of the rest."""

    def add(self, job: ExportJob, limit: int) -> bool:
        """Makes the request durable; False when its client has `limit` running in the study."""

    def job(self, study: str, id: str) -> ExportJob | None:
        """The request; None when there is none."""

    def jobs(self, study: str) -> list[ExportJob]:
        """Every request of the study, oldest first."""

    def lease(self, study: str, worker: str, now: datetime, seconds: float) -> ExportJob | None:
        """Gives `worker` the oldest running request that nobody works on; None when there is none."""

    def save(self, job: ExportJob, worker: str, now: datetime, seconds: float) -> bool:
        """Keeps what became of a request; False when the worker has it no more."""

    def replace(self, study: str, id: str, status: ExportStatus, state: bytes) -> None:
        """Gives a request that nobody works on another status and state; running, it waits as if it were new."""

    def remove(self, study: str, id: str) -> None:
        """Forgets the request; nothing when there is none."""

    def standing(self, study: str, now: datetime) -> str:
        """A text that is another one after each change of what any Consent of the study permits."""
