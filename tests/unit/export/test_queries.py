"""SQL over views: totals are those of polars over the same values, faults are named, and SQL sees nothing else."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from gateway.app import Gateway
from gateway.conformance import Validator
from gateway.core.assets import asset_roots
from gateway.core.errors import BadRequest, FhirError, Unavailable, Unprocessable
from gateway.definitions import r4
from gateway.export.deidentify import Deidentifier, load_policy, shipped_policies, study_key
from gateway.export.queries import Query, Shelf, library_of_sql, load_query, read_query, read_values, run_source
from gateway.export.queries import study_tables as tables_of
from gateway.export.queries.database import database
from gateway.export.views import load_view, run_view, write_table
from gateway.export.views.columns import Shape
from gateway.study import Study
from gateway.terminology import LocalTerminology
from tests.unit.export.test_ndjson import door

SYSTEM = "https://sql-on-fhir.org/ig/CodeSystem/LibraryTypesCodes"
VALUES = "urn:trial-fhir-gateway:study:hf-dct-01:view:wearable-values"
KEYS = ("patient", "device", "day", "system", "code", "unit")


@pytest.fixture(scope="module")
def shelf(study: Study) -> Shelf:
    return tables_of(study.id, asset_roots("profiles"))


def library(
    sql: str, *, tables: dict[str, str] | None = None, code: str = "sql-query", **more: Any
) -> dict[str, Any]:
    known = {"v": VALUES} if tables is None else tables
    related = [{"type": "depends-on", "label": label, "resource": url} for label, url in known.items()]
    return {
        "resourceType": "Library",
        "name": "mine",
        "type": {"coding": [{"system": SYSTEM, "code": code}]},
        "relatedArtifact": related,
        "content": [{"contentType": "application/sql", "data": base64.b64encode(sql.encode()).decode()}],
    } | more


def compiled(shelf: Shelf, sql: str, **more: Any) -> Any:
    return shelf.compile(read_query(library(sql, **more)))


def parameters(**kinds: str) -> list[dict[str, str]]:
    return [{"name": name, "use": "in", "type": kind} for name, kind in kinds.items()]


def rules(caught: "pytest.ExceptionInfo[FhirError]") -> list[str]:
    return [found.rule for found in caught.value.issues]


@pytest.mark.parametrize("client", ["data-manager", "research", "norte-research"])
def test_the_daily_summary_is_what_polars_makes_of_the_values(
    filled: Gateway, study: Study, shelf: Shelf, tmp_path: Path, client: str
) -> None:
    reader = door(filled, study, client)
    values, summary = shelf.find("wearable_values"), shelf.find("wearable_daily_summary")
    assert values is not None
    assert summary is not None
    many = write_table(values, run_source(values, reader), tmp_path / "values.parquet")
    count = write_table(summary, run_source(summary, reader), tmp_path / "summary.parquet")
    frame = polars.read_parquet(tmp_path / "values.parquet")
    made = polars.read_parquet(tmp_path / "summary.parquet")
    value, at = polars.col("value"), polars.col("effective")
    expected = frame.group_by(KEYS).agg(
        polars.len().alias("count"),
        value.min().alias("min"),
        value.cast(polars.Float64).mean().alias("mean"),
        value.max().alias("max"),
        value.sum().alias("sum"),
        value.sort_by(at, "id").first().alias("first"),
        value.sort_by(at, "id").last().alias("last"),
        at.min().alias("first_time"),
        at.max().alias("last_time"),
        at.str.slice(0, 16).n_unique().alias("minutes"),
    )
    assert many == made["count"].sum() > count == expected.height > 0
    columns = [*KEYS, "count", "min", "mean", "max", "sum", "first", "last", "first_time", "last_time", "minutes"]
    order = made.select(columns).rows()
    assert order == sorted(order, key=lambda row: [str(row[i] or "~") for i in (0, 2, 1, 3, 4, 5)])
    for ours, theirs in zip(sorted(order, key=str), sorted(expected.select(columns).rows(), key=str), strict=True):
        assert ours[:8] == theirs[:8]
        assert ours[8] == pytest.approx(theirs[8])
        assert ours[9:] == theirs[9:]


def test_a_summary_is_of_what_the_policy_lets_go(filled: Gateway, study: Study, shelf: Shelf, tmp_path: Path) -> None:
    policy = load_policy(shipped_policies(asset_roots("profiles"))["safe-harbor"])
    private = Deidentifier(policy, study_key(tmp_path, study.id), filled.clock().date())
    summary = shelf.find("wearable_daily_summary")
    assert summary is not None
    rows = list(run_source(summary, door(filled, study, "research"), deidentifier=private))
    told = repr(rows)
    assert rows
    assert not any(person.patient in told for person in study.participants)
    assert {row[2] for row in rows} == {"2026"}


def test_a_summary_of_nothing_is_empty(filled: Gateway, study: Study, shelf: Shelf) -> None:
    found = compiled(shelf, "SELECT patient, count(*) AS n FROM v WHERE code = 'none' GROUP BY ALL")
    assert list(run_source(found, door(filled, study, "research"))) == []
    assert [(one.name, one.kind) for one in found.columns] == [("patient", "string"), ("n", "integer")]


def test_periods_zones_and_days_of_the_summary(shelf: Shelf) -> None:
    """Minutes of overlapping periods count once; what has no time has no minutes; first and last go by instants."""
    found = shelf.find("wearable_daily_summary")
    rows = [
        steps("a", "2026-03-29T08:00:00+01:00", "2026-03-29T08:10:00+01:00", 10),
        steps("b", "2026-03-29T08:05:00+01:00", "2026-03-29T08:15:00+01:00", 20),
        steps("c", "2026-03-29T08:01:00+02:00", None, 40),
        steps("d", "2026-03-29", None, 5),
        steps("e", "2026-03-30T00:00:00Z", "9999-03-30T00:00:00Z", 7),
    ]
    made = [dict(zip((one.name for one in found.columns), row, strict=True)) for row in summed(found, rows)]  # type: ignore[union-attr]
    by_day = {row["day"]: row for row in made}
    first = by_day["2026-03-29"]
    assert (first["count"], first["sum"], first["mean"], first["minutes"]) == (4, 75, 18.75, 16)
    assert (first["first"], first["first_time"]) == (40, "2026-03-29T08:01:00+02:00")
    assert by_day["2026-03-30"]["minutes"] == 1440


def steps(identity: str, start: str, end: str | None, value: int) -> tuple[Any, ...]:
    return (identity, "p", "d", start[:10], start, end, "s", "c", "Steps", Decimal(value), None, "1")


def summed(found: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    from gateway.export.queries.statement import duckdb_sql

    with database() as tables:
        tables.create("measured", found.tables["measured"].columns)
        tables.fill("measured", found.tables["measured"].columns, rows)
        return list(tables.select(duckdb_sql(found.query), found.columns, {}))


def test_values_of_components_and_series(tmp_path: Path) -> None:
    view = load_view(asset_roots("profiles")[0].joinpath("studies/hf-dct-01/views/wearable-values.json"))
    base = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "activity"}]}
        ],
        "code": {"coding": [{"system": "s", "code": "panel"}]},
        "subject": {"reference": "Patient/p"},
        "device": {"reference": "Device/d"},
        "effectiveDateTime": "2026-03-29T08:00:00+01:00",
    }
    two = [
        {"code": {"coding": [{"code": str(n)}]}, "valueQuantity": {"value": Decimal(n), "code": "1"}} for n in (1, 2)
    ]
    series = {
        "origin": {"value": Decimal("2048"), "code": "uV"},
        "period": 10,
        "factor": Decimal("0.5"),
        "dimensions": 1,
        "data": "1 E 2041.5 U -3",
    }
    column = [one.name for one in view.columns].index
    got = [(row[column("code")], row[column("value")]) for row in view.rows(base | {"component": two})]
    assert got == [("1", 1), ("2", 2)]
    rows = view.rows(base | {"valueSampledData": series})
    assert [row[column("value")] for row in rows] == [Decimal("2048.5"), Decimal("3068.75"), Decimal("2046.5")]
    assert {row[column("unit")] for row in rows} == {"uV"}
    assert view.rows(base | {"status": "entered-in-error", "component": two}) == []


def test_a_query_with_parameters(filled: Gateway, study: Study, shelf: Shelf) -> None:
    sql = """SELECT id, ':code' AS kept, v.day::DATE AS day FROM v WHERE code = :code AND v.day::DATE >= :from_day
        AND value > :low"""
    found = compiled(shelf, sql, parameter=parameters(code="string", from_day="date", low="decimal"))
    reader = door(filled, study, "research")
    texts = {"code": "8867-4", "from_day": "2026-01-01", "low": "0.5"}
    rows = list(run_source(found, reader, values=read_values(found.query, texts)))
    assert rows
    assert {row[1] for row in rows} == {":code"}
    hostile = texts | {"code": "8867-4' OR '1'='1"}
    assert list(run_source(found, reader, values=read_values(found.query, hostile))) == []
    with pytest.raises(BadRequest) as caught:
        list(run_source(found, reader))
    assert rules(caught) == ["export.query-parameter"] * 3


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


def test_the_sql_for_this_database_is_taken() -> None:
    data = [base64.b64encode(sql.encode()).decode() for sql in ("SELECT 1 AS a", "SELECT 2 AS a")]
    kinds = ("application/sql", "application/sql; dialect=DuckDB")
    content = [{"contentType": kind, "data": text} for kind, text in zip(kinds, data, strict=True)]
    assert read_query(library("", content=content)).sql == "SELECT 2 AS a"


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


def view_query(name: str, sql: str, tables: dict[str, str]) -> Query:
    return read_query(library(sql, tables=tables, code="sql-view", url=f"urn:{name}", name=name))


def test_queries_stand_on_queries(filled: Gateway, study: Study, shelf: Shelf) -> None:
    daily = view_query("daily", "SELECT patient, day, sum(value) AS total FROM v GROUP BY ALL", {"v": VALUES})
    top = read_query(library("SELECT sum(total) AS total, count(*) AS days FROM d", tables={"d": "urn:daily"}))
    found = Shelf(shelf.views, {"daily": daily, "mine": top}).find("mine")
    assert found is not None
    reader = door(filled, study, "research")
    [(total, days)] = run_source(found, reader)
    view = shelf.views["wearable_values"]
    at = {one.name: index for index, one in enumerate(view.columns)}
    rows = list(run_view(view, reader))
    assert total == sum(row[at["value"]] for row in rows)
    assert days == len({(row[at["patient"]], row[at["day"]]) for row in rows})


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


def test_a_large_table_spills(tmp_path: Path) -> None:
    """More rows than the memory holds: the groups are whole, and the folder is gone afterwards."""
    columns = [Shape("a", "string", False), Shape("n", "integer", False)]
    rows = ((f"participant {number % 5_000} " * 40, number) for number in range(150_000))
    with database(memory="48MB") as tables:
        tables.create("t", columns)
        tables.fill("t", columns, rows)
        folder = Path(str(tables.connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]))  # type: ignore[index]
        assert any(folder.iterdir())
        [(groups, total)] = tables.select(
            "SELECT count(*) AS g, sum(n) AS t FROM (SELECT a, sum(n) AS n FROM t GROUP BY a)",
            [Shape("g", "integer", False), Shape("t", "integer", False)],
            {},
        )
    assert (groups, total) == (5_000, 150_000 * 149_999 // 2)
    assert not folder.exists()


def test_values_come_back_as_views_have_them() -> None:
    columns = [
        Shape("s", "string", False),
        Shape("d", "decimal", False),
        Shape("t", "timestamp", False),
        Shape("l", "string", True),
    ]
    rows: list[tuple[Any, ...]] = [
        ("ä", Decimal("72.30"), datetime(2026, 3, 29, 1, tzinfo=UTC), ["x", "y"]),
        (None, Decimal("1200"), None, None),
    ]
    with database() as tables:
        tables.create("t", columns)
        tables.fill("t", columns, rows)
        back = list(tables.select("SELECT * FROM t", columns, {}))
    assert back == rows
    assert [str(row[1]) for row in back] == ["72.3", "1200"]


SQL = """/*
@name: pulse
@title: Pulse by day
@author: One
@author: Two
*/
-- @param: low decimal The least value
-- @relatedDependency: urn:a as v
SELECT '-- @param: no string' AS a -- @status: active
"""


def test_annotated_sql_is_a_library(tmp_path: Path) -> None:
    tree = library_of_sql(SQL, "file_name")
    assert (tree["name"], tree["title"], tree["status"]) == ("pulse", "Pulse by day", "active")
    assert [one["name"] for one in tree["author"]] == ["One", "Two"]
    assert tree["parameter"] == [{"name": "low", "use": "in", "type": "decimal", "documentation": "The least value"}]
    assert tree["relatedArtifact"] == [{"type": "depends-on", "label": "v", "resource": "urn:a"}]
    assert read_query(tree).sql == SQL
    (tmp_path / "my-query.sql").write_text("SELECT 1 AS a")
    assert load_query(tmp_path / "my-query.sql").name == "my_query"


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


def test_the_library_of_the_demo_fits_the_standard() -> None:
    file = asset_roots("profiles")[0].joinpath("studies/hf-dct-01/queries/wearable-daily-summary.sql")
    tree = library_of_sql(file.read_bytes().decode(), "x")
    assert [found for found in Validator(r4(), LocalTerminology(r4())).validate(tree) if found.blocks] == []


def test_a_folder_of_queries(study: Study, tmp_path: Path) -> None:
    folder = tmp_path / "studies" / study.id / "queries"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(library("SELECT id FROM v", name="mine")))
    (folder / "b.sql").write_text(f"-- @name: vital_signs\n-- @relatedDependency: {VALUES} as v\nSELECT id FROM v")
    (folder / "c.json").write_text("{")
    (folder / "d.sql").write_bytes(b"\xff")
    with pytest.raises(Unprocessable) as caught:
        tables_of(study.id, [*asset_roots("profiles"), tmp_path])
    told = [(one.rule, one.source) for one in caught.value.issues if one.source.endswith((".json", ".sql"))]
    assert told == [
        ("export.query-name", "b.sql"),
        ("export.query-file", "c.json"),
        ("export.query-file", "d.sql"),
    ]


def test_no_room_is_told() -> None:
    import duckdb

    def fail() -> None:
        raise duckdb.OutOfMemoryException("full")

    with database() as tables, pytest.raises(Unavailable):
        tables.limited(fail)
