"""SQL over views that is refused: faults are named where they are, and SQL sees nothing but its own tables."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars
import pytest

from gateway.app import Gateway
from gateway.core.errors import BadRequest, Unavailable, Unprocessable
from gateway.export.queries import Shelf, library_of_sql, read_query, read_values, run_source
from gateway.export.queries.database import database
from gateway.export.views.columns import Shape
from gateway.study import Study
from tests.unit.export.libraries import SYSTEM, VALUES, compiled, library, parameters, rules, view_query
from tests.unit.export.test_ndjson import door

BAD_VALUES = {
    "missing": {},
    "unknown": {"n": "1", "day": "2026-01-01", "flag": "true", "at": "2026", "x": ""},
    "no integer": {"n": "1.5", "day": "2026-01-01", "flag": "true", "at": "2026"},
    "too large": {"n": "3000000000", "day": "2026-01-01", "flag": "true", "at": "2026"},
    "no date": {"n": "1", "day": "2026", "flag": "true", "at": "2026"},
    "no boolean": {"n": "1", "day": "2026-01-01", "flag": "yes", "at": "2026"},
    "no instant": {"n": "1", "day": "2026-01-01", "flag": "true", "at": "soon"},
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_values_that_do_not_fit(name: str) -> None:
    kinds = parameters(n="integer", day="date", flag="boolean", at="dateTime")
    query = read_query(library("SELECT 1 AS a", parameter=kinds))
    with pytest.raises(BadRequest) as caught:
        read_values(query, BAD_VALUES[name])
    assert set(rules(caught)) == {"export.query-parameter"}


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"resourceType": "Basic"}, "Library"),
    "another kind of library": ({"type": {"coding": [{"system": SYSTEM, "code": "logic-library"}]}}, "Library.type"),
    "no type": ({"type": "sql-query"}, "Library.type"),
    "a name for SQL to stumble over": ({"name": 'x"; DROP TABLE v; --'}, "Library.name"),
    "no SQL": ({"content": []}, "Library.content"),
    "SQL of another dialect": (
        {"content": [{"contentType": "application/sql;dialect=oracle", "data": "MQ=="}]},
        "Library.content",
    ),
    "another language": (
        {"content": [{"contentType": kind, "data": "MQ=="} for kind in ("application/sql", "text/cql")]},
        "Library.content[1].contentType",
    ),
    "no base64": ({"content": [{"contentType": "application/sql", "data": "SELECT 1"}]}, "Library.content[0].data"),
    "no text": ({"content": [{"contentType": "application/sql", "data": "//8="}]}, "Library.content[0].data"),
    "another text beside it": (
        {
            "content": [
                {
                    "contentType": "application/sql",
                    "data": "MQ==",
                    "extension": [{"url": "https://x/StructureDefinition/sql-text", "valueString": "2"}],
                }
            ]
        },
        "Library.content[0].extension",
    ),
    "a label for SQL to stumble over": (
        {"relatedArtifact": [{"type": "depends-on", "label": "a b", "resource": VALUES}]},
        "Library.relatedArtifact[0].label",
    ),
    "a label twice": (
        {"relatedArtifact": [{"type": "depends-on", "label": one, "resource": VALUES} for one in ("a", "A")]},
        "Library.relatedArtifact[1].label",
    ),
    "no address": (
        {"relatedArtifact": [{"type": "depends-on", "label": "a"}]},
        "Library.relatedArtifact[0].resource",
    ),
    "a list that is none": ({"relatedArtifact": {}}, "Library.relatedArtifact"),
    "a parameter out": ({"parameter": [{"name": "a", "use": "out", "type": "string"}]}, "Library.parameter[0].use"),
    "a parameter's type": ({"parameter": parameters(a="Patient")}, "Library.parameter[0].type"),
    "a parameter's name": ({"parameter": parameters(**{"a b": "string"})}, "Library.parameter[0].name"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_faults_of_a_library_have_their_place(name: str) -> None:
    more, place = BROKEN[name]
    with pytest.raises(Unprocessable) as caught:
        read_query(library("SELECT 1 AS a") | more)
    assert [(found.rule, found.expression) for found in caught.value.issues] == [("export.query-element", place)]


FAULTS = {
    "syntax": ("SELECT a,\n b FROMM v WHERE", "export.query-sql", "line 2, column 10"),
    "empty": ("-- nothing", "export.query-statement", ""),
    "unknown column": ("SELECT patient,\n nope FROM v", "export.query-sql", "line 2"),
    "types": ("SELECT sum(patient) AS s FROM v", "export.query-sql", "line 1"),
    "unknown table": ("SELECT id FROM v\nJOIN other USING (id)", "export.query-table", "line 2, column 6"),
    "undeclared parameter": ("SELECT id FROM v WHERE id = $other", "export.query-element", "line 1, column 29"),
    "a parameter by position": ("SELECT id FROM v WHERE id = ?", "export.query-element", "line 1, column 29"),
    "no name": ("SELECT count(*) FROM v", "export.query-column", ""),
    "no kind of ours": ("SELECT INTERVAL 1 DAY AS a FROM v", "export.query-column", ""),
    "a time without zone": ("SELECT effective::TIMESTAMP AS a FROM v", "export.query-column", ""),
    "unknown function": ("SELECT nonsense(id) AS a FROM v", "export.query-function", "line 1, column 8"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_sql_have_their_place(shelf: Shelf, name: str) -> None:
    sql, rule, place = FAULTS[name]
    with pytest.raises(Unprocessable) as caught:
        compiled(shelf, sql)
    assert [(found.rule, found.source) for found in caught.value.issues] == [(rule, place)]
    assert caught.value.issues[0].expression.startswith("Library.")


ATTACKS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM parquet_scan('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.org/x.parquet'",
    'SELECT * FROM "s3://bucket/x.csv"',
    "COPY v TO '/var/stolen.csv'",
    "COPY (SELECT * FROM v) TO '/var/stolen.csv'",
    "EXPORT DATABASE '/var/stolen'",
    "ATTACH '/var/other.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "SET memory_limit = '100GB'",
    "RESET lock_configuration",
    "SELECT id FROM v; ATTACH '/var/other.duckdb'",
    "SELECT 1 AS a; SELECT 2 AS a",
    "CREATE TABLE x AS SELECT * FROM v",
    "CREATE MACRO f(a) AS TABLE SELECT * FROM read_csv(a)",
    "CREATE SECRET s (TYPE http)",
    "DELETE FROM v",
    "INSERT INTO v SELECT * FROM v",
    "WITH gone AS (DELETE FROM v RETURNING *) SELECT id FROM gone",
    "DROP TABLE v",
    "EXPLAIN ANALYZE SELECT * FROM v",
    "DESCRIBE v",
    "SHOW TABLES",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM memory.main.v",
    "SELECT current_setting('temp_directory') AS a",
    "SELECT getenv('HOME') AS a",
    "SELECT current_user AS a FROM v, (SELECT current_user())",
    "SELECT * FROM query('SELECT * FROM v')",
    "SELECT * FROM query_table('v')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT json_serialize_sql('SELECT 1') AS a",
    "SELECT * FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM pragma_storage_info('v')",
    "SELECT * FROM duckdb_logs()",
    "SELECT write_log('x') AS a",
    "SELECT sleep_ms(100000) AS a",
    "SELECT pg_sleep(100000) AS a",
    "SELECT random() AS a",
    "SELECT now() AS a",
    "SELECT version() AS a",
    "SELECT system.main.now() AS a",
    "SELECT nextval('x') AS a",
    "SELECT * FROM v TABLESAMPLE 10%",
    "SELECT * FROM v USING SAMPLE 5",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) AS a",
    "SELECT id FROM v WHERE id IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT list_transform([1], lambda x: getvariable('x')) AS a",
    "SELECT id FROM v ORDER BY random()",
    "SELECT id FROM v GROUP BY id HAVING random() > 0",
    "SELECT id FROM v LIMIT (SELECT count(*) FROM glob('/etc/*'))",
    "PIVOT v ON code USING sum(value)",
    "FROM v JOIN read_csv('/etc/passwd') ON true",
    "SELECT b.* FROM (WITH pg_class AS (SELECT 1) FROM pg_class) a, pg_class b",
    "SELECT b.* FROM (WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables) a, duckdb_tables b",
    'SELECT b.* FROM (WITH "/etc/passwd" AS (SELECT 1 AS a) FROM "/etc/passwd") a, "/etc/passwd" b',
    "SELECT id FROM v) TO '/var/x'; --",
    "SELECT id FROM v); ATTACH '/var/x'; SELECT (1",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_sql_sees_its_own_tables_alone(shelf: Shelf, sql: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        compiled(shelf, sql)
    allowed = {"export.query-statement", "export.query-function", "export.query-table", "export.query-sql"}
    assert set(rules(caught)) <= allowed


OPENINGS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "COPY (SELECT 1) TO '{folder}/stolen.csv'",
    "ATTACH '{folder}/other.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "SELECT * FROM local_frame",
]


@pytest.mark.parametrize("sql", OPENINGS)
def test_the_database_is_shut_below_the_check_too(sql: str, tmp_path: Path) -> None:
    """Were a statement to slip through, DuckDB itself has nothing to give."""
    import duckdb

    local_frame = polars.DataFrame({"a": [1]})
    assert local_frame.height == 1
    with database() as shut, pytest.raises(duckdb.Error):
        shut.connection.execute(sql.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", [f"SELECT {'1+' * 50_000}1 AS a", f"SELECT {'(' * 5_000}1{')' * 5_000} AS a"])
def test_a_deep_statement_ends_in_a_fault_or_a_query(shelf: Shelf, sql: str) -> None:
    with pytest.raises(Unprocessable):
        compiled(shelf, sql)


def test_unknown_views_and_circles(shelf: Shelf) -> None:
    with pytest.raises(Unprocessable) as caught:
        compiled(shelf, "SELECT 1 AS a", tables={"a": "urn:none", "v": VALUES, "b": "urn:nor-this"})
    places = [f"Library.relatedArtifact[{index}].resource" for index in (0, 2)]
    assert [(one.rule, one.expression) for one in caught.value.issues] == [("export.query-view", at) for at in places]
    own = {name: {"t": f"urn:{other}"} for name, other in (("a", "b"), ("b", "c"), ("c", "a"))}
    queries = {name: view_query(name, "SELECT id FROM t", tables) for name, tables in own.items()}
    with pytest.raises(Unprocessable) as caught:
        Shelf(shelf.views, queries).find("a")
    assert rules(caught) == ["export.query-cycle"]
    assert "a -> b -> c -> a" in caught.value.issues[0].message


def test_many_tables_are_too_many(shelf: Shelf) -> None:
    queries = {"v0": view_query("v0", "SELECT id FROM v", {"v": VALUES})}
    for level in range(1, 7):
        tables = {f"t{n}": f"urn:v{level - 1}" for n in range(2)}
        queries[f"v{level}"] = view_query(f"v{level}", "SELECT t0.id FROM t0, t1", tables)
    with pytest.raises(Unprocessable) as caught:
        Shelf(shelf.views, queries).find("v6")
    assert rules(caught) == ["export.query-deep"]


def test_what_fails_over_data_says_nothing_of_them(filled: Gateway, study: Study, shelf: Shelf) -> None:
    found = compiled(shelf, "SELECT CAST(patient AS INTEGER) AS a FROM v")
    with pytest.raises(Unprocessable) as caught:
        list(run_source(found, door(filled, study, "research")))
    assert rules(caught) == ["export.query-run"]
    told = json.dumps([found.message + found.hint for found in caught.value.issues])
    assert not any(person.patient in told for person in study.participants)


def test_a_query_without_end_is_stopped() -> None:
    sql = "SELECT sum(a.range * b.range) AS s FROM range(10000000) a, range(10000000) b"
    with database(seconds=0.2) as tables, pytest.raises(Unprocessable) as caught:
        list(tables.select(sql, [Shape("s", "double", False)], {}))
    assert rules(caught) == ["export.query-time"]


@pytest.mark.parametrize("line", ["@titel: x", "@param: low", "@relatedDependency: urn:a", "@name: a\n-- @name: b"])
def test_annotations_that_cannot_be_read(line: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        library_of_sql(f"SELECT 1 AS a\n-- {line}", "x")
    last = 2 + line.count("\n")
    assert [(one.rule, one.source) for one in caught.value.issues] == [("export.query-annotation", f"line {last}")]


@pytest.mark.parametrize("part", ["/*", "'", '"', "* ", "-- @a: ", "@"])
def test_a_long_text_of_annotations_is_run_through_once(part: str) -> None:
    for text in (f"-- @name: {part * 40_000}", part * 45_000):
        with suppress(Unprocessable):
            library_of_sql(text, "x")
    with pytest.raises(Unprocessable):
        library_of_sql(part * 200_000, "x")


def test_no_room_is_told() -> None:
    import duckdb

    def fail() -> None:
        raise duckdb.OutOfMemoryException("full")

    with database() as tables, pytest.raises(Unavailable):
        tables.limited(fail)
