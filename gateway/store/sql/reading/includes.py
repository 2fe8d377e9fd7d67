"""`_include` and `_revinclude`: what a page's resources refer to, and who refers to them, each row gated."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, Executable, Integer, String, bindparam, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.core.resources import Key, Stored, Visibility
from gateway.search.query import Include
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Read
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import Rows
from gateway.store.sql.index.tables import TermRow
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.reader import stored
from gateway.store.sql.reading.types import all_types, types_of
from gateway.store.sql.tables import Columns, ResourceRow, VersionRow, columns_of
from gateway.store.sql.terms import of_parameter, of_reference
from gateway.store.sql.visible import study_is

INCLUDED: Final = 1_000
"""How many resources come along with one page at most."""

FEW_TYPES: Final = 8
"""Of more types that may refer to a page only those are asked that the study has."""

_GATES: Final = 128
"""For how many gates the statements stay compiled."""


class Includes:
    """Follows the includes of a page until nothing new is reached, or too much is."""

    def __init__(self, database: Database, indexes: Indexes, gates: Gates) -> None:
        self._database = database
        self._indexes = indexes
        self._gates = gates
        self._types = database.prepare(all_types())
        self._forward = lru_cache(maxsize=_GATES)(lambda gate: database.prepare(_forward(database, gate)))
        self._reverse = lru_cache(maxsize=_GATES)(lambda gate: database.prepare(_reverse(database, gate)))

    def of(
        self,
        read: Read,
        includes: Sequence[Include],
        found: Sequence[Stored],
        packed: Sequence[bytes],
        visibility: Visibility | None,
    ) -> tuple[tuple[Stored, ...], bool]:
        """What comes along with the rows `found`, whose index rows are `packed`; whether some was left out."""
        study = found[0].key.study
        gate, values = self._gates.of(visibility), {"study": study, **self._gates.values(visibility, study)}
        known = {one.key for one in found}
        new = list(zip(found, map(Rows.unpack, packed), strict=True))
        brought: list[Stored] = []
        is_first, is_cut = True, False
        while new and len(brought) <= INCLUDED:
            room = INCLUDED + 1 - len(brought)
            wanted = [one for one in includes if is_first or one.iterate]
            rows, is_full = self._reached(read, wanted, new, values | {"page_count": room + len(known)}, gate)
            is_cut = is_cut or is_full
            new = []
            for key, version, entries in rows:
                if key not in known:
                    known.add(key)
                    one = stored(key, version)
                    brought.append(one)
                    new.append((one, Rows.unpack(entries)))
            is_first = False
        return tuple(brought[:INCLUDED]), is_cut or len(brought) > INCLUDED

    def _reached(
        self,
        read: Read,
        includes: Iterable[Include],
        start: Sequence[tuple[Stored, Rows]],
        values: dict[str, Any],
        gate: Gate | None,
    ) -> tuple[list[tuple[Key, tuple[Any, ...], bytes]], bool]:
        """One round: what is reached, by one statement for each type, and whether one gave all that it may."""
        found, is_full = [], False
        wanted = tuple(includes)
        onward, backward = self._onward(wanted, start), self._backward(read, wanted, start)
        for statement, name, asked in ((self._forward, "ids", onward), (self._reverse, "hashes", backward)):
            for type, listed in asked.items():
                bound = values | {"type": type, name: as_list(self._database, list(listed))}
                rows = read(statement(gate), bound)
                is_full = is_full or len(rows) >= values["page_count"]
                for id, *version, entries in rows:
                    found.append((Key(values["study"], type, id), tuple(version), bytes(entries)))
        return found, is_full

    def _onward(
        self, includes: Iterable[Include], start: Sequence[tuple[Stored, Rows]]
    ) -> dict[str, dict[str, None]]:
        """Type -> the ids that are referred to."""
        ids: dict[str, dict[str, None]] = {}
        for include in includes:
            if not include.reverse:
                for type, id in self._leads(include, start):
                    ids.setdefault(type, {})[id] = None
        return ids

    def _leads(self, include: Include, start: Sequence[tuple[Stored, Rows]]) -> Iterator[tuple[str, str]]:
        indexes = self._indexes.of_study(start[0][0].key.study)
        how, known = indexes.of(include.source), indexes.parameters.of(include.source)[include.parameter]
        own = of_parameter(include.source, how.same.get(include.parameter, include.parameter), "reference")
        for one, rows in start:
            if one.key.type != include.source:
                continue
            for of, type, id in sorted(rows.references):
                if of == own and type in known.targets and include.target in (None, type):
                    yield type, id

    def _backward(
        self, read: Read, includes: Iterable[Include], start: Sequence[tuple[Stored, Rows]]
    ) -> dict[str, dict[int, None]]:
        """Type -> the hashes of its references to what is there; of many types only those that the study has."""
        asked = [include for include in includes if include.reverse]
        sources = {include.source for include in asked}
        if len(sources) > FEW_TYPES:
            there = types_of(read, self._types, start[0][0].key.study)
            asked = [include for type in there for include in asked if include.source == type]
        hashes: dict[str, dict[int, None]] = {}
        for include in asked:
            for one in self._referring(include, start):
                hashes.setdefault(include.source, {})[one] = None
        return hashes

    def _referring(self, include: Include, start: Sequence[tuple[Stored, Rows]]) -> Iterator[int]:
        indexes = self._indexes.of_study(start[0][0].key.study)
        how, known = indexes.of(include.source), indexes.parameters.of(include.source)[include.parameter]
        own = how.same.get(include.parameter, include.parameter)
        for one, _ in start:
            if include.target in (None, one.key.type) and one.key.type in known.targets:
                yield of_reference(include.source, own, one.key.reference)


def _body(database: Database, head: Columns, gate: Gate | None) -> tuple[list[Any], list[Any]]:
    version = columns_of(VersionRow)
    current = Conditions(database, gate=gate).current(head, bindparam("type", type_=String))
    joined = [version.study == study_is(), version.pk == head.pk, version.version == head.version]
    columns = [head.id, version.version, version.updated, version.deleted, version.body, version.entries]
    return columns, [*current, *joined]


def _forward(database: Database, gate: Gate | None) -> Executable:
    head = columns_of(ResourceRow)
    columns, where = _body(database, head, gate)
    found = select(*columns).where(*where, among(database, head.id, "ids"))
    return found.order_by(head.pk).limit(bindparam("page_count", type_=Integer))


def _reverse(database: Database, gate: Gate | None) -> Executable:
    """Newest first. SQLite reads of each hash no more than can come along; PostgreSQL is told to."""
    head, own = columns_of(ResourceRow), columns_of(TermRow)
    columns, where = _body(database, head, gate)
    count, newest = bindparam("page_count", type_=Integer), (own.at.desc(), own.pk.desc())
    refers = (own.study == study_is(), own.pk == head.pk)
    if database.is_sqlite:
        some = select(*columns).where(*refers, among(database, own.hash, "hashes"), *where)
        return some.order_by(*newest).limit(count)
    asked = func.unnest(cast(bindparam("hashes"), ARRAY(BigInteger))).table_valued("hash").render_derived()
    each = select(*columns, own.at.label("place_at"), own.pk.label("place_pk"))
    each = each.where(*refers, own.hash == asked.c.hash, *where).order_by(*newest).limit(count)
    found = each.correlate(asked).lateral()
    brought = [found.c[column.name] for column in columns]
    ordered = select(*brought).select_from(asked.join(found, true()))
    return ordered.order_by(found.c.place_at.desc(), found.c.place_pk.desc()).limit(count)
