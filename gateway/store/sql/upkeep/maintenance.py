"""What is done to a whole database: backing up, restoring, checking, indexing again."""

from collections.abc import Callable
from pathlib import Path

from gateway.core import Issue
from gateway.store.sql.database import Database
from gateway.store.sql.index.state import IndexStates
from gateway.store.sql.upkeep import backups
from gateway.store.sql.upkeep.backups import Manifest, Told
from gateway.store.sql.upkeep.checks import Checker


class Maintenance:
    """The work of `gateway db`."""

    def __init__(self, database: Database, checker: Checker, states: IndexStates) -> None:
        self._database = database
        self._checker = checker
        self._states = states

    def back_up(self, target: Path, told: Told) -> Manifest:
        """See `gateway.store.sql.upkeep.backups.back_up`."""
        return backups.back_up(self._database, target, told)

    def restore(self, source: Path, told: Told) -> Manifest:
        """See `gateway.store.sql.upkeep.backups.restore`."""
        return backups.restore(self._database, source, told)

    def check_file(self) -> list[Issue]:
        """See `Checker.file`."""
        return self._checker.file()

    def check(self, study: str, told: Callable[[int], None]) -> list[Issue]:
        """See `Checker.study`."""
        return self._checker.study(study, told)

    def is_whole(self, study: str) -> bool:
        """See `IndexStates.is_whole`."""
        return self._states.is_whole(study)

    def reindex(self, study: str, told: Callable[[int, int], bool | None]) -> int:
        """See `IndexStates.reindex`."""
        return self._states.reindex(study, told)
