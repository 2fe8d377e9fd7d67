"""`gateway db`: the schema of the database, its search index, its backups, and whether what it holds is whole."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import errors, show_error, show_issues, write_json, write_line
from gateway.cli.opening import known_studies
from gateway.core.errors import FhirError
from gateway.core.issues import Issue, issue, operation_outcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from gateway.app import Gateway

app = typer.Typer(
    help="The database: bring it up to date, back it up, check it.", no_args_is_help=True, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@contextmanager
def _opened() -> "Iterator[tuple[Gateway, Progress]]":
    """The gateway of the environment, and a progress display on stderr; a refusal is shown and exits with 1."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.app import build
    from gateway.settings import Settings

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with closing(build(Settings())) as gateway, Progress(*columns, console=errors(), transient=True) as progress:
        try:
            yield gateway, progress
        except FhirError as refused:
            progress.stop()
            show_issues(refused.issues)
            raise typer.Exit(1) from None
        except OSError as error:
            progress.stop()
            show_error(f"the file cannot be used: {error.strerror}")
            raise typer.Exit(2) from None


@app.command("migrate", epilog="Example: gateway db migrate")
def migrate(
    index: Annotated[bool, typer.Option(help="Also index again what needs it; otherwise searches wait.")] = True,
) -> None:
    """Create the schema or bring it up to date; doing it twice changes nothing."""
    with _opened() as (gateway, progress):
        stale = [study for study in gateway.studies if not gateway.store.maintenance.is_whole(study)]
        if index:
            counts = _reindexed(gateway, progress, stale)
    write_line("the schema is up to date")
    if stale:
        many = f"{sum(counts.values())} resources were indexed again" if index else "run: gateway db reindex"
        write_line(f"{len(stale)} studies had another search index: {many}")


@app.command("reindex", epilog="Example: gateway db reindex --study hf-1")
def reindex(
    study: Annotated[list[str] | None, typer.Option(help="Only this study; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Index again what was indexed by other search parameters; goes on where an earlier run was stopped."""
    with _opened() as (gateway, progress):
        counts = _reindexed(gateway, progress, _studies(gateway, study))
    if as_json:
        write_json({"indexed": counts})
        return
    for name, count in counts.items():
        write_line(f"{name}  {count} resources indexed again")


def _studies(gateway: "Gateway", wanted: list[str] | None) -> list[str]:
    known_studies(gateway, wanted or ())
    return wanted or sorted(gateway.studies)


def _reindexed(gateway: "Gateway", progress: "Progress", studies: list[str]) -> dict[str, int]:
    counts = {}
    for study in studies:
        counts[study] = gateway.store.maintenance.reindex(
            study, partial(_tell, progress, progress.add_task(study, total=None))
        )
    return counts


def _tell(progress: "Progress", task: "TaskID", done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


@app.command("backup", epilog="Example: gateway db backup /backups/2026-06-01.gateway")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")], as_json: Json = False
) -> None:
    """Write everything the database holds into one file, as of one instant, while the gateway goes on working.

    The file holds participant data in the clear and is readable by its owner only. Signing keys and client secrets
    are not in it.
    """
    with _opened() as (gateway, progress):
        task = progress.add_task("rows", total=None)
        made = gateway.store.maintenance.back_up(file, lambda _table, count: progress.advance(task, count))
    _show({name: member.rows for name, member in made.tables.items()}, as_json)


@app.command("restore", epilog="Example: gateway db restore /backups/2026-06-01.gateway")
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `backup` wrote.")],
    as_json: Json = False,
) -> None:
    """Fill an empty database, of either kind, from a backup: all of it or nothing."""
    with _opened() as (gateway, progress):
        task = progress.add_task("rows", total=None)
        made = gateway.store.maintenance.restore(file, lambda _table, count: progress.advance(task, count))
    _show({name: member.rows for name, member in made.tables.items()}, as_json)


def _show(rows: dict[str, int], as_json: bool) -> None:
    if as_json:
        write_json({"rows": rows})
        return
    write_line(f"{sum(rows.values())} rows of {sum(1 for count in rows.values() if count)} tables")


@app.command("check", epilog="Example: gateway db check --json")
def check(
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the file, the audit chain and the index state.")
    ] = False,
) -> None:
    """Check that the file, the audit chain, every resource, its index rows and every payload are whole.

    Takes as long as reading everything. Exit 1 when something is wrong.
    """
    with _opened() as (gateway, progress):
        issues = _checked(gateway, progress, quick=quick)
    if as_json:
        write_json(operation_outcome(issues))
    else:
        show_issues(issues)
        write_line("faults found" if issues else "whole")
    if issues:
        raise typer.Exit(1)


def _checked(gateway: "Gateway", progress: "Progress", *, quick: bool) -> list[Issue]:
    maintenance = gateway.store.maintenance
    issues = maintenance.check_file()
    known = gateway.engines.parameters
    faults = {fault for study in ("", *gateway.studies) for fault in known.of_study(study).faults()}
    issues += [issue("search.parameter", type=type, parameter=code) for type, code in sorted(faults)]
    for study in sorted(gateway.studies):
        issues += gateway.trail.verify(study)
        if not maintenance.is_whole(study):
            issues.append(issue("store.reindex-needed"))
        elif not quick:
            issues += maintenance.check(study, partial(progress.advance, progress.add_task(study, total=None)))
    return issues
