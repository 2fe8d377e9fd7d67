"""SQL on FHIR: views are read strictly, give the rows that the official tests ask for, and become tables."""

import csv
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.core.errors import BadRequest, FhirError, Forbidden, Unprocessable
from gateway.definitions import r4
from gateway.export.views import compile_view, load_view, read_view, run_view, study_views, write_table
from gateway.search import Parameters, parse
from tests.compliance import suite_sql_on_fhir
from tests.compliance.official import folder

STUDY = "hf-dct-01"


def view(*columns, resource="Observation", **more):
    select = [{"column": [{"name": name, "path": path} for name, path in columns]}]
    return {"resource": resource, "select": select, **more}


def test_the_official_tests_pass():
    try:
        folder("sql-on-fhir")
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    passed, total, misses = suite_sql_on_fhir.run()
    assert (passed, misses) == (total, [])
    assert total > 100


ID = ("id", "id")
BROKEN = {
    "no object": ([], "ViewDefinition.resource"),
    "no resource": ({"select": [{"column": []}]}, "ViewDefinition.resource"),
    "unknown type": (view(ID, resource="Wearable"), "ViewDefinition.resource"),
    "no select": ({"resource": "Patient"}, "ViewDefinition.select"),
    "select is no list": ({"resource": "Patient", "select": {}}, "ViewDefinition.select"),
    "empty select": ({"resource": "Patient", "select": [{}]}, "ViewDefinition.select[0]"),
    "unknown element": (view(ID, ("x", "nonsense.code")), "ViewDefinition.select[0].column[1].path"),
    "broken path": (view(("x", "code.(")), "ViewDefinition.select[0].column[0].path"),
    "unknown constant": (view(("x", "code = %limit")), "ViewDefinition.select[0].column[0].path"),
    "column twice": (view(ID, ID), "ViewDefinition.select"),
    "column name": (view(("drop table", "id")), "ViewDefinition.select[0].column[0].name"),
    "view name": (view(ID, name='x"; DROP TABLE y; --'), "ViewDefinition.name"),
    "where is no boolean": (view(ID, where=[{"path": "status"}]), "ViewDefinition.where[0].path"),
    "constant of two values": (
        view(ID, constant=[{"name": "a", "valueCode": "x", "valueString": "y"}]),
        "ViewDefinition.constant[0]",
    ),
    "constant of a complex type": (
        view(ID, constant=[{"name": "a", "valueQuantity": {"value": 1}}]),
        "ViewDefinition.constant[0]",
    ),
    "two iterations": (
        {
            "resource": "Patient",
            "select": [{"forEach": "name", "repeat": ["contact"], "column": [{"name": "a", "path": "id"}]}],
        },
        "ViewDefinition.select[0]",
    ),
    "branches that differ": (
        {
            "resource": "Patient",
            "select": [{"unionAll": [{"column": [{"name": n, "path": "id"}]} for n in ("a", "b")]}],
        },
        "ViewDefinition.select[0].unionAll",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_faulty_definition_is_refused_with_its_place(name):
    tree, place = BROKEN[name]
    with pytest.raises(Unprocessable) as refused:
        compile_view(read_view(tree))
    assert place in [found.expression for found in refused.value.issues]


def test_selects_nest_to_a_bound():
    tree = {"column": [{"name": "id", "path": "id"}]}
    for _ in range(500):
        tree = {"select": [tree]}
    with pytest.raises(Unprocessable):
        read_view({"resource": "Patient", "select": [tree]})


def test_several_values_need_a_choice():
    compiled = compile_view(read_view(view(("code", "code.coding.code"))))
    with pytest.raises(Unprocessable, match=r"export\.view-several"):
        compiled.rows({"resourceType": "Observation", "code": {"coding": [{"code": "a"}, {"code": "b"}]}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "path", "select", "column", "forEach", "unionAll", "repeat", "where", "resource", "constant"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, JSON)
def test_no_definition_and_no_resource_is_beyond_a_clear_answer(definition, resource):
    try:
        compile_view(read_view(definition))
    except FhirError as error:
        assert error.issues
    compiled = compile_view(
        read_view(view(("code", "code.coding.code.first()"), ("value", "value.ofType(Quantity).value")))
    )
    try:
        compiled.rows({"resourceType": "Observation", "code": resource, "valueQuantity": resource})
    except FhirError as error:
        assert error.issues


TYPED = {
    "resource": "Observation",
    "name": "typed",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {
                    "name": "day",
                    "path": "effective.ofType(dateTime)",
                    "tag": [{"name": "ansi/type", "value": "DATE"}],
                },
                {
                    "name": "at",
                    "path": "effective.ofType(dateTime)",
                    "tag": [{"name": "ansi/type", "value": "TIMESTAMP WITH TIME ZONE"}],
                },
                {
                    "name": "double",
                    "path": "value.ofType(Quantity).value",
                    "tag": [{"name": "ansi/type", "value": "DOUBLE PRECISION"}],
                },
                {"name": "has_unit", "path": "value.ofType(Quantity).unit.exists()"},
                {"name": "codes", "path": "code.coding.code", "collection": True},
            ]
        }
    ],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "=1+1",
    "code": {"coding": [{"code": "a"}, {"code": "b"}]},
    "effectiveDateTime": "2026-02-03T23:15:00-05:00",
    "valueQuantity": {"value": Decimal("4.060")},
}


