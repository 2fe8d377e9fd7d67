"""What each change of a resource becomes: a new version, another placement, or nothing; collected as rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gateway.core import Resource, issue, loads
from gateway.core.errors import NotFound, PreconditionFailed
from gateway.core.instants import from_micros
from gateway.core.resources import Change, Committed, Key, Stored
from gateway.search import Parameters, extract
from gateway.store.sql.bodies import Encoded, encode, same_content
from gateway.store.sql.grants import CONSENT, consent_subject, consent_term
from gateway.store.sql.placing import Placed, placed
from gateway.store.sql.tables import MANY_PAIRS, UNORDERED
from gateway.store.sql.terms import NO_ROWS, Rows, index_rows

_MILLISECOND: Final = 1_000
"""Microseconds between two versions of a resource at least: `meta.lastUpdated` shows milliseconds."""


@dataclass(frozen=True, slots=True)
class Head:
    """The current version of a resource, as a change finds it."""

    pk: int
    version: int
    updated: int
    deleted: bool
    placed: Placed
    ordered: int
    digest: bytes
    entries: bytes
    body: bytes


@dataclass(slots=True)
class Batch:
    """The rows of one write, by statement; tuples are in the order of the table's columns."""

    heads: list[tuple[Any, ...]] = field(default_factory=list)
    new_heads: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    replaced: list[tuple[Any, ...]] = field(default_factory=list)
    pairs: list[tuple[Any, ...]] = field(default_factory=list)
    old_pairs: list[dict[str, Any]] = field(default_factory=list)
    copied_pairs: list[dict[str, Any]] = field(default_factory=list)
    terms: list[tuple[Any, ...]] = field(default_factory=list)
    old_terms: list[dict[str, Any]] = field(default_factory=list)
    dates: list[tuple[Any, ...]] = field(default_factory=list)
    old_dates: list[dict[str, Any]] = field(default_factory=list)


