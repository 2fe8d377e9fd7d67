"""`_include` and `_revinclude`: what a page's resources refer to, and who refers to them, each row gated."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, Executable, Integer, String, bindparam, select

from gateway.core.resources import Key, Stored, Visibility
from gateway.search.query import Include
from gateway.store.sql.among import among, as_list
from gateway.store.sql.conditions import Conditions
from gateway.store.sql.database import Database, Read
from gateway.store.sql.index_tables import TermRow
from gateway.store.sql.indexing import Indexes
from gateway.store.sql.limiting import Gate, Gates
from gateway.store.sql.reader import stored
from gateway.store.sql.rows import Rows
from gateway.store.sql.tables import Columns, ResourceRow, VersionRow, columns_of
from gateway.store.sql.terms import of_parameter, of_reference
from gateway.store.sql.visible import study_is

INCLUDED: Final = 1_000
"""How many resources come along with one page at most."""

_GATES: Final = 128
"""For how many gates the statements stay compiled."""


class Includes:
    """Follows the includes of a page until nothing new is reached, or too much is."""

    def __init__(self, database: Database, indexes: Indexes, gates: Gates) -> None:
        self._database = database
        self._indexes = indexes
        self._gates = gates
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
        is_first = True
        while new and len(brought) <= INCLUDED:
            room = INCLUDED + 1 - len(brought)
            wanted = [one for one in includes if is_first or one.iterate]
            rows = self._reached(read, wanted, new, values | {"page_count": room + len(known)}, gate)
            new = []
            for key, version, entries in rows:
                if key not in known:
                    known.add(key)
                    one = stored(key, version)
                    brought.append(one)
                    new.append((one, Rows.unpack(entries)))
            is_first = False
        return tuple(brought[:INCLUDED]), len(brought) > INCLUDED

    def _reached(
        self,
        read: Read,
        includes: Iterable[Include],
        start: Sequence[tuple[Stored, Rows]],
        values: dict[str, Any],
        gate: Gate | None,
    ) -> list[tuple[Key, tuple[Any, ...], bytes]]:
        found = []
        for include in includes:
            asked = self._backward(include, start) if include.reverse else self._onward(include, start)
            statement = (self._reverse if include.reverse else self._forward)(gate)
            for type, name, value in asked:
                bound = values | {"type": type, name: as_list(self._database, value) if name == "ids" else value}
                for id, *version, entries in read(statement, bound):
                    found.append((Key(values["study"], type, id), tuple(version), bytes(entries)))
        return found

    def _onward(self, include: Include, start: Sequence[tuple[Stored, Rows]]) -> list[tuple[str, str, Any]]:
        how = self._indexes.of(include.source)
        known = self._indexes.parameters.of(include.source)[include.parameter]
        own = of_parameter(include.source, how.same.get(include.parameter, include.parameter), "reference")
        ids: dict[str, dict[str, None]] = {}
        for one, rows in start:
            if one.key.type != include.source:
                continue
            for of, type, id in sorted(rows.references):
                if of == own and type in known.targets and include.target in (None, type):
                    ids.setdefault(type, {})[id] = None
        return [(type, "ids", list(several)) for type, several in ids.items()]

    def _backward(self, include: Include, start: Sequence[tuple[Stored, Rows]]) -> list[tuple[str, str, Any]]:
        how = self._indexes.of(include.source)
        known = self._indexes.parameters.of(include.source)[include.parameter]
        own = how.same.get(include.parameter, include.parameter)
        hashes = [
            of_reference(include.source, own, one.key.reference)
            for one, _ in start
            if include.target in (None, one.key.type) and one.key.type in known.targets
        ]
        return [(include.source, "hash", one) for one in hashes]


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
    head, own = columns_of(ResourceRow), columns_of(TermRow)
    columns, where = _body(database, head, gate)
    refers = (own.study == study_is(), own.hash == bindparam("hash", type_=BigInteger), own.pk == head.pk)
    found = select(*columns).where(*refers, *where)
    return found.order_by(own.at.desc(), own.pk.desc()).limit(bindparam("page_count", type_=Integer))