@pytest.fixture
def typed():
    compiled = compile_view(read_view(TYPED))
    return compiled, compiled.rows(OBSERVATION)


def test_parquet_has_the_types_of_the_columns(typed, tmp_path):
    assert write_table(*typed, tmp_path / "typed.parquet") == 1
    table = parquet.read_table(tmp_path / "typed.parquet")
    assert [str(field.type) for field in table.schema] == [
        *(
            "string",
            "decimal128(38, 12)",
            "date32[day]",
            "timestamp[us, tz=UTC]",
            "double",
            "bool",
            "list<element: string>",
        ),
    ]
    [row] = table.to_pylist()
    assert (row["value"], row["day"].isoformat(), row["codes"]) == (Decimal("4.060"), "2026-02-03", ["a", "b"])
    assert row["at"].isoformat() == "2026-02-04T04:15:00+00:00"
    assert (tmp_path / "typed.parquet").stat().st_mode & 0o077 == 0


def test_a_csv_cell_is_no_formula_and_keeps_the_text_of_numbers(typed, tmp_path):
    write_table(*typed, tmp_path / "typed.csv")
    [row] = csv.DictReader((tmp_path / "typed.csv").open())
    assert (row["id"], row["value"], row["has_unit"], row["codes"]) == ("'=1+1", "4.060", "false", '["a","b"]')


def test_ndjson_keeps_the_text_of_numbers(typed, tmp_path):
    write_table(*typed, tmp_path / "typed.ndjson")
    assert b'"value":4.060' in (tmp_path / "typed.ndjson").read_bytes()


def test_a_duckdb_file_keeps_its_other_tables(typed, tmp_path):
    path = tmp_path / "typed.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE other AS SELECT 1 AS one")
    for _ in range(2):
        write_table(*typed, path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT value FROM typed").fetchall() == [(Decimal("4.060000000000"),)]
        assert connection.execute("SELECT count(*) FROM other").fetchall() == [(1,)]


def test_a_failing_view_leaves_no_file_and_keeps_the_earlier_one(typed, tmp_path):
    def failing():
        yield typed[1][0]
        raise Unprocessable

    for name in ("a.ndjson", "a.csv", "a.parquet"):
        write_table(*typed, tmp_path / name)
        before = (tmp_path / name).read_bytes()
        with pytest.raises(Unprocessable):
            write_table(typed[0], failing(), tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"a.ndjson", "a.csv", "a.parquet"}


def test_an_unknown_ending_is_refused(typed, tmp_path):
    with pytest.raises(BadRequest, match=r"export\.table-format"):
        write_table(*typed, tmp_path / "typed.xlsx")


def test_a_number_with_too_many_digits_is_refused_not_rounded(typed, tmp_path):
    rows = typed[0].rows({**OBSERVATION, "valueQuantity": {"value": Decimal("0.1234567890123456")}})
    with pytest.raises(Unprocessable, match=r"export\.view-value"):
        write_table(typed[0], rows, tmp_path / "typed.parquet")


def test_a_file_that_is_no_view_names_itself(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_bytes(dumps(view(("x", "nonsense"))))
    with pytest.raises(Unprocessable) as refused:
        load_view(path)
    assert refused.value.issues[0].source == "wrong.json"


def test_the_views_of_the_demo_study_compile():
    assert {"vital_signs", "laboratory_results", "epro_scores", "visits"} <= study_views(
        STUDY, asset_roots("profiles")
    ).keys()


def test_a_view_sees_what_a_search_of_the_same_reader_sees(filled, study, tmp_path):
    found = study_views(STUDY, asset_roots("profiles"))["vital_signs"]
    for client in ("research", "norte-research"):
        door = filled.access.door(study.principal(study.clients[client]))
        query = parse("Observation", [("category", "vital-signs"), ("_total", "accurate")], Parameters(r4()))
        write_table(found, run_view(found, door), tmp_path / "vital-signs.parquet")
        rows = duckdb.read_parquet(str(tmp_path / "vital-signs.parquet"))
        visible = {row.key.id for row in door.stream(query)}
        assert {key for (key,) in rows.project("id").fetchall()} == visible
        assert visible


def test_a_view_reaches_no_further_than_the_readers_scopes(filled, study):
    found = study_views(STUDY, asset_roots("profiles"))["visits"]
    door = filled.access.door(study.principal(study.clients["research"]))
    with pytest.raises(Forbidden):
        list(run_view(found, door))


def test_loads_is_what_views_run_on(typed):
    assert typed[0].rows(loads(dumps(OBSERVATION))) == typed[1]
