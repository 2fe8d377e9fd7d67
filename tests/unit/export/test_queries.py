"""SQL over views that runs: totals are those of polars over the same values, and of what the reader may see."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from gateway.app import Gateway
from gateway.conformance import Validator
from gateway.core.assets import asset_roots
from gateway.core.errors import BadRequest, Unprocessable
from gateway.definitions import r4
from gateway.export.deidentify import Deidentifier, load_policy, shipped_policies, study_key
from gateway.export.queries import Shelf, library_of_sql, load_query, read_query, read_values, run_source
from gateway.export.queries import study_tables as tables_of
from gateway.export.queries.database import database
from gateway.export.views import load_view, run_view, write_table
from gateway.export.views.columns import Shape
from gateway.study import Study
from gateway.terminology import LocalTerminology
from tests.unit.export.libraries import VALUES, compiled, library, parameters, rules, view_query
from tests.unit.export.test_ndjson import door

KEYS = ("patient", "device", "day", "system", "code", "unit")


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


def test_the_sql_for_this_database_is_taken() -> None:
    data = [base64.b64encode(sql.encode()).decode() for sql in ("SELECT 1 AS a", "SELECT 2 AS a")]
    kinds = ("application/sql", "application/sql; dialect=DuckDB")
    content = [{"contentType": kind, "data": text} for kind, text in zip(kinds, data, strict=True)]
    assert read_query(library("", content=content)).sql == "SELECT 2 AS a"


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
