"""`gateway db`: the schema of the database, and whether what it holds is whole."""

from typing import Annotated

import typer

from gateway.cli.console import show_issues, write_json, write_line
from gateway.core.issues import operation_outcome

app = typer.Typer(help="The database: bring it up to date, check it.", no_args_is_help=True, rich_markup_mode=None)


@app.command("migrate", epilog="Example: gateway db migrate")
def migrate() -> None:
    """Create the schema or bring it up to date; doing it twice changes nothing."""
    from gateway.app import build
    from gateway.settings import Settings

    build(Settings()).close()
    write_line("the schema is up to date")


@app.command("check", epilog="Example: gateway db check --json")
def check(as_json: Annotated[bool, typer.Option("--json", help="One OperationOutcome.")] = False) -> None:
    """Check that the schema is current and the audit chain of each study is whole. Exit 1 when something is wrong."""
    from gateway.app import build
    from gateway.settings import Settings

    gateway = build(Settings())
    issues = [found for study in gateway.studies for found in gateway.trail.verify(study)]
    gateway.close()
    if as_json:
        write_json(operation_outcome(issues))
    else:
        show_issues(issues)
        write_line("faults found" if issues else "whole")
    if issues:
        raise typer.Exit(1)
