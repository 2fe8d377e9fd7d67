"""Consent grants: made again from all current Consents of a subject, in the transaction that changed one."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Delete, Executable, String, Table, bindparam, delete, select

from gateway.core import Resource, loads
from gateway.core.resources import Grant
from gateway.store.port import CompileGrants
from gateway.store.sql.consent.kinds import KindKeeper
from gateway.store.sql.database import Database
from gateway.store.sql.index.consents import CONSENT, SUBJECT, WHOSE, consent_subject, consent_term
from gateway.store.sql.index.tables import TermRow
from gateway.store.sql.tables import (
    ANY_INSTANCE,
    UNNAMED_INSTANCE,
    ConsentEpochRow,
    GrantRow,
    NamedRow,
    ResourceRow,
    VersionRow,
    columns_of,
    table_of,
)
from gateway.store.sql.terms import of_reference, of_target
from gateway.store.sql.visible import study_is

STUDY: Final = ""
"""In place of a subject: the epoch of the whole study, which is counted up with every change of who may see what."""


class GrantMaker:
    """Keeps `consent_grant` equal to what the compiler makes of the current Consents, subject by subject."""

    def __init__(self, database: Database, compile_grants: CompileGrants, kinds: KindKeeper) -> None:
        self._database = database
        self._kinds = kinds
        self._compile_grants = compile_grants
        self._lock = database.prepare(_next_epoch(database))
        self._consents = database.prepare(_consents())
        self._drops = [database.prepare(_drop(table_of(row))) for row in (GrantRow, NamedRow)]
        epochs = table_of(ConsentEpochRow).c
        named = (epochs.study == study_is(), epochs.subject != STUDY)
        self._subjects = database.prepare(select(epochs.subject).where(*named))
        one = (epochs.study == study_is(), epochs.subject == bindparam("subject", type_=String))
        self._epoch = database.prepare(select(epochs.epoch).where(*one))

    def epoch(self, study: str, subject: str) -> int:
        """How often the grants of a subject were made."""
        found = self._database.fetch(self._epoch, {"study": study, "subject": subject})
        return int(found[0][0]) if found else 0

    def make(self, connection: Connection, study: str, subjects: Collection[str]) -> None:
        """Replaces the grants of these subjects; `STUDY` among them tells that resources were placed anew.

        The epochs' row locks come first, in one order: of two writers of one subject's Consents, the second reads the
        Consents after the first has committed.
        """
        if subjects:
            self._database.run(connection, self._lock, {"b_study": study, "b_subject": STUDY})
        for subject in sorted(set(subjects) - {STUDY}):
            values = {"b_study": study, "b_subject": subject, "study": study, "hash": consent_term(subject)}
            self._database.run(connection, self._lock, values)
            consents = [*self._current(connection, values, CONSENT), *self._current(connection, values, SUBJECT)]
            grants = self._compile_grants(
                study, subject, [one for one in consents if consent_subject(one) == subject]
            )
            if any(grant.subject != subject for grant in grants):
                raise ValueError("a grant for another subject")
            for drop in self._drops:
                self._database.run(connection, drop, values)
            rows = [_row(study, number, grant) for number, grant in enumerate(dict.fromkeys(grants))]
            self._database.insert(connection, table_of(GrantRow), rows)
            named = sorted({of_target(other) for grant in grants for other in grant.others})
            self._database.insert(connection, table_of(NamedRow), [(study, subject, other) for other in named])
            self._kinds.keep_rules(connection, study, {one.rule.key: one.rule for one in grants if one.rule})

    def _current(self, connection: Connection, values: Mapping[str, Any], type: str) -> list[Resource]:
        """The current resources of a type that are about the subject."""
        asked = {**values, "type": type}
        if type == SUBJECT:
            asked["hash"] = of_reference(SUBJECT, WHOSE[SUBJECT], f"Patient/{values['b_subject']}")
        rows = self._database.run(connection, self._consents, asked)
        return [loads(body) for (body,) in rows]

    def make_all(self, connection: Connection, study: str) -> int:
        """Replaces the grants of every subject that ever had a Consent; how many subjects."""
        subjects = [subject for (subject,) in self._database.run(connection, self._subjects, {"study": study})]
        self.make(connection, study, subjects)
        return len(subjects)


def _row(study: str, number: int, grant: Grant) -> tuple[object, ...]:
    window = (grant.data_low, grant.data_high, grant.valid_low, grant.valid_high)
    criteria = (grant.domain, grant.action, grant.purpose)
    content = (grant.rule.key if grant.rule else 0, _instance(grant))
    return (study, grant.subject, grant.grantee, number, *criteria, *window, grant.consent, *content)


def _instance(grant: Grant) -> int:
    if grant.instance == "*":
        return ANY_INSTANCE
    if grant.rule is None:
        raise ValueError("a grant about instances needs a rule: resources about others are of no instance")
    return UNNAMED_INSTANCE if grant.instance == "!" else of_target(grant.instance)


def _next_epoch(database: Database) -> Executable:
    table = table_of(ConsentEpochRow)
    first = database.upsert(table).values(study=bindparam("b_study"), subject=bindparam("b_subject"), epoch=1)
    counted: Executable = first.on_conflict_do_update(
        index_elements=["study", "subject"], set_={"epoch": table.c.epoch + 1}
    )
    return counted


def _consents() -> Executable:
    own, head, version = columns_of(TermRow), columns_of(ResourceRow), columns_of(VersionRow)
    found = select(version.body).where(
        own.study == study_is(),
        own.hash == bindparam("hash", type_=BigInteger),
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        head.pk == own.pk,
        version.study == study_is(),
        version.pk == head.pk,
        version.version == head.version,
    )
    return found.order_by(head.pk)


def _drop(table: Table) -> Delete:
    of_subject = (table.c.study == bindparam("b_study"), table.c.subject == bindparam("b_subject"))
    return delete(table).where(*of_subject)
