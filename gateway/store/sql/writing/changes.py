"""What each change of a resource becomes: a new version, another placement, or nothing; collected as rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import structs

from gateway.core import Resource, issue, loads
from gateway.core.errors import NotFound, PreconditionFailed
from gateway.core.instants import from_micros
from gateway.core.kinds import Kind
from gateway.core.resources import Change, Committed, Key, Stored
from gateway.store.sql.consent.grants import STUDY
from gateway.store.sql.consent.placing import Placed, placed
from gateway.store.sql.index.consents import CONSENT, SUBJECT, consent_subject
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import Rows, no_rows
from gateway.store.sql.index.writer import IndexBatch
from gateway.store.sql.tables import MANY_PAIRS, UNORDERED
from gateway.store.sql.terms import digest
from gateway.store.sql.writing.bodies import Encoded, encode, same_content

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
    at: int
    until: int
    facet: int
    kind: int
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
    index: IndexBatch = field(default_factory=IndexBatch)


class Planner:
    """Turns the changes of one study into a `Batch`, at one instant (`now`, in microseconds).

    `subjects` are the Patients whose Consents change, and `STUDY` where a resource is placed anew; `kinds` are the
    kinds that changes have.
    """

    def __init__(self, study: str, now: int, indexes: Indexes, take_key: Callable[[], int]) -> None:
        self.batch = Batch()
        self._study = study
        self._now = now - now % _MILLISECOND
        self._indexes = indexes
        self._take_key = take_key
        self.subjects: set[str] = set()
        self.kinds: dict[int, Kind] = {}

    def plan(self, change: Change, head: Head | None) -> Committed:
        """What becomes of a change, given the current version or None; see `ResourceStore.commit` for refusals."""
        if change.revise is not None:
            revised = change.revise(loads(head.body)) if head and not head.deleted else None
            if revised is None:
                return Committed(_as_it_is(change.key, head), "unchanged")
            change = structs.replace(change, resource=revised[0], placement=revised[1])
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
        kind = self._kind(change)
        if head:
            pk, version, updated = head.pk, head.version + 1, max(self._now, head.updated + _MILLISECOND)
            self._note_consent(key, head.body)
            self._update_head(key, pk, version, updated, _order(change, head), columns, kind, _found_by(rows))
            batch.replaced.append((study, key.type, head.updated, pk, head.version, updated))
        else:
            pk, version, updated = self._take_key(), 1, self._now
            state = (version, updated, False, *columns, _order(change, None), *_found_by(rows))
            batch.heads.append((study, key.type, pk, key.id, *state, digest(key.reference.encode()), kind))
        body = encoded.body(version, updated)
        packed = rows.pack()
        batch.versions.append((study, pk, version, updated, False, *columns, encoded.digest, packed, body, kind))
        batch.pairs += [(study, pk, version, *pair) for pair in pairs]
        batch.index.replace(study, pk, Rows.unpack(head.entries) if head else None, rows)
        outcome: Literal["created", "updated"] = "updated" if head and not head.deleted else "created"
        return Committed(_stored(key, version, updated, body), outcome, bytes(head.body) if head else b"")

    def _delete(self, key: Key, head: Head | None) -> Committed:
        if head is None:
            raise NotFound(issue("store.not-found", type=key.type))
        if head.deleted:
            return Committed(_stored(key, head.version, head.updated, b""), "unchanged")
        study, pk, version = self._study, head.pk, head.version + 1
        updated = max(self._now, head.updated + _MILLISECOND)
        gone = no_rows()
        state = (head.ordered, head.placed, head.kind, _found_by(gone))
        self._update_head(key, pk, version, updated, *state, deleted=True)
        self.batch.replaced.append((study, key.type, head.updated, pk, head.version, updated))
        self._note_consent(key, head.body)
        self.batch.versions.append(
            (study, pk, version, updated, True, *head.placed, b"", gone.pack(), b"", head.kind)
        )
        if head.placed[0] == MANY_PAIRS:
            self.batch.copied_pairs.append(
                {"b_study": study, "b_pk": pk, "b_version": head.version, "b_new": version}
            )
        self.batch.index.replace(study, pk, Rows.unpack(head.entries), gone)
        return Committed(_stored(key, version, updated, b""), "deleted", bytes(head.body))

    def _move(self, change: Change, head: Head) -> None:
        """Places unchanged content anew when the study's domains say so; it is no new version. Its order goes on."""
        columns, pairs = placed(change.placement)
        order, kind = _order(change, head), self._kind(change)
        stays = columns == head.placed and not pairs and kind == head.kind
        if stays and order == head.ordered:
            return
        found_by = (head.at, head.until, head.facet)
        self._update_head(change.key, head.pk, head.version, head.updated, order, columns, kind, found_by)
        if stays:
            return
        self.subjects.add(STUDY)
        where = {"b_study": self._study, "b_pk": head.pk, "b_version": head.version}
        self.batch.moved.append({**where, **_placed_values(columns), "b_kind": kind})
        self.batch.old_pairs.append(where)
        self.batch.pairs += [(self._study, head.pk, head.version, *pair) for pair in pairs]

    def _kind(self, change: Change) -> int:
        """The kind's number; that of the unknown is one too, so that rules can mean it."""
        kind = change.placement.kind
        self.kinds[kind.key] = kind
        return kind.key

    def _rows(self, key: Key, resource: Resource) -> Rows:
        rows = self._indexes.rows(key.type, resource)
        subject = consent_subject(resource)
        if subject:
            self.subjects.add(subject)
        return rows

    def _note_consent(self, key: Key, old: bytes) -> None:
        """The grants of the patient that a Consent or ResearchSubject named until now change too."""
        subject = consent_subject(loads(old)) if key.type in (CONSENT, SUBJECT) and old else ""
        if subject:
            self.subjects.add(subject)

    def _update_head(
        self,
        key: Key,
        pk: int,
        version: int,
        updated: int,
        order: int,
        columns: Placed,
        kind: int,
        found_by: tuple[int, int, int],
        *,
        deleted: bool = False,
    ) -> None:
        where = {"b_study": self._study, "b_type": key.type, "b_pk": pk}
        state = {"b_version": version, "b_updated": updated, "b_deleted": deleted, "b_ordered": order, "b_kind": kind}
        state |= dict(zip(("b_at", "b_until", "b_facet"), found_by, strict=True))
        self.batch.new_heads.append({**where, **state, **_placed_values(columns)})


