"""What a writer may look at inside its transaction, so that what it writes can depend on it."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.access.reading.reach import narrowed
from gateway.access.scopes import require_scope
from gateway.access.writing.own import CONSENT, is_own, participant
from gateway.core.principal import Principal
from gateway.core.resources import Key, Lookup, Stored, Visibility
from gateway.definitions.catalogue import KINDS
from gateway.search import Query
from gateway.search.query import IdClause


@dataclass(frozen=True, slots=True)
class Finder:
    """Look-ups of one transaction, as one principal: what is hidden is not there.

    `seen` tells through whose eyes, by the scopes that allow the letters of `cruds` given to it. `any_version` says
    that the writer's role may replace what it does not see, as enrolment must. `read` sees the state before the
    transaction.
    """

    principal: Principal
    lookup: Lookup
    seen: Callable[[str], Visibility]
    any_version: bool
    read: Callable[[Key, Visibility | None], Stored | None]

    def search(self, query: Query, limit: int) -> list[Stored]:
        """At most `limit` of the visible resources that match; raises `Forbidden` without the scope to search."""
        return self.lookup(narrowed(query, self.principal), self.seen("s"), limit)

    def current(self, type: str, id: str) -> Stored | None:
        """The resource, None when it is absent or hidden; raises `Forbidden` without the scope to read."""
        require_scope(self.principal, type, "r")
        found = self._one(type, id, None) if type == CONSENT and participant(self.principal, "r") else None
        return found if found and is_own(found, self.principal) else self._one(type, id, self.seen("r"))

    def version(self, type: str, id: str) -> int:
        """The version of the resource, 0 when there is none that the writer may know of; its content is not told."""
        found = self._one(type, id, None if self.any_version else self.seen(""))
        if found is None and type == CONSENT and participant(self.principal, "u"):
            own = self._one(type, id, None)
            found = own if own and is_own(own, self.principal) else None
        return found.version if found else 0

    def is_deleted(self, type: str, id: str) -> bool:
        """Whether the resource was there and is deleted, as far as the writer may know."""
        visibility = None if self.any_version else self.seen("")
        found = self.read(Key(self.principal.study, type, id), visibility)
        return found is not None and found.deleted

    def _one(self, type: str, id: str, visibility: Visibility | None) -> Stored | None:
        found = self.lookup(Query(type, (IdClause((id,)),)), visibility, 1)
        if found or type not in KINDS:
            return found[0] if found else None
        definition = self.read(Key(self.principal.study, type, id), visibility)  # which nobody writes
        return None if definition is None or definition.deleted else definition
