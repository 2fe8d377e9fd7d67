"""`gateway export`: writes what a client may take along as NDJSON."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error, show_issues, write_json

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.export.deidentify import Deidentifier
    from gateway.study import Client, Study

EXAMPLE = "Example: gateway export --study hf-dct-01 --client research --out research-export"

ALWAYS = (
    "Consent",
    "Location",
    "Organization",
    "Patient",
    "Provenance",
    "Questionnaire",
    "ResearchStudy",
    "ResearchSubject",
)
"""Types that a study has besides those that its sources bring."""


def register(root: typer.Typer) -> None:
    """Adds the command."""
    root.command(
        "export", epilog="Example: gateway export --study hf-dct-01 --client research --out research-export"
    )(export_study)


def export_study(
    study: Annotated[str, typer.Option("--study", help="The study's id")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; an earlier export in it is replaced")],
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study")],
    types: Annotated[
        str, typer.Option("--type", help="Resource types, separated by commas; all that the client may read")
    ] = "",
    deidentify: Annotated[
        str, typer.Option("--deidentify", help="A policy: safe-harbor, research-pseudonymised, or a file")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="The manifest, as JSON")] = False,
) -> None:
    """Write NDJSON files, one a resource type, and manifest.json: only what Consents let this client take along."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    from gateway.app import build
    from gateway.export import export
    from gateway.settings import Settings

    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}")
    with closing(build(Settings())) as gateway, Progress(*columns, console=errors(), transient=True) as progress:
        found = gateway.studies.get(study)
        if found is None or client not in found.clients:
            show_error("no such study" if found is None else f"no such client; known: {', '.join(found.clients)}")
            raise typer.Exit(2)
        reader = found.clients[client]
        wanted = tuple(filter(None, types.split(","))) or readable_types(found, reader)
        tasks = {kind: progress.add_task(kind, total=None) for kind in wanted}
        door = gateway.access.door(found.principal(reader))
        policy = deidentifier_of(gateway, study, deidentify) if deidentify else None
        manifest = export(
            door,
            out,
            wanted,
            gateway.clock(),
            lambda kind, count: progress.update(tasks[kind], completed=count),
            policy,
        )
    if json:
        write_json(manifest.tree)
        return
    for entry in manifest.outputs:
        console().print(f"{out / entry.name}  {entry.count}", soft_wrap=True)
    if not manifest.outputs:
        console().print("nothing that this client may take along")


def deidentifier_of(gateway: "Gateway", study: str, name: str) -> "Deidentifier":
    """The de-identification by the policy of a name or in a file, with the study's key; exit 2 when there is none."""
    from gateway.core.assets import asset_roots
    from gateway.core.errors import FhirError
    from gateway.export.deidentify import Deidentifier, load_policy, shipped_policies, study_key

    shipped = shipped_policies(asset_roots("profiles", gateway.settings.asset_dirs))
    file = shipped.get(name) or Path(name)
    if not file.is_file():
        show_error(f"no such policy; known: {', '.join(shipped)}")
        raise typer.Exit(2)
    try:
        policy = load_policy(file)
        return Deidentifier(policy, study_key(gateway.settings.keys, study), gateway.clock().date())
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(1) from None


def readable_types(study: "Study", client: "Client") -> tuple[str, ...]:
    """The types of the study that the client's scopes let it read and search."""
    from gateway.auth import scope_allows

    types = sorted({*ALWAYS, *study.profiles})
    return tuple(kind for kind in types if scope_allows(client.scopes, kind, "s"))
