"""The store with the definitions and terminology of the asset folders beside it: found, and never written.

No participant is in them, so that no Consent is asked; the client's scopes are. What is stored at the same id wins.
They come before what is stored, in the order of their ids or of the sort, where their type is named; searches of
every type, histories, exports and whole records are of what is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from msgspec import structs

from gateway.access.reading.limits import ScopeLimits
from gateway.core.errors import MethodNotAllowed
from gateway.core.issues import issue
from gateway.core.resources import Change, Committed, Key, Lookup, Placement, Stored, Unit, Visibility
from gateway.definitions.catalogue import KINDS, Catalogue, Definition
from gateway.search import Parameters, Query
from gateway.search.match import Subject, holds
from gateway.search.ordering import ordered
from gateway.search.query import IdClause, UriClause
from gateway.store.port import Batch, Bodies, Found, Page, Position, ResourceStore, Statement

_HERE: Final = "catalogue"
"""How a position starts that is among the definitions."""

_OF_ALL: Final = Placement(study_level=True)


class CataloguedStore:
    """A `ResourceStore` that finds the definitions of a catalogue too."""

    def __init__(
        self, store: ResourceStore, catalogue: Catalogue, parameters: Parameters, limits: ScopeLimits
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._parameters = parameters
        self._limits = limits
        self._subjects: dict[tuple[Parameters, str, str, int], Subject] = {}

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """See `ResourceStore.read`."""
        found = self._store.read(key, visibility, version)
        if key.type not in KINDS or (found is not None and not found.deleted):
            return found
        one = self._at(key, visibility)
        return self._stored(key, one) if one and version in (None, one.version) else found

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """See `ResourceStore.history`."""
        return self._store.history(key, visibility)

    def changes(self, study: str, visibility: Visibility | None, **asked: Any) -> Found:
        """See `ResourceStore.changes`: of a definition its one version."""
        found = self._store.changes(study, visibility, **asked)
        if found.rows or not asked.get("id") or asked["type"] not in KINDS:
            return found
        own = self.read(Key(study, asked["type"], asked["id"]), visibility)
        is_plain = asked["page"].after is None and asked.get("since") is None and asked.get("at") is None
        return Found((own,), None, None) if own and is_plain else found

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`."""
        if not _kinds(query) or visibility is None or visibility.action != "access":
            return self._store.search(query, study, visibility, page)
        here = self._matches(query, study, visibility)
        at = _place(page.after)
        if at is None:
            found = self._store.search(query, study, visibility, page)
            return found if found.total is None else replace(found, total=found.total + len(here))
        rows = tuple(self._stored(_key(study, one), one) for one in islice(here, at, at + page.count))
        left = page.count - len(rows)
        found = self._store.search(query, study, visibility, Page(left))
        total = None if found.total is None else found.total + len(here)
        following = found.next if left else self._following(query, study, visibility, at + len(rows), len(here))
        return replace(found, rows=(*rows, *found.rows), total=total, next=following if page.count else None)

    def _following(self, query: Query, study: str, visibility: Visibility, at: int, count: int) -> Position | None:
        plain = replace(query, total="", includes=())
        is_any_left = at < count or self._store.search(plain, study, visibility, Page(1)).rows
        return (_HERE, at) if is_any_left else None

    def explain(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> tuple[Statement, ...]:
        """See `ResourceStore.explain`."""
        at_first = _place(page.after) is not None
        return self._store.explain(query, study, visibility, replace(page, after=None) if at_first else page)

    def newest(self, query: Query, study: str, visibility: Visibility | None, most: int) -> tuple[Stored, ...]:
        """See `ResourceStore.newest`."""
        return self._store.newest(query, study, visibility, most)

    def search_briefly(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """See `ResourceStore.search_briefly`."""
        return None if _kinds(query) else self._store.search_briefly(query, study, visibility, page)

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`."""
        return self._store.stream(query, study, visibility)

    def batches(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """See `ResourceStore.batches`."""
        return self._store.batches(query, study, visibility)

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """See `ResourceStore.find`."""
        return self._store.find(study, type, parameter, system, value)

    def commit(self, unit: Unit) -> tuple[Committed, ...]:
        """See `ResourceStore.commit`; `MethodNotAllowed` for a write at the id of a definition."""
        return self._store.commit(self._guarded(unit))

    def commit_all(self, units: Sequence[Unit]) -> list[tuple[Committed, ...] | BaseException]:
        """See `ResourceStore.commit_all`."""
        return self._store.commit_all([self._guarded(unit) for unit in units])

    def regrant(self, study: str) -> int:
        """See `ResourceStore.regrant`."""
        return self._store.regrant(study)

    def consent_epoch(self, study: str, subject: str) -> int:
        """See `ResourceStore.consent_epoch`."""
        return self._store.consent_epoch(study, subject)

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """See `ResourceStore.patients_of`."""
        return self._store.patients_of(study, references)

    def _guarded(self, unit: Unit) -> Unit:
        self._checked(unit.changes)
        prepare = unit.prepare
        if prepare is None:
            return unit

        def guarded(lookup: Lookup) -> Sequence[Change]:
            return self._checked(prepare(lookup))

        return structs.replace(unit, prepare=guarded)

    def _checked(self, changes: Sequence[Change]) -> Sequence[Change]:
        for change in changes:
            if change.key.type in KINDS and self._at(change.key, None) and not self._is_stored(change.key):
                raise MethodNotAllowed(issue("store.definition", expression=change.key.type))
        return changes

    def _is_stored(self, key: Key) -> bool:
        found = self._store.read(key, None)
        return found is not None and not found.deleted

    def _at(self, key: Key, visibility: Visibility | None) -> Definition | None:
        one = self._catalogue.of(key.study, key.type).get(key.id)
        return one if one and self._is_seen(one, visibility) else None

    def _is_seen(self, one: Definition, visibility: Visibility | None) -> bool:
        if visibility is None:
            return True
        return self._limits.of_study(visibility.study).permits(visibility.limits, one.resource, _OF_ALL)

    def _stored(self, key: Key, one: Definition) -> Stored:
        return Stored(key, one.version, self._catalogue.since, deleted=False, body=one.body)

    def _matches(self, query: Query, study: str, visibility: Visibility) -> list[Definition]:
        """The definitions that match and that nothing stored replaces, in order."""
        found = {_key(study, one): one for type in _kinds(query) for one in self._of(type, query, study, visibility)}
        if not query.sort:
            return list(found.values())
        parameters = self._parameters.of_study(study)
        in_order = ordered(query.sort, [one.resource for one in found.values()], parameters)
        return [found[Key(study, one["resourceType"], one["id"])] for one in in_order]

    def _of(self, type: str, query: Query, study: str, visibility: Visibility) -> list[Definition]:
        """Those of one type, in the order of their ids."""
        known, clauses = self._catalogue.of(study, type), query.clauses_of(type)
        some = [one for one in _named(query, known.values()) if self._is_seen(one, visibility)]
        parameters = self._parameters.of_study(study)
        found = [one for one in some if all(holds(clause, self._subject(one, parameters)) for clause in clauses)]
        if not found:
            return []
        there = Query(type, (IdClause(tuple(one.id for one in found)),))
        replaced = {row.key.id for row in self._store.search(there, study, None, Page(len(found))).rows}
        return [one for one in found if one.id not in replaced]

    def _subject(self, one: Definition, parameters: Parameters) -> Subject:
        """The definition with its index entries, which are made once."""
        key = (parameters, one.resource["resourceType"], one.id, one.version)
        return self._subjects.setdefault(key, Subject(one.resource, parameters, ()))


def _kinds(query: Query) -> tuple[str, ...]:
    """The types of definitions that a search names."""
    return tuple(type for type in ((query.type,) if query.type else query.types) if type in KINDS)


def _key(study: str, one: Definition) -> Key:
    return Key(study, one.resource["resourceType"], one.id)


def _named(query: Query, definitions: Any) -> Iterator[Definition]:
    """Those whose url may be the one asked for: most clients ask by it, and nothing else need be looked into."""
    asked = [clause for clause in query.clauses if isinstance(clause, UriClause) and clause.parameter == "url"]
    urls = set(asked[0].values) if asked and asked[0].how == "exact" else None
    return (one for one in definitions if urls is None or one.resource.get("url") in urls)


def _place(after: Position | None) -> int | None:
    """How many definitions are before a position; None where it is beyond them all, among what is stored."""
    if after is None:
        return 0
    return int(after[1]) if after[0] == _HERE else None
