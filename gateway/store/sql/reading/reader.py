"""Reading single resources: the current version, a version, the history, all behind the consent predicate."""

from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final

from sqlalchemy import Executable, Integer, Select, String, bindparam, select

from gateway.core.instants import from_micros
from gateway.core.resources import Key, Stored, Visibility
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.reading.limiting import UNLIMITED, Gate, Gates
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR, Columns, ResourceRow, VersionRow, columns_of
from gateway.store.sql.visible import study_is

_GATES: Final = 128
"""For how many gates the statements stay compiled."""


class ResourceReader:
    """Point reads, each one prepared statement; `gated` statements carry the consent predicate."""

    def __init__(self, database: Database, gates: Gates) -> None:
        self._database = database
        self._gates = gates
        self._current = lru_cache(maxsize=_GATES)(
            lambda gate: database.prepare(_current(database, gate), spelled=True)
        )
        self._version = lru_cache(maxsize=_GATES)(lambda gate: database.prepare(_version(database, gate)))
        self._history = lru_cache(maxsize=_GATES)(lambda gate: database.prepare(_history(database, gate)))

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """See `ResourceStore.read`."""
        gate, values = self._gates.of(visibility), self._values(key, visibility)
        if version is not None:
            statement = self._version(gate)
            values["version"] = version
        else:
            statement = self._usual if gate is UNLIMITED else self._current(gate)
        rows = self._database.fetch(statement, values)
        if not rows:
            return None
        number, updated, deleted, body, level, subject, domain = rows[0]
        return Stored(key, number, _instant(updated), bool(deleted), bytes(body), pairs_of(level, subject, domain))

    @cached_property
    def _usual(self) -> Prepared:
        """The statement for readers whose scopes reach whole types."""
        return self._current(UNLIMITED)

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """See `ResourceStore.history`."""
        statement = self._history(self._gates.of(visibility))
        rows = self._database.fetch(statement, self._values(key, visibility))
        return [stored(key, row) for row in rows]

    def _values(self, key: Key, visibility: Visibility | None) -> dict[str, Any]:
        values = self._gates.values(visibility, key.study)
        values["study"], values["type"], values["id"] = key.study, key.type, key.id
        return values


@lru_cache(maxsize=1 << 10)
def _instant(updated: int) -> datetime:
    """The instant of microseconds; what came together shares it."""
    return from_micros(updated)


def stored(key: Key, row: tuple[Any, ...]) -> Stored:
    """The value of a row (version, updated, deleted, body)."""
    version, updated, deleted, body = row
    return Stored(key, version, _instant(updated), bool(deleted), bytes(body))


def pairs_of(level: int, subject: str, domain: str) -> tuple[tuple[str, str], ...] | None:
    """The pairs of a head; None when they are in rows of their own."""
    if level == ONE_PAIR:
        return ((subject, domain),)
    return None if level == MANY_PAIRS else ()


def _of_key(version: Columns, head: Columns, *more: Any) -> Select[Any]:
    return (
        select(version.version, version.updated, version.deleted, version.body, *more)
        .where(head.study == study_is(), version.study == study_is(), version.pk == head.pk)
        .where(head.type == bindparam("type", type_=String), head.id == bindparam("id", type_=String))
    )


def _current(database: Database, gate: Gate | None) -> Executable:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = _of_key(version, head, head.level, head.subject, head.domain).where(version.version == head.version)
    return found.where(*gate.head(database, head)) if gate else found


def _version(database: Database, gate: Gate | None) -> Executable:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    asked = version.version == bindparam("version", type_=Integer)
    found = _of_key(version, head, head.level, head.subject, head.domain).where(asked)
    return found.where(*gate.head(database, head), *gate.version(database, version, head)) if gate else found


def _history(database: Database, gate: Gate | None) -> Executable:
    """An old version that stood with another subject is shown to readers of that subject's data only."""
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = _of_key(version, head).order_by(version.version.desc())
    return found.where(*gate.head(database, head), *gate.version(database, version, head)) if gate else found
