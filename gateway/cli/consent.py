"""`gateway consent`: what participants' Consents permit."""

from typing import Annotated

import typer

from gateway.cli.console import console, show_error, write_json

app = typer.Typer(help="What participants' Consents permit: explain.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def consent() -> None:
    """What participants' Consents permit."""


@app.command(
    "explain", epilog="Example: gateway consent explain Observation/5f2c --study hf-dct-01 --client research"
)
def explain(
    reference: Annotated[str, typer.Argument(help="The resource: Type/id.")],
    study: Annotated[str, typer.Option("--study", help="The study.")],
    client: Annotated[str, typer.Option("--client", help="Whose access it is about: a client of the study file.")],
    action: Annotated[str, typer.Option("--action", help="access, disclose or collect.")] = "access",
    as_json: Annotated[bool, typer.Option("--json", help="Parameters, as the operation answers.")] = False,
) -> None:
    """Explain why a client may or may not have a resource: which provision of which Consent version decides.

    Exit 0 for a permit as for a denial. The question is on record in the audit trail.
    """
    from contextlib import closing

    from gateway.app import build
    from gateway.consent import ConsentRequest
    from gateway.core.instants import micros
    from gateway.core.rules import RULES
    from gateway.rest.operations.explain_access import ACTIONS, explained
    from gateway.settings import Settings

    kind, _, identity = reference.partition("/")
    with closing(build(Settings())) as gateway:
        found = gateway.studies.get(study)
        asker = found.clients.get(client) if found else None
        if found is None or asker is None or action not in ACTIONS or not identity:
            show_error("wrong study, client, action or reference; see --help")
            raise typer.Exit(2)
        manager = next(one for one in found.clients.values() if found.roles[one.role].enrols)
        asked = ConsentRequest.of(found, asker, action, micros(gateway.clock()))
        decision = gateway.access.door(found.principal(manager)).explain(kind, identity, asked)
        if as_json:
            write_json(explained(decision))
            return
        out = console()
        out.print(f"{'permitted' if decision.permit else 'denied'}: {RULES[decision.reason].message}", soft_wrap=True)
        for reason in decision.reasons:
            effect = "permits" if reason.permits else "denies"
            about = f"Patient/{reason.subject}" + (f", domain {reason.domain}" if reason.domain else "")
            out.print(f"  {effect}: {reason.provision} of {reason.consent}, about {about}", soft_wrap=True)
