"""What the tests of the trail record, and where."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.audit import chain
from gateway.core.event import Event
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.store.sql import SqlStore

KEY: Final = b"the key of these tests"
EVENT: Final = Event(
    at=datetime(2026, 6, 1, 12, tzinfo=UTC),
    study="s1",
    action="R",
    operation="read",
    outcome="success",
    client="app",
    organisation="clinic",
    role="ehr-app",
    purpose="TREAT",
    targets=("Observation/1",),
    count=1,
)
"""A client of a clinic has read an Observation."""


def opened(file: Path, clock: Callable[[], datetime] = lambda: EVENT.at) -> SqlStore:
    """A store in that file, without Consents."""
    found = SqlStore.open(
        f"sqlite:///{file}",
        parameters=Parameters(r4()),
        compile_grants=lambda study, subject, consents: (),
        chain=chain(KEY),
        clock=clock,
    )
    found.migrate()
    return found
