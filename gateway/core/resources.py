"""What crosses the store's port: keys, stored versions, changes, units of work.

A unit is one transaction of one study: resource changes with their index rows, the grants of every subject whose
Consent changed, audit rows and the receipt's new state. Either all of it is durable or none of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from gateway.core.event import Event, Told
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE
from gateway.core.kinds import UNKNOWN, Kind, KindRule
from gateway.core.receipt import Receipt
from gateway.core.types import Resource


class Key(msgspec.Struct, frozen=True, gc=False):
    """The identity of a resource: one study, one type, one logical id."""

    study: str
    type: str
    id: str

    @property
    def reference(self) -> str:
        """The relative literal reference, `Observation/123`."""
        return f"{self.type}/{self.id}"


class Stored(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One version of a resource as the bytes that are served.

    `body` is the received tree plus the server's meta, encoded once; b"" when this version is a deletion. `pairs` are
    the (subject, domain) pairs of the current version, where whoever read it knows them.
    """

    key: Key
    version: int
    updated: datetime
    deleted: bool
    body: bytes
    pairs: tuple[tuple[str, str], ...] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stored) and self._version() == other._version()

    def __hash__(self) -> int:
        return hash(self._version())

    def _version(self) -> tuple[Key, int, datetime, bool, bytes]:
        return self.key, self.version, self.updated, self.deleted, self.body


class Placement(msgspec.Struct, frozen=True):
    """Where a resource stands for consent: whose data it is, of which domains, from when.

    `subjects` are Patient ids, `domains` the study's data domains ("" when no domain claims it); consent must
    permit every (subject, domain) pair. `study_level` marks types without a participant (ResearchStudy), visible
    to everyone assigned to the study. No subject and not study-level means: visible to nobody. `low` and `high`
    are the clinical interval in microseconds (see `core.instants`); the full line when there is no clinical date.
    `kind` is what content it holds, unknown unless told; `instance` the reference that provisions about a single
    resource are asked about, "" for a resource that is about others.
    """

    subjects: tuple[str, ...] = ()
    domains: tuple[str, ...] = ("",)
    study_level: bool = False
    low: int = FOREVER_BEFORE
    high: int = FOREVER_AFTER
    kind: Kind = UNKNOWN
    instance: str = ""


NOWHERE: Final = Placement()
"""The placement of what is visible to nobody."""


class Change(msgspec.Struct, frozen=True):
    """A resource to write (create or update), or to delete when `resource` is None.

    `if_match` is the version the writer saw; a different current version is a `Conflict`/`PreconditionFailed`.
    A resource equal to its current version, server meta aside, is not written again. `order` is the instant of the
    message, in microseconds, None for none: one older than the newest that was taken for the resource does nothing.
    `is_new` says that the id was made at random for this change: nobody looks whether it is there.
    `revise` makes the resource, and where it stands, from the version that is there once nobody else can change it;
    None, or nothing there, changes nothing. It is pure, and counts in place of `resource`.
    """

    key: Key
    resource: Resource | None
    placement: Placement = NOWHERE
    if_match: int | None = None
    order: int | None = None
    is_new: bool = False
    revise: Callable[[Resource], tuple[Resource, Placement] | None] | None = None


class Committed(msgspec.Struct, frozen=True, gc=False):
    """What became of a change; `unchanged` when the same content was there already, `superseded` when the resource
    holds what a newer message said. `before` are the bytes that it replaced, b"" when there were none."""

    stored: Stored
    outcome: Literal["created", "updated", "deleted", "unchanged", "superseded"]
    before: bytes = b""


class Unit(msgspec.Struct, frozen=True):
    """Everything that becomes durable together.

    `locks` name what this unit alone may work on until it ends, such as the search of a conditional create: units
    of one study with a lock in common come one after the other. Once they are held, `prepare` is called inside the
    transaction and returns changes that go before `changes`; what its `Lookup` finds stays true until the unit ends
    for every other unit that takes the same lock.
    `accompany` is called inside the transaction with what the changes became and returns further changes, such as
    the Provenance of what was really written; `settle` likewise returns the receipt to store. All of them must be
    pure, as they are called again when the database asks for it; "the changes" are those of `prepare` and `changes`.
    `report` gives audit events that only what became of the changes can tell; they follow `events`. Those of
    `report_beside` tell of what became of the changes of `accompany`.
    `purge` gives the participants (Patient ids) of whom nothing but tombstones and Consents shall stay, whatever the
    changes left of them; it is called with what the changes became.
    `confirm` is called last, once no other commit of the study can come between it and the end of the transaction:
    it raises to undo everything.
    """

    study: str
    changes: tuple[Change, ...]
    events: tuple[Event, ...] = ()
    accompany: Callable[[tuple[Committed, ...]], tuple[Change, ...]] | None = None
    settle: Callable[[tuple[Committed, ...]], Receipt] | None = None
    confirm: Callable[[tuple[Committed, ...]], None] | None = None
    prepare: "Callable[[Lookup], Sequence[Change]] | None" = None
    locks: tuple[str, ...] = ()
    report: Callable[[tuple[Committed, ...]], tuple[Told, ...]] | None = None
    report_beside: Callable[[tuple[Committed, ...]], tuple[Told, ...]] | None = None
    purge: Callable[[tuple[Committed, ...]], Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What one scope reaches: resources of `type` ("*" is any) that are about the participant `subject` and nobody
    else ("" is about anybody), and of which every clause of `gateway.search` in `clauses` is true.

    `among`, if it is not None, are the only participants that they may be about; what is about nobody, at the level
    of the study, stays. `without_consent` says that Consents are not asked, for anything but Consents themselves;
    `retained`, that it is asked instead whether a row is kept after a withdrawal (`RETAIN`).
    """

    type: str
    subject: str = ""
    clauses: tuple[Any, ...] = ()
    among: frozenset[str] | None = None
    without_consent: bool = False
    retained: bool = False


class Visibility(msgspec.Struct, frozen=True, gc=False):
    """Through whose eyes the store is read: the consent question that SQL answers for every row.

    `now` is microseconds since the epoch. A row is visible when it is study-level, or every (subject, domain) pair
    of it has a grant for this organisation, action and purpose, valid now, whose data window holds the row's
    clinical interval. With `limits` one of them must hold too, none means nothing; None where the scopes reach whole
    types, which is asked outside.
    """

    study: str
    organisation: str
    action: str
    purpose: str
    now: int
    limits: tuple[Limit, ...] | None = None


Lookup: TypeAlias = Callable[[Any, Visibility | None, int], list[Stored]]
"""(`gateway.search.Query`, through whose eyes or None, limit) -> the newest current resources that match.

It reads inside the transaction of a unit: what is committed is seen, what the unit is about to write is not.
"""


RETAIN: Final = "retain"
"""The action of grants that no Consent gives: what is kept after a withdrawal, for whoever must keep it. No other
action reaches it, and it reaches no other."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One box of permission made from a subject's Consents; "*" matches every value.

    Data window: a row's [low, high) must lie inside [data_low, data_high). Validity: valid_low <= now < valid_high.
    `consent` is the reference and version of the Consent that gave it, for the audit trail. `instance` is "*", the
    one reference that is meant, or "!" for all but `others`; `rule` says which kinds are meant, None for all.
    """

    subject: str
    grantee: str
    domain: str
    action: str
    purpose: str
    data_low: int = FOREVER_BEFORE
    data_high: int = FOREVER_AFTER
    valid_low: int = FOREVER_BEFORE
    valid_high: int = FOREVER_AFTER
    consent: str = ""
    instance: str = "*"
    others: tuple[str, ...] = ()
    rule: KindRule | None = None