def _check_version(change: Change, head: Head | None) -> None:
    if change.if_match is None:
        return
    current = head.version if head else 0
    if change.if_match != current and not (change.if_match == 0 and head and head.deleted):
        raise PreconditionFailed(issue("store.version-conflict", type=change.key.type))


def _order(change: Change, head: Head | None) -> int:
    """The newest order that is known for the resource; it never goes back."""
    return max(UNORDERED if change.order is None else change.order, head.ordered if head else UNORDERED)


def _found_by(rows: Rows) -> tuple[int, int, int]:
    """The columns at, until and facet."""
    return rows.at, rows.until, rows.facet.id if rows.facet else 0


def _as_it_is(key: Key, head: Head | None) -> Stored:
    """What is there; version 0 of what is not."""
    return _stored(key, head.version, head.updated, head.body) if head else _stored(key, 0, 0, b"")


def _stored(key: Key, version: int, updated: int, body: bytes) -> Stored:
    return Stored(key, version, _instant(updated), not body, body)


_instant = lru_cache(maxsize=64)(from_micros)
"""The resources of a unit share it."""


def _placed_values(columns: Placed) -> dict[str, Any]:
    level, subject, domain, low, high = columns
    return {"b_level": level, "b_subject": subject, "b_domain": domain, "b_low": low, "b_high": high}
