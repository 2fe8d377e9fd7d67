"""What an audit event is about: the participants behind its references, and the Consents that permitted it.

Both are found when the event is written, for a whole batch at once, so that no reader waits for it. The Consents are
those whose grants hold at that moment; between the answer and the event lie milliseconds.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Executable, String, bindparam, select

from gateway.core.event import MAX_TARGETS, Event
from gateway.core.instants import micros
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR, GrantRow, PairRow, ResourceRow, columns_of
from gateway.store.sql.visible import study_is

COLLECTED: Final = frozenset({"ingest"})
DISCLOSED: Final = frozenset({"disclose", "everything"})
"""Operations that consent is asked for as `collect` and `disclose`; all others are `access`."""

Run: TypeAlias = Any
"""(prepared statement, values) -> rows, inside a transaction or outside of one."""

_Pairs: TypeAlias = dict[str, set[tuple[str, str]]]
"""Reference -> its (participant, domain) pairs."""


class AuditContext:
    """Finds participants and Consents by the references of events of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = database.prepare(_heads(database))
        self._pairs = database.prepare(_pairs(database))
        self._grants = database.prepare(_grants(database))

    def complete(self, run: Run, study: str, events: Sequence[Event]) -> list[Event]:
        """The events with `patients` and `consents`, and with no more than `MAX_TARGETS` references each."""
        asked = {one for event in events if event.outcome != "failure" for one in event.targets if "/" in one}
        pairs = self.pairs(run, study, asked)
        about = {pair[0] for found in pairs.values() for pair in found}
        about.update(one for event in events for one in event.patients)
        grants = self._granted(run, study, about)
        return [_completed(event, pairs, grants) for event in events]

    def pairs(self, run: Run, study: str, references: Iterable[str]) -> _Pairs:
        """The pairs of the current versions of resources; nothing for those of no participant."""
        by_type: dict[str, list[str]] = {}
        for reference in references:
            kind, _, identity = reference.partition("/")
            by_type.setdefault(kind, []).append(identity)
        found: _Pairs = {}
        for kind in sorted(by_type):
            several: dict[int, str] = {}
            values = {"study": study, "type": kind, "ids": as_list(self._database, sorted(by_type[kind]))}
            for identity, pk, level, subject, domain in run(self._heads, values):
                reference = f"{kind}/{identity}"
                if level == ONE_PAIR:
                    found[reference] = {(subject, domain)}
                elif level == MANY_PAIRS:
                    several[pk] = reference
            if several:
                values["pks"] = as_list(self._database, sorted(several))
                for pk, subject, domain in run(self._pairs, values):
                    found.setdefault(several[pk], set()).add((subject, domain))
        return found

    def _granted(self, run: Run, study: str, patients: set[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Patient -> the rest of each of its grants."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        if patients:
            values = {"study": study, "subjects": as_list(self._database, sorted(patients))}
            for subject, *grant in run(self._grants, values):
                found.setdefault(subject, []).append(tuple(grant))
        return found


def _completed(event: Event, pairs: _Pairs, grants: dict[str, list[tuple[Any, ...]]]) -> Event:
    about = {pair for one in event.targets for pair in pairs.get(one, ())}
    patients = tuple(sorted({subject for subject, _ in about} | set(event.patients)))
    if not patients and len(event.targets) <= MAX_TARGETS:
        return event
    wanted = about or {(subject, "*") for subject in patients}
    consents = () if event.outcome != "success" else _consents(event, wanted, grants)
    return Event(  # `dataclasses.replace` takes three times as long, for every event there is
        event.at,
        event.study,
        event.action,
        event.operation,
        event.outcome,
        event.client,
        event.organisation,
        event.role,
        event.purpose,
        event.token,
        event.reason,
        event.targets[:MAX_TARGETS],
        event.count,
        event.request,
        event.versions[:MAX_TARGETS],
        event.before[:MAX_TARGETS],
        event.after[:MAX_TARGETS],
        patients,
        consents,
        event.why,
    )


def _consents(
    event: Event, wanted: Iterable[tuple[str, str]], grants: dict[str, list[tuple[Any, ...]]]
) -> tuple[str, ...]:
    """The Consents with a grant for this reader and purpose, now, in one of the domains."""
    action = "collect" if event.operation in COLLECTED else "disclose" if event.operation in DISCLOSED else "access"
    now = micros(event.at)
    found = set()
    for subject, domain in wanted:
        for grantee, of_domain, of_action, purpose, low, high, consent in grants.get(subject, ()):
            if (
                grantee in (event.organisation, "*")
                and (domain == "*" or of_domain in (domain, "*"))
                and of_action in (action, "*")
                and purpose in (event.purpose, "*")
                and low <= now < high
            ):
                found.add(consent)
    return tuple(sorted(found - {""}))


def _heads(database: Database) -> Executable:
    head = columns_of(ResourceRow)
    found = select(head.id, head.pk, head.level, head.subject, head.domain)
    asked = (head.study == study_is(), head.type == bindparam("type", type_=String))
    return found.where(*asked, among(database, head.id, "ids"))


def _pairs(database: Database) -> Executable:
    pair, head = columns_of(PairRow), columns_of(ResourceRow)
    now = (head.study == study_is(), head.type == bindparam("type", type_=String), among(database, head.pk, "pks"))
    same = (pair.study == study_is(), pair.pk == head.pk, pair.version == head.version)
    return select(pair.pk, pair.subject, pair.domain).where(*now, *same)


def _grants(database: Database) -> Executable:
    grant = columns_of(GrantRow)
    told = (
        grant.grantee,
        grant.domain,
        grant.action,
        grant.purpose,
        grant.valid_low,
        grant.valid_high,
        grant.consent,
    )
    return select(grant.subject, *told).where(grant.study == study_is(), among(database, grant.subject, "subjects"))
