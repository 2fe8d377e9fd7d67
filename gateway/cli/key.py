"""`gateway key`: the signing keys of the token issuer."""

from typing import Annotated, Literal

import typer

from gateway.cli.console import console, write_json

app = typer.Typer(help="Signing keys: make one, list them.", no_args_is_help=True, rich_markup_mode=None)


@app.command("new", epilog="Example: gateway key new --algorithm ES384")
def new(
    algorithm: Annotated[Literal["ES256", "ES384"], typer.Option(help="The signature's algorithm.")] = "ES256",
) -> None:
    """Make a key that signs from now on; tokens of the older keys stay valid until their end."""
    from gateway.auth import KeyFolder
    from gateway.core.clock import system_clock
    from gateway.settings import Settings

    write_json({"kid": KeyFolder(Settings().keys).create_key(system_clock(), algorithm)})


@app.command("list", epilog="Example: gateway key list --json")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="The public keys as a JWK Set.")] = False) -> None:
    """List the keys, oldest first; the last one signs."""
    from rich.table import Table

    from gateway.auth import KeyFolder
    from gateway.settings import Settings

    keys = KeyFolder(Settings().keys).public_keys()
    if as_json:
        write_json({"keys": list(keys)})
        return
    table = Table("key", "algorithm", "use")
    for key in keys:
        table.add_row(key["kid"], key["alg"], "signs" if key is keys[-1] else "verifies")
    console().print(table)
