"""The port of the store that `gateway.access` reads and writes resources through, and the values it speaks in.

Every method takes the study, alone or inside a value: no call reads or writes two studies. Who keeps something else
in the store says so in a port of its own: `Landing` of `gateway.ingest`, `Rows` and `PastRows` of `gateway.audit`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gateway.core import Resource
from gateway.core.event import AuditRow, Event
from gateway.core.resources import Committed, Grant, Key, Stored, Unit, Visibility
from gateway.search import Query

CompileGrants: TypeAlias = Callable[[str, str, Sequence[Resource]], Sequence[Grant]]
"""(study, Patient id, every current Consent and ResearchSubject of that patient) -> the grants these give. Pure."""

Chain: TypeAlias = Callable[[bytes, Event, int], AuditRow]
"""(digest of the study's last audit row or b"", event, its sequence) -> the next row. Pure."""


Position: TypeAlias = tuple[int | str, ...]
"""A place in a result, opaque. It holds what its row is ordered by, a clinical date or a name: personal data."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a search result: `count` rows after the position `after` (`Found.next` of the page before)."""

    count: int
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search or of a history: visible rows only, newest first unless the query sorts.

    `total` counts the visible matches of the whole search, None unless `Query.total` asked for it; `next` is the
    position to go on from, None on the last page. `included` are the rows that the page's includes bring, without
    those that are matches of the page; `is_cut` says that there are more of them than are sent.
    """

    rows: tuple[Stored, ...]
    total: int | None
    next: Position | None
    included: tuple[Stored, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that a search is answered by: its text without values, and the planner's steps, outermost first."""

    text: str
    plan: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bodies:
    """One page of a search of one type, with no more than what is served of it.

    `ids`, `versions` and `bodies` go in step; `next`, `total` and `included` as in `Found`; `pairs` as in `Stored`,
    of all that is served.
    """

    type: str
    ids: Sequence[str]
    versions: Sequence[int]
    bodies: Sequence[bytes]
    next: Position | None
    pairs: tuple[tuple[str, str], ...] | None = None
    total: int | None = None
    included: tuple[Stored, ...] = ()

    @property
    def served(self) -> tuple[Sequence[str], Sequence[int]]:
        """The references of all that is served, and their versions."""
        references = [f"{self.type}/{id}" for id in self.ids]
        if not self.included:
            return references, self.versions
        brought = [one.key.reference for one in self.included]
        return [*references, *brought], [*self.versions, *(one.version for one in self.included)]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some resources of one type on their way out: `lines` are their bodies with a line feed behind each.

    `patients` are the participants whose data they hold; None when that is still to be asked, of the `ids`.
    """

    lines: bytes
    count: int
    patients: frozenset[str] | None = None
    ids: Sequence[str] = ()

    @property
    def bodies(self) -> list[bytes]:
        """The bodies: JSON has no line feed but between its tokens, and what is stored has none there."""
        return self.lines.split(b"\n")[:-1]


class ResourceStore(Protocol):
    """Resources with their versions, search index and consent grants.

    A `visibility` of None reads as the gateway itself, without consent: for `gateway.access` alone.
    """

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """The current version, or that `version`; None when it is absent or hidden. A deletion is a `Stored` too."""

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """The visible versions, newest first, deletions included; empty when the current version is hidden."""

    def changes(
        self,
        study: str,
        visibility: Visibility | None,
        *,
        type: str | None = None,
        id: str | None = None,
        since: int | None = None,
        at: tuple[int, int] | None = None,
        page: Page,
    ) -> Found:
        """One page of the visible versions, newest first, deletions included: of a resource, a type or the study.

        `since` (microseconds) keeps versions made at that instant or later, `at` those that were current at some
        moment of the interval [low, high). A version whose resource is hidden now is hidden too. Raises ValueError
        for an id without a type. See https://hl7.org/fhir/R4/http.html#history.
        """

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """One page of the visible current resources that match."""

    def explain(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> tuple[Statement, ...]:
        """How `search` would be answered: no value, row or number of rows is told."""

    def newest(self, query: Query, study: str, visibility: Visibility | None, most: int) -> tuple[Stored, ...]:
        """The visible current resources of one type that match, newest first: `most` at most of those that have
        the same codes, categories, status and other values of few. The query's order, count and includes do not
        matter."""

    def search_briefly(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """As `search`, for an event loop: None when the search is not one that the database answers at once."""

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """Every visible match of a query, or of a type, oldest first, in constant memory.

        Rows are fetched in batches, each under the grants of its moment: a withdrawal takes effect in mid-stream.
        """

    def batches(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """What `stream` gives, a batch of bodies at a time; the whole of a type in no order that means anything."""

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """The keys whose token `parameter` has exactly this system and value; not consent-gated."""

    def commit(self, unit: Unit) -> tuple[Committed, ...]:
        """Makes a unit durable, all of it or nothing.

        Answers one `Committed` a change: those that `unit.prepare` returned, then those of `unit.changes`.

        Raises `PreconditionFailed` when an `if_match` does not hold (0 means: must not exist), `NotFound` for the
        deletion of a resource that never was, `Unprocessable` when a resource does not carry its key's type and id.
        """

    def commit_all(self, units: Sequence[Unit]) -> list[tuple[Committed, ...] | BaseException]:
        """Commits units that have nothing to do with each other, together where the database gains by it; for each
        what `commit` would answer, or what it would raise."""

    def regrant(self, study: str) -> int:
        """Makes all grants of the study again, after its consent policy changed; how many subjects it has."""

    def consent_epoch(self, study: str, subject: str) -> int:
        """A number that rises whenever a Consent or ResearchSubject of a participant changes; 0 before the first."""

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """The ids of the participants with whom resources stand, by references such as `Observation/1`; what is
        deleted stands where it stood before."""
