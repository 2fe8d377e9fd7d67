"""Writing, consenting, withdrawing, deleting, searching by pages and exporting, in any order, beside an oracle.

The oracle keeps what was written in a dictionary and asks the specification. A page or an export that was begun goes
on after whatever came between: what is shown is what is permitted at that moment.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.consent import ConsentRequest, decide
from gateway.core.resources import Change, Key, Placement, Stored, Unit, Visibility
from gateway.search import Query
from gateway.store import Page
from gateway.store.port import Position
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, Hand, chain
from tests.property.test_grants_equal_decide import POLICY, WIDEST, consents, placements, requests, width
from tests.property.test_sql_equals_decide import grants, placed, resource

STUDIES = count()
NAMES = st.integers(1, 5)
QUERY = Query("Observation", total="accurate")


class ConsentMachine(RuleBasedStateMachine):
    """One study; the reader is whoever the token at hand says."""

    store: SqlStore

    def __init__(self) -> None:
        super().__init__()
        self.study = f"machine-{next(STUDIES)}"
        self.rows: dict[int, Placement] = {}
        self.signed: dict[str, dict[str, Any]] = {}
        self.asked = ConsentRequest("A", "access", "HRESCH", 0)
        self.after: Position | None = None
        self.seen: list[int] = []
        self.export: Iterator[Stored] | None = None

    @initialize(asked=requests)
    def token(self, asked: ConsentRequest) -> None:
        self.asked = asked

    @rule(asked=requests)
    def refresh_token(self, asked: ConsentRequest) -> None:
        """A new token, of another client or later: what was begun ends."""
        self.asked, self.after, self.seen, self.export = asked, None, [], None

    @rule(number=NAMES, where=placements(), text=st.sampled_from("ab"))
    def write(self, number: int, where: Placement, text: str) -> None:
        self.rows[number] = placed(number, where)
        body = resource(number) | {"note": [{"text": text}]}
        key = Key(self.study, "Observation", str(number))
        self.store.commit(Unit(self.study, (Change(key, body, self.rows[number]),)))

    @rule(consent=consents())
    def sign_or_withdraw(self, consent: dict[str, Any]) -> None:
        """Any Consent, new or in the place of another: active, inactive, or withdrawn with a mode."""
        signed = self.signed | {consent["id"]: consent}
        if width(signed.values()) > WIDEST:
            return
        self.signed = signed
        self.store.commit(Unit(self.study, (self.consent_change(consent),)))

    @precondition(lambda self: self.signed)
    @rule(subject=st.sampled_from(("P1", "P2")))
    def withdraw_and_delete(self, subject: str) -> None:
        consent = {**next(iter(self.signed.values())), "patient": {"reference": f"Patient/{subject}"}}
        consent |= {"status": "inactive", "extension": []}
        self.signed[consent["id"]] = consent
        unit = Unit(self.study, (self.consent_change(consent),), purge=lambda _committed: (subject,))
        self.store.commit(unit)
        for number in [number for number, where in self.rows.items() if subject in where.subjects]:
            del self.rows[number]
            key = Key(self.study, "Observation", str(number))
            assert self.store.read(key, self.eyes) is None
            assert [one.body for one in self.store.history(key, None)] == [b""]

    @rule()
    def page(self) -> None:
        """The next page of two; its rows are permitted now, whenever the search began."""
        found = self.store.search(QUERY, self.study, self.eyes, Page(2, self.after))
        names = [int(row.key.id) for row in found.rows]
        assert set(names) <= self.visible
        assert found.total == len(self.visible)
        assert len(names) == 2 or found.next is None
        self.seen, self.after = ([*self.seen, *names], found.next) if found.next else ([], None)

    @rule()
    def start_export(self) -> None:
        self.export = self.store.stream("Observation", self.study, self.eyes)

    @precondition(lambda self: self.export is not None)
    @rule()
    def go_on_with_export(self) -> None:
        """An export ends with what is permitted when its rows are fetched."""
        assert self.export
        before = self.visible
        assert {int(one.key.id) for one in self.export} <= before
        self.export = None

    @invariant()
    def what_is_found_is_what_is_permitted(self) -> None:
        read = {n for n in self.rows if self.store.read(Key(self.study, "Observation", str(n)), self.eyes)}
        found = self.store.search(QUERY, self.study, self.eyes, Page(50))
        assert {int(row.key.id) for row in found.rows} == read == self.visible
        assert found.total == len(read)

    @property
    def eyes(self) -> Visibility:
        asked = self.asked
        return Visibility(self.study, asked.organisation, asked.action, asked.purpose, asked.now)

    @property
    def visible(self) -> set[int]:
        signed = list(self.signed.values())
        return {n for n, where in self.rows.items() if decide(signed, self.asked, where, POLICY).permit}

    def consent_change(self, consent: dict[str, Any]) -> Change:
        return Change(Key(self.study, "Consent", consent["id"]), consent, Placement())


def test_the_store_does_what_the_oracle_says(tmp_path: Path) -> None:
    ConsentMachine.store = SqlStore.open(
        f"sqlite:///{tmp_path / 'machine.db'}",
        parameters=PARAMETERS,
        compile_grants=grants,
        chain=chain,
        clock=Hand(),
    )
    ConsentMachine.store.migrate()
    try:
        machine = ConsentMachine.TestCase
        machine.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
        machine("runTest").runTest()
    finally:
        ConsentMachine.store.close()
