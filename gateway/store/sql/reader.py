"""Reading single resources: the current version, a version, the history, all behind the consent predicate."""

from typing import Any

from sqlalchemy import Executable, Integer, Select, String, bindparam, select

from gateway.core.instants import from_micros
from gateway.core.resources import Key, Stored, Visibility
from gateway.store.sql.database import Database
from gateway.store.sql.tables import Columns, ResourceRow, VersionRow, columns_of
from gateway.store.sql.visible import study_is, visibility_values, visible


class ResourceReader:
    """Point reads, each one prepared statement; `gated` statements carry the consent predicate."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._current = {gated: database.prepare(_current(gated=gated)) for gated in (True, False)}
        self._version = {gated: database.prepare(_version(gated=gated)) for gated in (True, False)}
        self._history = {gated: database.prepare(_history(gated=gated)) for gated in (True, False)}

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """See `ResourceStore.read`."""
        values = _values(key, visibility)
        statements = self._current
        if version is not None:
            statements = self._version
            values["version"] = version
        rows = self._database.fetch(statements[visibility is not None], values)
        return stored(key, rows[0]) if rows else None

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """See `ResourceStore.history`."""
        rows = self._database.fetch(self._history[visibility is not None], _values(key, visibility))
        return [stored(key, row) for row in rows]


def stored(key: Key, row: tuple[Any, ...]) -> Stored:
    """The value of a row (version, updated, deleted, body)."""
    version, updated, deleted, body = row
    return Stored(key, version, from_micros(updated), bool(deleted), bytes(body))


def _values(key: Key, visibility: Visibility | None) -> dict[str, Any]:
    values = {"study": key.study, "type": key.type, "id": key.id}
    if visibility is not None:
        values.update(visibility_values(visibility, key.study))
    return values


def _of_key(version: Columns, head: Columns) -> Select[Any]:
    return (
        select(version.version, version.updated, version.deleted, version.body)
        .where(head.study == study_is(), version.study == study_is(), version.pk == head.pk)
        .where(head.type == bindparam("type", type_=String), head.id == bindparam("id", type_=String))
    )


def _current(*, gated: bool) -> Executable:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = _of_key(version, head).where(version.version == head.version)
    return found.where(visible(head)) if gated else found


def _version(*, gated: bool) -> Executable:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = _of_key(version, head).where(version.version == bindparam("version", type_=Integer))
    return found.where(visible(head), visible(version)) if gated else found


def _history(*, gated: bool) -> Executable:
    """An old version that stood with another subject is shown to readers of that subject's data only."""
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = _of_key(version, head).order_by(version.version.desc())
    return found.where(visible(head), visible(version)) if gated else found
