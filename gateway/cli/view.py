"""`gateway view`: SQL on FHIR views, and queries over them, of what a client may take along."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error, show_issues, write_json, write_line
from gateway.cli.export import deidentifier_for
from gateway.cli.readers import reader_of

if TYPE_CHECKING:
    from gateway.export.queries import Query, Shelf, Source
    from gateway.export.views import CompiledView

app = typer.Typer(
    help="List, check and run SQL on FHIR views and queries.", no_args_is_help=True, rich_markup_mode=None
)

StudyName = Annotated[str, typer.Option("--study", help="The study's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]


@app.command("list")
def list_views(study: StudyName, as_json: AsJson = False) -> None:
    """List the views and queries that a study brings, with their columns.

    Example: gateway view list --study hf-dct-01
    """
    shelf = _shelf(study)
    for name in shelf.names:
        found = _found(shelf, name)
        columns = [column.name for column in found.columns]
        title, kind, parameters = _told(found)
        if as_json:
            more = {"parameters": parameters} if parameters else {}
            write_json({"view": name, "title": title, "resource": kind, "columns": columns, **more})
        else:
            write_line(f"{name:24} {kind:22} {title}")
            write_line(f"{'':24} {', '.join(columns)}")
            for parameter, value in parameters.items():
                write_line(f"{'':24} --parameter {parameter}={value.upper()}")


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="ViewDefinitions, Libraries or annotated SQL.", exists=True)],
    study: Annotated[str, typer.Option("--study", help="The study whose views queries stand on.")] = "",
) -> None:
    """Check ViewDefinitions and queries: every fault, with its place. Exit 1 when one has faults.

    The SQL of a query is checked against the views of the study. Example:
    gateway view check --study hf-dct-01 profiles/studies/hf-dct-01/queries/wearable-daily-summary.sql
    """
    from gateway.core.errors import FhirError

    shelf = _shelf(study) if study else None
    failed = False
    for path in paths:
        try:
            found = _load(path)
            if shelf is not None:
                _compiled(shelf, found)
        except FhirError as error:
            show_issues(error.issues, str(path))
            failed = True
    if failed:
        raise typer.Exit(1)


@app.command("library")
def write_library(path: Annotated[Path, typer.Argument(help="Annotated SQL.", exists=True, dir_okay=False)]) -> None:
    """Print the SQLQuery Library of an annotated SQL file, to share it with other servers.

    Example: gateway view library profiles/studies/hf-dct-01/queries/wearable-daily-summary.sql
    """
    from gateway.core.errors import FhirError
    from gateway.export.queries import library_of_sql, read_query

    try:
        library = library_of_sql(path.read_text(encoding="utf-8"), path.stem.replace("-", "_"))
        read_query(library)
    except FhirError as error:
        show_issues(error.issues, str(path))
        raise typer.Exit(1) from None
    write_json(library)


@app.command()
def run(
    view: Annotated[str, typer.Argument(help="A view or query of the study, or a file of one (.json, .sql).")],
    study: StudyName,
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study.")],
    out: Annotated[Path, typer.Option("--out", help="The file: .ndjson, .csv, .parquet or .duckdb.")],
    deidentify: Annotated[
        str, typer.Option("--deidentify", help="A policy: safe-harbor, research-pseudonymised, or a file")
    ] = "",
    parameter: Annotated[
        list[str] | None, typer.Option(help="A query's parameter, as name=value; repeatable")
    ] = None,
) -> None:
    """Write the rows of a view or a query: only what Consents let the client take along.

    Example: gateway view run vital_signs --study hf-dct-01 --client research --out vital-signs.parquet
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from gateway.app import build
    from gateway.core.errors import FhirError
    from gateway.export.queries import run_source
    from gateway.export.views import write_table
    from gateway.settings import Settings

    found = _found(_shelf(study), view)
    values = _values(found, parameter or [])
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TextColumn("{task.completed}")
    with closing(build(Settings())) as gateway, Progress(*columns, console=errors(), transient=True) as progress:
        known, reader = reader_of(gateway, study, client)
        task = progress.add_task(found.name, total=None)
        policy = deidentifier_for(gateway, known, reader, deidentify)
        door = gateway.access.door(known.principal(reader), deidentifies=policy is not None)
        try:
            rows = run_source(found, door, lambda count: progress.update(task, completed=count), policy, values)
            with closing(rows):
                count = write_table(found, rows, out)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(1) from None
    console().print(f"{out}  {count} rows", soft_wrap=True)


def _shelf(study: str) -> "Shelf":
    from gateway.core.assets import asset_roots
    from gateway.core.errors import FhirError
    from gateway.export.queries import study_tables
    from gateway.settings import Settings

    try:
        return study_tables(study, asset_roots("profiles", Settings().asset_dirs))
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(1) from None


def _found(shelf: "Shelf", name: str) -> "Source":
    """The view or query of a name, or in a file; exit 2 when there is none, 1 when it has faults."""
    from gateway.core.errors import FhirError

    try:
        found = _compiled(shelf, _load(Path(name))) if name.endswith((".json", ".sql")) else shelf.find(name)
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(1) from None
    if found is None:
        show_error(f"no such view; known: {', '.join(shelf.names)}")
        raise typer.Exit(2)
    return found


def _load(path: Path) -> "CompiledView | Query":
    """The view or the query of a file; raises `FhirError` with its faults."""
    from gateway.core.codec import loads
    from gateway.export.queries import load_query
    from gateway.export.views import load_view

    if not path.is_file():
        show_error(f"no such file: {path}")
        raise typer.Exit(2)
    if path.suffix == ".sql":
        return load_query(path)
    tree = loads(path.read_bytes())
    return load_query(path) if isinstance(tree, dict) and tree.get("resourceType") == "Library" else load_view(path)


def _compiled(shelf: "Shelf", found: "CompiledView | Query") -> "Source":
    from gateway.export.queries import Query

    return shelf.compile(found) if isinstance(found, Query) else found


def _told(found: "Source") -> tuple[str, str, dict[str, str]]:
    """Title, what it is over, and parameters by name."""
    from gateway.export.queries import CompiledQuery

    if isinstance(found, CompiledQuery):
        return found.query.title, ", ".join(sorted(found.resources)), dict(found.query.parameters)
    return found.view.title, found.view.resource, {}


def _values(found: "Source", given: list[str]) -> "dict[str, object]":
    """The parameters' values; exit 2 for one that is not as the query declares it."""
    from gateway.core.errors import FhirError
    from gateway.export.queries import CompiledQuery, read_values

    texts = dict(one.partition("=")[::2] for one in given)
    if not isinstance(found, CompiledQuery):
        if texts:
            show_error("a view takes no parameters")
            raise typer.Exit(2)
        return {}
    try:
        return dict(read_values(found.query, texts))
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(2) from None
