"""`gateway client`: the registered clients of a study, and tokens for them."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, write_json, write_line

if TYPE_CHECKING:
    from gateway.study import Study

app = typer.Typer(help="Clients of a study: list them, make a token.", no_args_is_help=True, rich_markup_mode=None)

StudyOption = Annotated[str, typer.Option("--study", help="The study's id.")]


@app.command("list", epilog="Example: gateway client list --study hf-dct-01")
def list_clients(
    study: StudyOption,
    as_json: Annotated[bool, typer.Option("--json", help="One client a line.")] = False,
) -> None:
    """List who may ask: organisation, role, purpose, and the source that the client delivers."""
    from dataclasses import asdict

    from rich.table import Table

    table = Table("client", "organisation", "role", "purpose", "source")
    for client in _study(study).clients.values():
        if as_json:
            write_json(asdict(client))
        table.add_row(client.id, client.organisation, client.role, client.purpose, client.source)
    if not as_json:
        console().print(table)


@app.command(
    "token", epilog='Example: curl -H "Authorization: Bearer $(gateway client token ehr-app --study hf-dct-01)" ...'
)
def token(
    client: Annotated[str, typer.Argument(help="A client of the study.")],
    study: StudyOption,
    seconds: Annotated[int, typer.Option(help="How long it is valid; GATEWAY_TOKEN_SECONDS otherwise.")] = 0,
) -> None:
    """Print a bearer token for a client of the study file."""
    from gateway.auth import Issuer, KeyFolder
    from gateway.core.clock import system_clock
    from gateway.settings import Settings

    clients = _study(study).clients
    if client not in clients:
        raise typer.BadParameter(f"no such client; known: {', '.join(clients)}")
    settings = Settings()
    keys = KeyFolder(settings.keys)
    keys.ensure_key(system_clock())
    issuer = Issuer(keys, settings.issuer, system_clock)
    write_line(issuer.issue(clients[client], study, seconds or settings.token_seconds))


def _study(name: str) -> "Study":
    from gateway.core.assets import asset_roots
    from gateway.settings import Settings
    from gateway.study import Studies

    studies = Studies.load(asset_roots("profiles", Settings().asset_dirs))
    if name not in studies:
        raise typer.BadParameter(f"no such study; known: {', '.join(studies)}")
    return studies[name]
