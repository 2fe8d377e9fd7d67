"""Kinds of content and the rules about them: which rule means which kind is written when either of them is new.

Kinds and rules are few, so that a statement finds by one probe what a rule would have to be asked for each row. What
is not written here is not meant: a box with a rule shows nothing of a kind that nobody judged.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table, bindparam, select

from gateway.core.kinds import Kind, KindRule
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.index.writer import Known
from gateway.store.sql.locks import UnitLocks
from gateway.store.sql.tables import KindRow, KindRuleRow, RuleKindRow, columns_of, table_of
from gateway.store.sql.visible import study_is

_LOCK: Final = "kinds of content"
_KNOWN: Final = 100_000
"""How many kinds are remembered to be there."""


class KindKeeper:
    """Writes kinds and rules inside a transaction that somebody else began."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._locks = UnitLocks(database)
        self._once: dict[Any, Prepared] = {
            row: database.prepare(_insert_once(database, table_of(row)))
            for row in (KindRow, KindRuleRow, RuleKindRow)
        }
        kinds = columns_of(KindRow)
        self._held = database.prepare(
            select(kinds.kind).where(kinds.study == study_is(), among(database, kinds.kind, "kinds"))
        )
        self._kinds = database.prepare(_texts(kinds, "kind"))
        self._rules = database.prepare(_texts(columns_of(KindRuleRow), "rule"))
        self._known: Known = set()

    def note(self, connection: Connection, study: str, kinds: Mapping[int, Kind], noted: Known) -> None:
        """Writes the kinds that are new, with the rules that mean them; they are added to `noted`.

        Of two writers, one with a new kind and one with a new rule, the second sees what the first has written.
        """
        known = self._known
        fresh = {key: kind for key, kind in kinds.items() if (study, key) not in known and (study, key) not in noted}
        if not fresh:
            return
        self._locks.take(connection, study, (_LOCK,))
        asked = {"study": study, "kinds": as_list(self._database, [*fresh])}
        held = {key for (key,) in self._database.run(connection, self._held, asked)}
        found = {key: kind for key, kind in fresh.items() if key not in held}
        if found:
            rows = self._database.run(connection, self._rules, {"study": study})
            rules = {key: KindRule.read(text) for key, text in rows}
            self._insert(connection, KindRow, [(study, key, kind.text) for key, kind in sorted(found.items())])
            self._judge(connection, study, rules, found)
        noted.update((study, key) for key in fresh)

    def keep_rules(self, connection: Connection, study: str, rules: Mapping[int, KindRule]) -> None:
        """Writes the rules that are new, with the kinds that they mean."""
        if not rules:
            return
        self._locks.take(connection, study, (_LOCK,))
        held = {key for key, _ in self._database.run(connection, self._rules, {"study": study})}
        found = {key: rule for key, rule in rules.items() if key not in held}
        if found:
            rows = self._database.run(connection, self._kinds, {"study": study})
            kinds = {key: Kind.read(text) for key, text in rows}
            self._insert(connection, KindRuleRow, [(study, key, rule.text) for key, rule in sorted(found.items())])
            self._judge(connection, study, found, kinds)

    def remember(self, noted: Known) -> None:
        """Told after the commit: these are there for good."""
        if len(self._known) > _KNOWN:
            self._known = set()
        self._known |= noted

    def _judge(
        self, connection: Connection, study: str, rules: Mapping[int, KindRule], kinds: Mapping[int, Kind]
    ) -> None:
        meant = [
            (study, rule_key, kind_key)
            for rule_key, rule in sorted(rules.items())
            for kind_key, kind in sorted(kinds.items())
            if rule.holds(kind)
        ]
        self._insert(connection, RuleKindRow, meant)

    def _insert(self, connection: Connection, row: Any, rows: Iterable[tuple[Any, ...]]) -> None:
        names = [f"b_{column.name}" for column in table_of(row).columns]
        self._database.run_many(connection, self._once[row], [dict(zip(names, one, strict=True)) for one in rows])


def _insert_once(database: Database, table: Table) -> Executable:
    values = {column.name: bindparam(f"b_{column.name}", type_=column.type) for column in table.columns}
    inserted: Executable = database.upsert(table).values(values).on_conflict_do_nothing()
    return inserted


def _texts(own: Any, key: str) -> Executable:
    return select(own[key], own.text).where(own.study == study_is())
