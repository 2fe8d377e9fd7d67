"""`gateway view`: SQL on FHIR views over what a client may take along."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error, show_issues, write_json, write_line
from gateway.cli.export import deidentifier_for
from gateway.cli.readers import reader_of

if TYPE_CHECKING:
    from gateway.export.views import CompiledView

app = typer.Typer(help="List, check and run SQL on FHIR views.", no_args_is_help=True, rich_markup_mode=None)

StudyName = Annotated[str, typer.Option("--study", help="The study's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]


@app.command("list")
def list_views(study: StudyName, as_json: AsJson = False) -> None:
    """List the views that a study brings, with their columns.

    Example: gateway view list --study hf-dct-01
    """
    for name, found in _views(study).items():
        columns = [column.name for column in found.columns]
        if as_json:
            write_json({"view": name, "title": found.view.title, "resource": found.view.resource, "columns": columns})
        else:
            write_line(f"{name:24} {found.view.resource:22} {found.view.title}")
            write_line(f"{'':24} {', '.join(columns)}")


@app.command()
def check(paths: Annotated[list[Path], typer.Argument(help="ViewDefinition files.", exists=True)]) -> None:
    """Check ViewDefinitions: every fault, with its place. Exit 1 when one has faults.

    Example: gateway view check profiles/studies/hf-dct-01/views/visits.json
    """
    failed = False
    for path in paths:
        failed |= _load(path) is None
    if failed:
        raise typer.Exit(1)


@app.command()
def run(
    view: Annotated[str, typer.Argument(help="The name of a view of the study, or a ViewDefinition file.")],
    study: StudyName,
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study.")],
    out: Annotated[Path, typer.Option("--out", help="The file: .ndjson, .csv, .parquet or .duckdb.")],
    deidentify: Annotated[
        str, typer.Option("--deidentify", help="A policy: safe-harbor, research-pseudonymised, or a file")
    ] = "",
) -> None:
    """Write the rows of a view: only what Consents let the client take along.

    Example: gateway view run vital_signs --study hf-dct-01 --client research --out vital-signs.parquet
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from gateway.app import build
    from gateway.core.errors import FhirError
    from gateway.export.views import run_view, write_table
    from gateway.settings import Settings

    found = _load(Path(view)) if view.endswith(".json") else _views(study).get(view)
    if found is None:
        show_error(f"no such view; known: {', '.join(_views(study))}")
        raise typer.Exit(2)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}")
    with closing(build(Settings())) as gateway, Progress(*columns, console=errors(), transient=True) as progress:
        known, reader = reader_of(gateway, study, client)
        task = progress.add_task(found.view.resource, total=None)
        policy = deidentifier_for(gateway, known, reader, deidentify)
        door = gateway.access.door(known.principal(reader), deidentifies=policy is not None)
        try:
            rows = run_view(found, door, lambda count: progress.update(task, completed=count), deidentifier=policy)
            count = write_table(found, rows, out)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(1) from None
    console().print(f"{out}  {count} rows", soft_wrap=True)


def _views(study: str) -> Mapping[str, "CompiledView"]:
    from gateway.core.assets import asset_roots
    from gateway.core.errors import FhirError
    from gateway.export.views import study_views
    from gateway.settings import Settings

    try:
        return study_views(study, asset_roots("profiles", Settings().asset_dirs))
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(1) from None


def _load(path: Path) -> "CompiledView | None":
    from gateway.core.errors import FhirError
    from gateway.export.views import load_view

    if not path.is_file():
        show_error(f"no such file: {path}")
        raise typer.Exit(2)
    try:
        return load_view(path)
    except FhirError as error:
        show_issues(error.issues, str(path))
        return None
