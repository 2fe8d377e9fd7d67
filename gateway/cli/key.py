"""`gateway key`: the signing keys of the token issuer, and the keys of vendors."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.cli.console import console, table, write_json, write_line
from gateway.cli.opening import opened
from gateway.core.instants import format_instant, from_micros

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.auth import ApiKey

app = typer.Typer(help="Signing keys, and keys of vendors.", no_args_is_help=True, rich_markup_mode=None)


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
    from gateway.auth import KeyFolder
    from gateway.settings import Settings

    keys = KeyFolder(Settings().keys).public_keys()
    if as_json:
        write_json({"keys": list(keys)})
        return
    shown = table("key", "algorithm", "use")
    for key in keys:
        shown.add_row(key["kid"], key["alg"], "signs" if key is keys[-1] else "verifies")
    console().print(shown)


StudyOption = Annotated[str, typer.Option("--study", help="The study.")]


@app.command("issue", epilog="Example: gateway key issue withings --study hf-dct-01 --network 192.0.2.0/24")
def issue_key(
    client: Annotated[str, typer.Argument(help="A client of the study that delivers a source.")],
    study: StudyOption,
    days: Annotated[int, typer.Option(help="How long it lives, at most 90 days.")] = 90,
    network: Annotated[list[str] | None, typer.Option(help="Where it may come from; anywhere without it.")] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="It is good while the source makes these types alone.")
    ] = None,
) -> None:
    """Make a key for a vendor and print it, this once. It delivers, and reads nothing but its receipts."""
    with opened(study) as gateway:
        text, key = gateway.api_keys.issue(study, client, days=days, networks=network or (), types=type_ or ())
        _record(gateway, key, "key-issue")
    write_line(text)


@app.command("rotate", epilog="Example: gateway key rotate 4f1c0a9b77de --study hf-dct-01 --hours 48")
def rotate(
    key: Annotated[str, typer.Argument(help="The id of the key that ends.")],
    study: StudyOption,
    hours: Annotated[int, typer.Option(help="How long the old key stays good.", min=0)] = 24,
) -> None:
    """Make a key in the place of another, and print it; for some hours both are good."""
    with opened(study) as gateway:
        text, made = gateway.api_keys.rotate(study, key, timedelta(hours=hours))
        _record(gateway, made, "key-rotate")
    write_line(text)


@app.command("revoke", epilog="Example: gateway key revoke 4f1c0a9b77de --study hf-dct-01")
def revoke(key: Annotated[str, typer.Argument(help="The id of a key.")], study: StudyOption) -> None:
    """End a key of a vendor now."""
    with opened(study) as gateway:
        _record(gateway, gateway.api_keys.revoke(study, key), "key-revoke")


@app.command("issued", epilog="Example: gateway key issued --study hf-dct-01 --json")
def issued(study: StudyOption, as_json: Annotated[bool, typer.Option("--json", help="One a line.")] = False) -> None:
    """List the keys of vendors: what each is bound to, and when it was last used."""
    from dataclasses import asdict

    shown = table("key", "client", "from", "until", "networks", "types", "last used", "state")
    with opened(study) as gateway:
        now = gateway.clock().timestamp()
        for key, used in gateway.api_keys.all(study):
            if as_json:
                told = asdict(key)
                del told["digest"]
                write_json(told | {"used": used})
            state = "revoked" if key.revoked else "lives" if key.lives(now) else "over"
            row = (_day(key.not_before), _day(key.not_after), " ".join(key.networks), " ".join(key.types))
            shown.add_row(key.id, key.client, *row, _day(used), state)
    if not as_json:
        console().print(shown)


def _day(seconds: int) -> str:
    return format_instant(from_micros(seconds * 1_000_000)) if seconds else ""


def _record(gateway: "Gateway", key: "ApiKey", operation: str) -> None:
    from gateway.core.event import Event

    client = gateway.clients.registered(key.study, key.client)
    gateway.trail.record(
        Event(
            at=gateway.clock(),
            study=key.study,
            action="E",
            operation=operation,
            outcome="success",
            client=client.id,
            organisation=client.organisation,
            role=client.role,
            purpose=client.purpose,
            targets=(f"key:{key.id}",),
        )
    )
