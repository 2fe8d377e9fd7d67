"""What an audit event is about: the participants behind its references, and the Consents that permitted it.

Both are found when the event is written, in its transaction and for a whole batch at once, so that no reader waits
for it and no Consent that another process wrote is missed. The Consents are those whose grants hold at that moment;
between the answer and the event lie milliseconds.

SQLite gives what a batch needs as one row of JSON a statement: it lets go of the interpreter at each row, and a busy
event loop would take it each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import structs
from sqlalchemy import ColumnElement, Executable, Select, String, bindparam, func, select

from gateway.core import issue
from gateway.core.errors import BadRequest
from gateway.core.event import MAX_TARGETS, Event, Seen, Told, digest_of, versions_of
from gateway.core.instants import micros
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR, GrantRow, PairRow, ResourceRow, columns_of
from gateway.store.sql.visible import study_is

COLLECTED: Final = frozenset({"ingest"})
DISCLOSED: Final = frozenset({"disclose", "everything"})
"""Operations that consent is asked for as `collect` and `disclose`; all others are `access`."""

_encode: Final = msgspec.json.Encoder().encode

Run: TypeAlias = Any
"""(prepared statement, values) -> rows, inside a transaction or outside of one."""

_Pairs: TypeAlias = dict[str, Sequence[tuple[str, str]]]
"""Reference -> its (participant, domain) pairs."""

_Grants: TypeAlias = dict[str, list[Sequence[Any]]]
"""Participant -> its grants, each a row of `_grants`."""

_About: TypeAlias = tuple[tuple[str, str], ...]
"""The (participant, domain) pairs that an event is about, each once."""

_Kind: TypeAlias = tuple[_About, tuple[str, ...], str, str, str, str]
"""What an event's participants and Consents go by, but for its instant: what it is about, the participants that it
names, organisation, purpose, operation and outcome."""

_Window: TypeAlias = tuple[int, int, str]
"""From when until when a grant of a Consent holds, and the Consent's version."""


class AuditContext:
    """Finds participants and Consents by the references of events of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = database.prepare(_heads(database))
        self._pairs = database.prepare(_pairs(database))
        self._grants = database.prepare(_grants(database))

    def complete(self, run: Run, study: str, events: Sequence[Told]) -> list[Event]:
        """The events with `patients` and `consents`, and with no more than `MAX_TARGETS` references each.

        Raises `BadRequest` for an event of another study.
        """
        asked = {one for told in events if not isinstance(told, Seen) for one in _references(told)}
        found = self.pairs(run, study, asked) if asked else {}
        known: dict[_Kind, _Facts] = {}  # of many events there are few kinds
        told_of: list[tuple[Event, _Facts]] = []
        for told in events:
            event, about = (told.event, told.pairs) if isinstance(told, Seen) else (told, _about(told, found))
            if len(event.targets) > MAX_TARGETS:
                event = _shortened(event)
            if event.study != study:
                raise BadRequest(issue("store.other-study"))
            kind = about, event.patients, event.organisation, event.purpose, event.operation, event.outcome
            facts = known.get(kind)
            if facts is None:
                facts = known[kind] = _Facts(kind)
            told_of.append((event, facts))
        self._lean(run, study, known, [event.at for event, _ in told_of])
        return [
            structs.replace(event, patients=facts.patients, consents=facts.consents(event))
            if facts.patients
            else event
            for event, facts in told_of
        ]

    def pairs(self, run: Run, study: str, references: Iterable[str]) -> _Pairs:
        """The pairs of the current versions of resources; nothing for those of no participant."""
        by_type: dict[str, list[str]] = {}
        for reference in references:
            kind, _, identity = reference.partition("/")
            by_type.setdefault(kind, []).append(identity)
        found: _Pairs = {}
        for kind, ids in sorted(by_type.items()):
            several: dict[int, str] = {}
            values = {"study": study, "type": kind, "ids": as_list(self._database, ids)}
            for identity, pk, level, subject, domain in self._rows(run, self._heads, values):
                if level == ONE_PAIR:
                    found[f"{kind}/{identity}"] = ((subject, domain),)
                elif level == MANY_PAIRS:
                    several[pk] = f"{kind}/{identity}"
            if several:
                found |= self._several(run, values, several)
        return found

    def _several(
        self, run: Run, values: dict[str, Any], references: dict[int, str]
    ) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        values["pks"] = as_list(self._database, list(references))
        for pk, subject, domain in self._rows(run, self._pairs, values):
            found.setdefault(references[pk], []).append((subject, domain))
        return found

    def _lean(self, run: Run, study: str, known: Mapping[_Kind, "_Facts"], instants: Sequence[datetime]) -> None:
        """Tells each kind's facts the grants that it may lean on, for the time of the batch."""
        patients = {one for facts in known.values() for one in facts.patients}
        if patients:
            grants = self._granted(run, study, patients, {organisation for _, _, organisation, *_ in known})
            first, last = micros(min(instants)), micros(max(instants))
            for kind, facts in known.items():
                facts.lean(kind, grants, first, last)

    def _granted(self, run: Run, study: str, patients: set[str], organisations: set[str]) -> _Grants:
        """The grants of these patients that any of the organisations may lean on."""
        found: _Grants = {}
        subjects, grantees = list(patients), ["*", *organisations]
        values: dict[str, Any] = {"study": study, "subjects": subjects, "grantees": grantees}
        if self._database.is_sqlite:
            values |= {"subjects": _encode(subjects).decode(), "grantees": _encode(grantees).decode()}
        for grant in self._rows(run, self._grants, values):
            found.setdefault(grant[0], []).append(grant)
        return found

    def _rows(self, run: Run, prepared: Prepared, values: dict[str, Any]) -> list[Sequence[Any]]:
        """The rows of a statement that `_whole` made."""
        rows: list[Sequence[Any]] = run(prepared, values)
        return msgspec.json.decode(rows[0][0]) if self._database.is_sqlite else rows


