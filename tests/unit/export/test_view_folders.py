"""A study's views as files: each holds the rows of its view, the manifest tells of them, nobody else's file goes."""

import csv
import hashlib
import json
from pathlib import Path

import duckdb
import polars
import pytest

from gateway.app import Gateway
from gateway.core.assets import asset_roots
from gateway.core.errors import Conflict, Forbidden
from gateway.export import Manifest, upload
from gateway.export.queries import Shelf, Tables, resources_of, run_source, study_tables
from gateway.export.queries.folder import DATABASE, ENDINGS, UNFINISHED, Ending
from gateway.study import Study
from tests.unit.export.test_ndjson import door

TYPES = ("Observation", "QuestionnaireResponse")


@pytest.fixture(scope="module")
def views(study: Study) -> Shelf:
    return study_tables(study.id, asset_roots("profiles"))


def expected(gateway: Gateway, study: Study, views: Shelf, client: str) -> dict[str, int]:
    reader = door(gateway, study, client)
    sources = [one for one in map(views.find, views.names) if one and resources_of(one) <= set(TYPES)]
    return {source.name: len(list(run_source(source, reader))) for source in sources}


def rows_in(folder: Path, manifest: Manifest, ending: Ending) -> dict[str, int]:
    names = [entry.name for entry in manifest.outputs]
    if ending == "duckdb":
        assert names == [DATABASE]
        with duckdb.connect(str(folder / DATABASE), read_only=True) as database:
            tables = [
                name for (name,) in database.execute("SELECT table_name FROM information_schema.tables").fetchall()
            ]
            return {name: len(database.table(name).fetchall()) for name in tables}
    found = {}
    for name in names:
        path = folder / name
        if ending == "csv":
            with path.open(encoding="utf-8", newline="") as file:
                found[path.stem] = len(list(csv.DictReader(file)))
        else:
            found[path.stem] = polars.read_parquet(path).height
    return found


@pytest.mark.parametrize("ending", ENDINGS.values())
@pytest.mark.parametrize("client", ["research", "norte-research"])
def test_each_file_holds_the_rows_of_its_view(
    filled: Gateway, study: Study, views: Shelf, tmp_path: Path, ending: Ending, client: str
) -> None:
    told: list[str] = []
    tables = Tables(door(filled, study, client), views, filled.clock(), lambda name, _count: told.append(name))
    manifest = tables.export(tmp_path, TYPES, ending)
    wanted = expected(filled, study, views, client)
    assert rows_in(tmp_path, manifest, ending) == wanted
    assert sum(wanted.values()) == sum(entry.count for entry in manifest.outputs) > 0
    assert set(told) <= set(wanted)
    assert json.loads((tmp_path / "manifest.json").read_bytes()) == manifest.tree
    for entry in manifest.outputs:
        assert hashlib.sha256((tmp_path / entry.name).read_bytes()).hexdigest() == entry.sha256
    assert {path.name for path in tmp_path.iterdir()} == {entry.name for entry in manifest.outputs} | {
        "manifest.json"
    }


def test_an_export_replaces_one_of_another_form_and_what_was_left_behind(
    filled: Gateway, study: Study, views: Shelf, tmp_path: Path
) -> None:
    tables = Tables(door(filled, study, "research"), views, filled.clock())
    tables.export(tmp_path, TYPES, "csv")
    (tmp_path / UNFINISHED).write_bytes(b"left by a killed run")
    manifest = tables.export(tmp_path, TYPES, "duckdb")
    assert {path.name for path in tmp_path.iterdir()} == {DATABASE, "manifest.json"}
    upload(tmp_path, f"memory://tables-{tmp_path.name}")
    assert [entry.name for entry in manifest.outputs] == [DATABASE]


def test_a_table_of_somebody_else_is_left_alone(filled: Gateway, study: Study, views: Shelf, tmp_path: Path) -> None:
    (tmp_path / "my-own.csv").write_text("kept")
    with pytest.raises(Conflict, match=r"export\.foreign-file"):
        Tables(door(filled, study, "research"), views, filled.clock()).export(tmp_path, TYPES, "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["my-own.csv"]


def test_a_type_beyond_the_scopes_is_refused(filled: Gateway, study: Study, views: Shelf, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        Tables(door(filled, study, "google-health"), views, filled.clock()).export(tmp_path, TYPES, "csv")
    assert not (tmp_path / "manifest.json").exists()
