"""`gateway client`: the clients of a study: how their registration goes on, and tokens for them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import console, table, write_json, write_line
from gateway.cli.opening import opened

if TYPE_CHECKING:
    from gateway.auth.registry import Action, Registration

HELP = """Clients of a study: request, review, agree, sandbox, promote, suspend; list and show them, make a token.

Who requested a client may not take the steps that let it in. Every step, refused ones too, is in the audit trail.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

StudyOption = Annotated[str, typer.Option("--study", help="The study's id.")]
ClientArgument = Annotated[str, typer.Argument(help="The client's id.")]
ActorOption = Annotated[str, typer.Option("--by", help="Who takes the step: a login or an address.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one line; nothing about participants.")]


@app.command(
    "request",
    epilog="Example: gateway client request lake --study hf-dct-01 --organisation cardio-research --role researcher "
    "--purpose HRESCH --jwks lake.json --by ana --reason 'monthly analysis'",
)
def request(
    client: ClientArgument,
    study: StudyOption,
    organisation: Annotated[str, typer.Option(help="An organisation of the study.")],
    role: Annotated[str, typer.Option(help="A role of the study.")],
    purpose: Annotated[str, typer.Option(help="A purpose of use that the study file knows, as HRESCH.")],
    by: ActorOption,
    reason: ReasonOption,
    scope: Annotated[list[str] | None, typer.Option(help="Scopes of the role; all of them without it.")] = None,
    source: Annotated[str, typer.Option(help="The source that it delivers.")] = "",
    site: Annotated[str, typer.Option(help="The site whose participants alone it sees.")] = "",
    jwks: Annotated[Path | None, typer.Option(help="A file with its public keys, a JWK Set.")] = None,
    jwks_url: Annotated[str, typer.Option(help="The https address that publishes its keys.")] = "",
    issuer: Annotated[str, typer.Option(help="The external issuer of its tokens.")] = "",
) -> None:
    """Ask for a client; somebody else reviews it."""
    from gateway.study import Client

    with opened(study) as gateway:
        known = gateway.studies[study].roles.get(role)
        scopes = tuple(scope or (known.scopes if known else ()))
        made = Client(
            client, organisation, role, purpose, scopes, source, _keys(jwks), jwks_url, issuer=issuer, site=site
        )
        _show_state(gateway.clients.request(study, made, by, reason))


@app.command(
    "review", epilog="Example: gateway client review lake --study hf-dct-01 --by ben --reason 'protocol 4.2'"
)
def review(client: ClientArgument, study: StudyOption, by: ActorOption, reason: ReasonOption) -> None:
    """Say that a request, or a suspended client, was looked at and may go on."""
    _step(study, client, "review", by, reason)


@app.command(
    "agree",
    epilog="Example: gateway client agree lake --study hf-dct-01 --agreement DUA-2026-17 --by ben --reason 'signed'",
)
def agree(
    client: ClientArgument,
    study: StudyOption,
    agreement: Annotated[str, typer.Option(help="What was signed: its number, or where it is kept.")],
    by: ActorOption,
    reason: ReasonOption,
) -> None:
    """Say which agreement was signed for a reviewed client."""
    _step(study, client, "agree", by, reason, agreement)


@app.command("sandbox", epilog="Example: gateway client sandbox lake --study hf-dct-01 --by ben --reason 'to try it'")
def sandbox(client: ClientArgument, study: StudyOption, by: ActorOption, reason: ReasonOption) -> None:
    """Let a client with an agreement in, wherever GATEWAY_ENVIRONMENT is not production."""
    _step(study, client, "sandbox", by, reason)


@app.command(
    "promote", epilog="Example: gateway client promote lake --study hf-dct-01 --by ben --reason 'tests passed'"
)
def promote(client: ClientArgument, study: StudyOption, by: ActorOption, reason: ReasonOption) -> None:
    """Let a client of the sandbox in everywhere."""
    _step(study, client, "promote", by, reason)


@app.command("suspend", epilog="Example: gateway client suspend lake --study hf-dct-01 --by ana --reason 'key lost'")
def suspend(client: ClientArgument, study: StudyOption, by: ActorOption, reason: ReasonOption) -> None:
    """Stop a client in any state, one of the study file too, or turn down a request; review leads back."""
    _step(study, client, "suspend", by, reason)


@app.command("list", epilog="Example: gateway client list --study hf-dct-01")
def list_clients(
    study: StudyOption,
    as_json: Annotated[bool, typer.Option("--json", help="One client a line.")] = False,
) -> None:
    """List who may ask: state, organisation, role, purpose, and the source that the client delivers."""
    shown = table("client", "state", "organisation", "role", "purpose", "source")
    with opened(study) as gateway:
        for registration in gateway.clients.all(study):
            told = gateway.clients.told(registration)
            if as_json:
                write_json(told)
            shown.add_row(*(str(told.get(name, "")) for name in _COLUMNS))
    if not as_json:
        console().print(shown)


_COLUMNS = ("id", "state", "organisation", "role", "purpose", "source")


@app.command("show", epilog="Example: gateway client show lake --study hf-dct-01")
def show(client: ClientArgument, study: StudyOption) -> None:
    """Write a client as JSON: what it is, its state, and every step with actor, time and reason."""
    from dataclasses import asdict

    with opened(study) as gateway:
        registration = gateway.clients.one(study, client)
        write_json(gateway.clients.told(registration) | {"steps": [asdict(step) for step in registration.steps]})


@app.command(
    "token", epilog='Example: curl -H "Authorization: Bearer $(gateway client token ehr-app --study hf-dct-01)" ...'
)
def token(
    client: ClientArgument,
    study: StudyOption,
    seconds: Annotated[int, typer.Option(help="How long it is valid; GATEWAY_TOKEN_SECONDS otherwise.")] = 0,
) -> None:
    """Print a bearer token for a client that may be used here."""
    with opened(study) as gateway:
        usable = gateway.clients.client_of(study, client)
        if usable is None:
            known = (one.id for one in gateway.clients.all(study) if gateway.clients.client_of(study, one.id))
            raise typer.BadParameter(f"no such client that may be used here; known: {', '.join(known)}")
        write_line(gateway.issuer.issue(usable, study, seconds or gateway.settings.token_seconds))


def _step(study: str, client: str, action: "Action", by: str, reason: str, agreement: str = "") -> None:
    with opened(study) as gateway:
        _show_state(gateway.clients.step(study, client, action, by, reason, agreement))


def _show_state(registration: "Registration") -> None:
    write_json({"client": registration.id, "study": registration.study, "state": registration.state})


def _keys(path: Path | None) -> tuple[dict[str, Any], ...]:
    """The keys of a JWK Set's file."""
    from gateway.core.codec import loads
    from gateway.core.errors import BadRequest

    if path is None:
        return ()
    try:
        tree = loads(path.read_bytes())
    except BadRequest:
        tree = None
    keys = tree.get("keys") if isinstance(tree, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise typer.BadParameter("the file is no JWK Set")
    return tuple(keys)
