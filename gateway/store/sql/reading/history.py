"""Histories page by page: the versions of a resource, of a type, or of the study, newest first.

A type's history is two lists, the current versions and the replaced ones, each read in the order of its index and
merged here; a study's is that of all its types. Keys and placements are read first, bodies for the page alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from typing import Any, Final

from sqlalchemy import BigInteger, Executable, Integer, Select, String, bindparam, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.core.instants import FOREVER_AFTER
from gateway.core.resources import Key, Stored, Visibility
from gateway.store.port import Found, Page
from gateway.store.sql.among import as_list
from gateway.store.sql.database import Database, Prepared, Read
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.reader import stored
from gateway.store.sql.reading.types import all_types, types_of
from gateway.store.sql.tables import ReplacedRow, ResourceRow, VersionRow, columns_of
from gateway.store.sql.visible import study_is

_TOP: Final = (FOREVER_AFTER, (1 << 63) - 1)
"""A position above every version."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one call of `HistoryReader.changes` asks for; instants in microseconds."""

    study: str
    gate: Gate | None
    gated: Mapping[str, Any]
    since: int
    low: int
    high: int
    page: Page

    def values(self, type: str) -> dict[str, Any]:
        """The parameters of the statements for one type."""
        updated, pk = self.page.after or _TOP  # of a resource: its version, and nothing
        values = {"study": self.study, "type": type, "since": self.since, "at_low": self.low, "at_high": self.high}
        values |= {"after_updated": updated, "after_pk": pk, "page_count": self.page.count + 1}
        return {**values, **self.gated}


class HistoryReader:
    """Implements `ResourceStore.changes`."""

    def __init__(self, database: Database, gates: Gates) -> None:
        self._database = database
        self._gates = gates
        self._types = database.prepare(all_types())
        self._bodies = database.prepare(_bodies(database))
        self._statement = lru_cache(maxsize=128)(self._prepare)

    def _prepare(self, kind: str, gate: Gate | None) -> Prepared:
        make = {"heads": _heads, "replaced": _replaced, "instance": _instance}[kind]
        return self._database.prepare(make(self._database, gate))

    def changes(
        self,
        study: str,
        visibility: Visibility | None,
        *,
        type: str | None,
        id: str | None,
        since: int | None,
        at: tuple[int, int] | None,
        page: Page,
    ) -> Found:
        """See `ResourceStore.changes`."""
        if id is not None and type is None:
            raise ValueError("an id without a type")
        low, high = at or (-FOREVER_AFTER, FOREVER_AFTER)
        gate, values = self._gates.of(visibility), self._gates.values(visibility, study)
        asked = _Asked(study, gate, values, -FOREVER_AFTER if since is None else since, low, high, page)
        if page.count < 1:
            return Found((), None, None)
        if type is not None and id is not None:
            return self._of_instance(asked, Key(study, type, id))
        return self._database.read_one_state(lambda read: self._merged(read, asked, type))

    def _of_instance(self, asked: _Asked, key: Key) -> Found:
        values = asked.values(key.type) | {"id": key.id}
        rows = self._database.fetch(self._statement("instance", asked.gate), values)
        page = tuple(stored(key, row) for row in rows[: asked.page.count])
        return Found(page, None, (page[-1].version, 0) if len(rows) > len(page) else None)

    def _merged(self, read: Read, asked: _Asked, type: str | None) -> Found:
        types = [type] if type else types_of(read, self._types, asked.study)
        lists = [
            read(self._statement(kind, asked.gate), asked.values(name))
            for name in types
            for kind in ("heads", "replaced")
        ]
        rows = list(merge(*lists, key=lambda row: row[:2], reverse=True))
        bodies = self._versions(read, asked, rows[: asked.page.count])
        last = rows[len(bodies) - 1] if len(rows) > len(bodies) else None
        return Found(bodies, None, (last[0], last[1]) if last else None)

    def _versions(self, read: Read, asked: _Asked, rows: Sequence[Sequence[Any]]) -> tuple[Stored, ...]:
        """The versions themselves; the state that is read is still the one in which they were visible."""
        if not rows:
            return ()
        pairs = [(row[1], row[2]) for row in rows]
        if self._database.is_sqlite:
            lists: dict[str, Any] = {"pairs": as_list(self._database, pairs)}
        else:
            lists = {"pks": [pk for pk, _ in pairs], "versions": [number for _, number in pairs]}
        found = {(pk, number): told for pk, number, *told in read(self._bodies, {"study": asked.study, **lists})}
        return tuple(
            stored(Key(asked.study, type, id), (version, updated, *found[pk, version]))
            for updated, pk, version, type, id in rows
        )


