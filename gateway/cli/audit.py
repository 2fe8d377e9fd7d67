"""`gateway audit`: the trail of what was done with participants' data."""

from typing import Annotated

import typer

from gateway.cli.console import show_issues, write_json, write_line
from gateway.core.issues import operation_outcome

app = typer.Typer(help="The audit trail: verify its chain.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def audit() -> None:
    """The audit trail."""


@app.command("verify", epilog="Example: gateway audit verify --study hf-dct-01")
def verify(
    study: Annotated[str, typer.Option("--study", help="One study; every study otherwise.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One OperationOutcome a study, a line each.")] = False,
) -> None:
    """Verify that no row was changed, added or taken out. Exit 1 when the chain is broken."""
    from gateway.app import build
    from gateway.settings import Settings

    gateway = build(Settings())
    if study and study not in gateway.studies:
        raise typer.BadParameter(f"no such study; known: {', '.join(gateway.studies)}")
    broken = 0
    for name in [study] if study else list(gateway.studies):
        issues = gateway.trail.verify(name)
        broken += bool(issues)
        last = gateway.store.last(name)
        if as_json:
            write_json(operation_outcome(issues) | {"id": name})
        else:
            write_line(f"{name}: {'broken' if issues else 'whole'}, {last.sequence if last else 0} rows")
            show_issues(issues)
    gateway.close()
    if broken:
        raise typer.Exit(1)
