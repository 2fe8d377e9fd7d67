"""How many rows of the decision table the specification and the store's SQL both answer right."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from gateway.audit import chain
from gateway.consent import compile_grants, decide
from gateway.core.resources import Change, Key, Placement, Unit, Visibility
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.store.sql import SqlStore
from tests.compliance.decision_table import Case, cases

NAME = "consent-decisions"


def run() -> tuple[int, int, list[str]]:
    """Passed, total, and a line for each row that is answered wrong."""
    table = cases()
    parameters = Parameters(r4())
    with tempfile.TemporaryDirectory() as folder:
        misses = [
            f"{case.id} {case.name}: should be {'permit' if case.permit else 'deny'}"
            for case in table
            if answers(case, parameters, Path(folder) / f"{case.id}.db") != (case.permit, case.permit)
        ]
    return len(table) - len(misses), len(table), misses


def answers(case: Case, parameters: Parameters, file: Path) -> tuple[bool, bool]:
    """Whether the specification permits, and whether a reader finds the resource in a store on SQLite.

    A request is about one study, so that for both a resource of another study is not there.
    """
    decided = decide(case.consents, case.request, case.placement, case.policy).permit
    return decided and case.placed_in == case.study, _found(case, parameters, file)


def _found(case: Case, parameters: Parameters, file: Path) -> bool:
    store = SqlStore.open(
        f"sqlite:///{file}",
        parameters=parameters,
        compile_grants=lambda study, subject, consents: compile_grants(subject, consents, case.policy),
        chain=chain(b"the key of this test"),
        clock=lambda: datetime(2026, 6, 1, 12, tzinfo=UTC),
    )
    store.migrate()
    try:
        key = Key(case.placed_in, "Observation", "1")
        resource = {"resourceType": "Observation", "id": "1", "status": "final", "code": {"text": "x"}}
        store.commit(Unit(key.study, (Change(key, resource, case.placement),)))
        consents = [
            Change(Key(case.study, consent["resourceType"], consent["id"]), consent, Placement())
            for consent in case.consents
        ]
        store.commit(Unit(case.study, tuple(consents)))
        asked = case.request
        eyes = Visibility(case.study, asked.organisation, asked.action, asked.purpose, asked.now)
        return store.read(Key(case.study, key.type, key.id), eyes) is not None
    finally:
        store.close()