def _within(updated: Any, until: Any | None) -> list[Any]:
    since, low, high = (bindparam(name, type_=BigInteger) for name in ("since", "at_low", "at_high"))
    alive = [updated >= since, updated < high]
    return alive if until is None else [*alive, until > low]


def _before(updated: Any, pk: Any) -> Any:
    after = tuple_(bindparam("after_updated", type_=BigInteger), bindparam("after_pk", type_=BigInteger))
    return tuple_(updated, pk) < after


def _newest_first(found: Select[Any], updated: Any, pk: Any) -> Select[Any]:
    return found.order_by(updated.desc(), pk.desc()).limit(bindparam("page_count", type_=Integer))


def _heads(database: Database, gate: Gate | None) -> Executable:
    head = columns_of(ResourceRow)
    found = select(head.updated, head.pk, head.version, head.type, head.id).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        *_within(head.updated, None),
        _before(head.updated, head.pk),
    )
    return _newest_first(found.where(*gate.head(database, head)) if gate else found, head.updated, head.pk)


def _replaced(database: Database, gate: Gate | None) -> Executable:
    """An old version is shown to those who may see it and the resource as it is now."""
    own, head, version = columns_of(ReplacedRow), columns_of(ResourceRow), columns_of(VersionRow)
    of_type = bindparam("type", type_=String)
    found = select(own.updated, own.pk, own.version, head.type, head.id).where(
        own.study == study_is(),
        own.type == of_type,
        *_within(own.updated, own.until),
        _before(own.updated, own.pk),
        head.study == study_is(),
        head.type == of_type,
        head.pk == own.pk,
    )
    if gate:
        same = (version.study == study_is(), version.pk == own.pk, version.version == own.version)
        found = found.where(*same, *gate.head(database, head), *gate.version(database, version, head))
    return _newest_first(found, own.updated, own.pk)


def _instance(database: Database, gate: Gate | None) -> Executable:
    """Versions of one resource; what replaced one is the version after it."""
    head, version, later = columns_of(ResourceRow), columns_of(VersionRow), columns_of(VersionRow)
    after = select(later.updated).where(
        later.study == study_is(), later.pk == version.pk, later.version == version.version + 1
    )
    until = func.coalesce(after.correlate(version.pk.table).scalar_subquery(), literal(FOREVER_AFTER, BigInteger))
    found = select(version.version, version.updated, version.deleted, version.body).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        head.id == bindparam("id", type_=String),
        version.study == study_is(),
        version.pk == head.pk,
        version.version < bindparam("after_updated", type_=BigInteger),
        *_within(version.updated, until),
    )
    found = found.where(*gate.head(database, head), *gate.version(database, version, head)) if gate else found
    return found.order_by(version.version.desc()).limit(bindparam("page_count", type_=Integer))


def _bodies(database: Database) -> Executable:
    """The versions that are named: by `pairs` of key and version on SQLite, else by `pks` and `versions` in step."""
    version = columns_of(VersionRow)
    if database.is_sqlite:
        named: Any = func.json_each(bindparam("pairs")).table_valued("value")
        pk, number = (func.json_extract(named.c.value, place) for place in ("$[0]", "$[1]"))
    else:
        arrays = (cast(bindparam(name), ARRAY(type)) for name, type in (("pks", BigInteger), ("versions", Integer)))
        named = func.unnest(*arrays).table_valued("pk", "version").render_derived()
        pk, number = named.c.pk, named.c.version
    wanted = (version.study == study_is(), version.pk == pk, version.version == number)
    return select(version.pk, version.version, version.deleted, version.body).select_from(named).where(*wanted)
