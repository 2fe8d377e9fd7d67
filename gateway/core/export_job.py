"""Bulk exports that outlive a request: a durable row each, leased by whichever process works on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ExportStatus = Literal["running", "done", "failed"]
"""running: somebody works on it, or will. done: the files are there. failed: nothing is there but the reason."""


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export of one client. `request` and `state` are JSON of `gateway.export.bulk`; `state` is b"" at first.

    `attempts` counts how often a process took it up. After `expires` it is removed with its files.
    """

    study: str
    id: str
    client: str
    status: ExportStatus
    created: datetime
    expires: datetime
    request: bytes
    state: bytes = b""
    attempts: int = 0