class Planner:
    """Turns the changes of one study into a `Batch`, at one instant (`now`, in microseconds).

    `subjects` are the Patients whose Consents change.
    """

    def __init__(self, study: str, now: int, parameters: Parameters, take_key: Callable[[], int]) -> None:
        self.batch = Batch()
        self._study = study
        self._now = now - now % _MILLISECOND
        self._parameters = parameters
        self._take_key = take_key
        self.subjects: set[str] = set()

    def plan(self, change: Change, head: Head | None) -> Committed:
        """What becomes of a change, given the current version or None; see `ResourceStore.commit` for refusals."""
        _check_version(change, head)
        if head and change.order is not None and change.order < head.ordered:
            return Committed(_stored(change.key, head.version, head.updated, head.body), "superseded")
        if change.resource is None:
            return self._delete(change.key, head)
        encoded = encode(change.key, change.resource)
        if head and not head.deleted and (head.digest == encoded.digest or same_content(head.body, change.resource)):
            self._move(change, head)
            return Committed(_stored(change.key, head.version, head.updated, head.body), "unchanged")
        return self._write(change, change.resource, encoded, head)

    def _write(self, change: Change, resource: Resource, encoded: Encoded, head: Head | None) -> Committed:
        key, study, batch = change.key, self._study, self.batch
        rows = self._rows(key, resource)
        columns, pairs = placed(change.placement)
        if head:
            pk, version, updated = head.pk, head.version + 1, max(self._now, head.updated + _MILLISECOND)
            self._note_consent(key, head.body)
            self._update_head(key, pk, version, updated, _order(change, head), columns)
            batch.replaced.append((study, key.type, head.updated, pk, head.version, updated))
        else:
            pk, version, updated = self._take_key(), 1, self._now
            batch.heads.append((study, key.type, pk, key.id, version, updated, False, *columns, _order(change, None)))
        body = encoded.body(version, updated)
        packed = rows.pack()
        batch.versions.append((study, pk, version, updated, False, *columns, encoded.digest, packed, body))
        batch.pairs += [(study, pk, version, *pair) for pair in pairs]
        self._index(pk, Rows.unpack(head.entries) if head else NO_ROWS, rows)
        outcome: Literal["created", "updated"] = "updated" if head and not head.deleted else "created"
        return Committed(_stored(key, version, updated, body), outcome)

    def _delete(self, key: Key, head: Head | None) -> Committed:
        if head is None:
            raise NotFound(issue("store.not-found", type=key.type))
        if head.deleted:
            return Committed(_stored(key, head.version, head.updated, b""), "unchanged")
        study, pk, version = self._study, head.pk, head.version + 1
        updated = max(self._now, head.updated + _MILLISECOND)
        self._update_head(key, pk, version, updated, head.ordered, head.placed, deleted=True)
        self.batch.replaced.append((study, key.type, head.updated, pk, head.version, updated))
        self._note_consent(key, head.body)
        packed = NO_ROWS.pack()
        self.batch.versions.append((study, pk, version, updated, True, *head.placed, b"", packed, b""))
        if head.placed[0] == MANY_PAIRS:
            self.batch.copied_pairs.append(
                {"b_study": study, "b_pk": pk, "b_version": head.version, "b_new": version}
            )
        self._index(pk, Rows.unpack(head.entries), NO_ROWS)
        return Committed(_stored(key, version, updated, b""), "deleted")

    def _move(self, change: Change, head: Head) -> None:
        """Places unchanged content anew when the study's domains say so; it is no new version. Its order goes on."""
        columns, pairs = placed(change.placement)
        order, stays = _order(change, head), columns == head.placed and not pairs
        if stays and order == head.ordered:
            return
        self._update_head(change.key, head.pk, head.version, head.updated, order, columns)
        if stays:
            return
        where = {"b_study": self._study, "b_pk": head.pk, "b_version": head.version}
        self.batch.moved.append({**where, **_placed_values(columns)})
        self.batch.old_pairs.append(where)
        self.batch.pairs += [(self._study, head.pk, head.version, *pair) for pair in pairs]

    def _rows(self, key: Key, resource: Resource) -> Rows:
        rows = index_rows(key.type, extract(resource, self._parameters))
        subject = consent_subject(resource) if key.type == CONSENT else ""
        if not subject:
            return rows
        self.subjects.add(subject)
        return Rows(rows.terms | {consent_term(subject)}, rows.dates)

    def _note_consent(self, key: Key, old: bytes) -> None:
        """The grants of the patient that a Consent named until now change too."""
        subject = consent_subject(loads(old)) if key.type == CONSENT and old else ""
        if subject:
            self.subjects.add(subject)

    def _update_head(
        self, key: Key, pk: int, version: int, updated: int, order: int, columns: Placed, *, deleted: bool = False
    ) -> None:
        where = {"b_study": self._study, "b_type": key.type, "b_pk": pk}
        state = {"b_version": version, "b_updated": updated, "b_deleted": deleted, "b_ordered": order}
        self.batch.new_heads.append({**where, **state, **_placed_values(columns)})

    def _index(self, pk: int, old: Rows, new: Rows) -> None:
        study, batch = self._study, self.batch
        if old is NO_ROWS:
            batch.terms += [(study, term, pk) for term in new.terms]
            batch.dates += [(study, of, pk, low, high) for of, low, high in new.dates]
            return
        batch.terms += [(study, term, pk) for term in new.terms - old.terms]
        batch.dates += [(study, of, pk, low, high) for of, low, high in new.dates - old.dates]
        batch.old_terms += [{"b_study": study, "b_hash": term, "b_pk": pk} for term in old.terms - new.terms]
        batch.old_dates += [
            {"b_study": study, "b_hash": of, "b_low": low, "b_high": high, "b_pk": pk}
            for of, low, high in old.dates - new.dates
        ]


def _check_version(change: Change, head: Head | None) -> None:
    if change.if_match is None:
        return
    current = head.version if head else 0
    if change.if_match != current and not (change.if_match == 0 and head and head.deleted):
        raise PreconditionFailed(issue("store.version-conflict", type=change.key.type))


def _order(change: Change, head: Head | None) -> int:
    """The newest order that is known for the resource; it never goes back."""
    return max(UNORDERED if change.order is None else change.order, head.ordered if head else UNORDERED)


def _stored(key: Key, version: int, updated: int, body: bytes) -> Stored:
    return Stored(key, version, from_micros(updated), not body, body)


def _placed_values(columns: Placed) -> dict[str, Any]:
    level, subject, domain, low, high = columns
    return {"b_level": level, "b_subject": subject, "b_domain": domain, "b_low": low, "b_high": high}
