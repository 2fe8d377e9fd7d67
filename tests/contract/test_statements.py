"""Lint of SQL: every statement that the store compiles holds each of its tables to the study.

So a table distributed by study is never asked across its parts, and no row of another study can slip in. The
statements are taken from use: the store is driven through its whole port first.
"""

from typing import Any

import pytest
from sqlalchemy import Delete, Insert, Select, Update, bindparam, select
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.sql.expression import Alias, TableClause

from gateway.core.resources import Change, Key, Lookup, Unit
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.index.tables import TermRow
from gateway.store.sql.tables import ResourceRow, Table, columns_of
from tests.contract.stores import NOW, PARAMETERS, Hand, Noted, change, consent, event, observation, reader, unit
from tests.contract.test_landing import payload, receipt

OWN_TABLES = Table.metadata.tables.keys() - {"alembic_version", "schema_version", "study"}


def unbound_tables(statement: Any) -> set[str]:
    """The tables of a statement, aliases apart, that no equality with the study's parameter holds."""
    held: set[int] = set()
    used: dict[int, str] = {}
    for node in visitors.iterate(statement):
        if isinstance(node, BinaryExpression) and node.operator is operators.eq and _is_study(node):
            held.add(id(node.left.table))  # type: ignore[attr-defined]
        for table in _tables(node):
            used[id(table)] = getattr(getattr(table, "element", table), "name", "")
    return {name for key, name in used.items() if key not in held and name in OWN_TABLES}


def _is_study(node: Any) -> bool:
    named = getattr(node.left, "name", "") == "study" and isinstance(node.right, BindParameter)
    return named and node.right.key in ("study", "b_study")


def _tables(node: Any) -> list[Any]:
    if isinstance(node, Select):
        return [one for one in node.get_final_froms() if isinstance(one, Alias | TableClause)]
    return [node.table] if isinstance(node, Update | Delete) else []


def _look(lookup: Lookup) -> tuple[Change, ...]:
    lookup(parse("Observation", [("code", "a")], PARAMETERS), None, 1)
    return ()


def drive(store: SqlStore, study: str) -> None:
    """Uses every method of the store's ports."""
    pair = change(study, observation("b"), subjects=("p1", "p2"))
    store.commit(unit(study, observation("a"), consent("c", "p1"), events=(event(study),)))
    store.commit(unit(study, observation("a", status="amended"), consent("c", "p2")))
    store.commit(Unit(study, (pair,), prepare=_look, locks=("a",)))
    store.commit(Unit(study, (Change(Key(study, "Observation", "b"), None),)))
    for visibility in (None, reader(study)):
        store.read(Key(study, "Observation", "a"), visibility)
        store.read(Key(study, "Observation", "a"), visibility, 1)
        store.history(Key(study, "Observation", "a"), visibility)
        for asked in ({}, {"type": "Observation"}, {"type": "Observation", "id": "a"}):
            store.changes(study, visibility, page=Page(2), **asked)  # type: ignore[arg-type]
        list(store.stream("Observation", study, visibility))
        for params in ([], [("code", "a"), ("subject", "x")], [("date", "ge2020,lt2010"), ("_id", "a,b")],
                       [("_lastUpdated", "gt2020"), ("_total", "accurate"), ("code", "a,b")]):  # fmt: skip
            query = parse("Observation", params, PARAMETERS)
            first = store.search(query, study, visibility, Page(1))
            store.search(query, study, visibility, Page(1, first.next or (1, 1)))
            list(store.stream(query, study, visibility))
    store.find(study, "Observation", "identifier", "a", "b")
    store.regrant(study)
    store.land(payload(study), receipt(study, "r1"))
    store.save(receipt(study, "r1"))
    store.payload(study, "r1")
    store.first_with(study, "ring", "x")
    store.receipts(study, source="a", status="stored", rule="b", mapping="c")
    store.lease(None, NOW, 1)
    store.release(study, "r1")
    store.append([event(study)])
    list(store.rows(study))
    store.last(study)


@pytest.fixture
def statements(store: SqlStore, study: str, noted: Noted, clock: Hand) -> list[Any]:
    drive(store, study)
    return list({_shape(one): one for one in noted.statements}.values())  # with those of the tests before


def _shape(statement: Any) -> Any:
    """What a statement is but for its values: tables, columns, operators, names of parameters."""
    key = statement._generate_cache_key()
    return id(statement) if key is None else key.key


def test_every_table_of_every_statement_is_held_to_the_study(statements: list[Any]) -> None:
    assert len(statements) > 40
    assert {type(one) for one in statements} >= {Select, Update, Delete}
    assert any(isinstance(one, Insert) for one in statements)
    faults = {str(one)[:200]: unbound for one in statements if (unbound := unbound_tables(one))}
    assert faults == {}


def test_the_lint_finds_a_statement_without_study() -> None:
    head, term = columns_of(ResourceRow), columns_of(TermRow)
    asked = head.study == bindparam("study")
    assert unbound_tables(select(head.pk)) == {"resource"}
    assert unbound_tables(select(head.pk).where(asked)) == set()
    assert unbound_tables(select(head.pk).where(asked, head.pk == term.pk)) == {"search_term"}
    assert unbound_tables(select(head.pk).where(asked, head.pk.in_(select(term.pk)))) == {"search_term"}
    assert unbound_tables(select(head.pk).where(head.study != bindparam("study"))) == {"resource"}