def _references(event: Event) -> Iterable[str]:
    """The resources that an event names; what a client asked for in vain may be anything."""
    return () if event.outcome == "failure" else (one for one in event.targets if "/" in one)


def _shortened(event: Event) -> Event:
    """The event with as many references as it may name, and a digest of all."""
    return structs.replace(
        event,
        targets=event.targets[:MAX_TARGETS],
        versions=event.versions[:MAX_TARGETS],
        before=event.before[:MAX_TARGETS],
        after=event.after[:MAX_TARGETS],
        digest=event.digest or digest_of(versions_of(event.targets, event.versions)),
    )


def _about(event: Event, pairs: _Pairs) -> _About:
    """The pairs of an event's references, each once."""
    if len(event.targets) == 1:
        return tuple(pairs.get(event.targets[0], ()))
    return tuple({pair for one in event.targets for pair in pairs.get(one, ())})


class _Facts:
    """Whose data the events of one kind are about, and which Consents permitted them."""

    __slots__ = ("_always", "_windows", "patients")

    def __init__(self, kind: _Kind) -> None:
        about, named, *_ = kind
        self.patients = _sorted({subject for subject, _ in about}.union(named))
        self._always: tuple[str, ...] | None = ()
        self._windows: list[_Window] = []

    def lean(self, kind: _Kind, grants: _Grants, first: int, last: int) -> None:
        """Leans on the grants of a batch whose first and last event are at these instants."""
        about, named, *_, outcome = kind
        if outcome != "success":
            return
        found = _windows(kind, about or [(one, "*") for one in named], grants)
        self._windows = [one for one in found if one[0] <= last and first < one[1]]
        is_always = all(low <= first and last < high for low, high, _ in self._windows)
        self._always = _sorted({consent for *_, consent in self._windows}) if is_always else None

    def consents(self, event: Event) -> tuple[str, ...]:
        """The Consents with a grant for the event's reader and purpose at its instant: mostly the same ones all the
        time of a batch."""
        if self._always is not None:
            return self._always
        now = micros(event.at)
        return _sorted({consent for low, high, consent in self._windows if low <= now < high})


def _windows(kind: _Kind, wanted: Iterable[tuple[str, str]], grants: _Grants) -> set[_Window]:
    """The windows of the grants for a reader and purpose, whenever they hold, in one of the domains."""
    _, _, organisation, reason, operation, _ = kind
    action = "collect" if operation in COLLECTED else "disclose" if operation in DISCLOSED else "access"
    return {
        (low, high, consent)
        for subject, domain in wanted
        for _, grantee, of_domain, of_action, purpose, low, high, consent in grants.get(subject, ())
        if consent
        and grantee in ("*", organisation)
        and (of_domain == "*" or domain == "*" or of_domain == domain)
        and of_action in ("*", action)
        and purpose in ("*", reason)
    }


def _sorted(found: set[str]) -> tuple[str, ...]:
    """In order; most events are about one participant and one Consent, where there is nothing to sort."""
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def _whole(database: Database, columns: Sequence[Any], where: Sequence[ColumnElement[bool]]) -> Executable:
    """The statement for rows of these columns: as they are, or on SQLite as one JSON array of them all."""
    found: Select[Any] = select(*columns)
    if database.is_sqlite:
        found = select(func.json_group_array(func.json_array(*columns)))
    return found.where(*where)


def _heads(database: Database) -> Executable:
    head = columns_of(ResourceRow)
    where = (head.study == study_is(), head.type == bindparam("type", type_=String), among(database, head.id, "ids"))
    return _whole(database, (head.id, head.pk, head.level, head.subject, head.domain), where)


def _pairs(database: Database) -> Executable:
    pair, head = columns_of(PairRow), columns_of(ResourceRow)
    now = (head.study == study_is(), head.type == bindparam("type", type_=String), among(database, head.pk, "pks"))
    same = (pair.study == study_is(), pair.pk == head.pk, pair.version == head.version)
    return _whole(database, (pair.pk, pair.subject, pair.domain), (*now, *same))


def _grants(database: Database) -> Executable:
    grant = columns_of(GrantRow)
    told = (
        grant.subject,
        grant.grantee,
        grant.domain,
        grant.action,
        grant.purpose,
        grant.valid_low,
        grant.valid_high,
        grant.consent,
    )
    of_these = (among(database, grant.subject, "subjects"), among(database, grant.grantee, "grantees"))
    return _whole(database, told, (grant.study == study_is(), *of_these))
