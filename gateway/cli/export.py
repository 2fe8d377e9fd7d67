"""`gateway export`: writes what a client may take along as NDJSON, Bundles or tables, here or elsewhere."""

from contextlib import ExitStack, closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error, show_issues, write_json
from gateway.cli.opening import reading
from gateway.cli.readers import reader_of

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from gateway.access import Door
    from gateway.app import Gateway
    from gateway.export import Manifest
    from gateway.export.deidentify import Deidentifier
    from gateway.export.folders import Progress
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
    root.command("export", epilog=EXAMPLE)(export_study)


class Form(StrEnum):
    """The files that an export can be."""

    ndjson = "ndjson"
    collection = "collection"
    searchset = "searchset"
    participants = "participants"
    csv = "csv"
    parquet = "parquet"
    duckdb = "duckdb"


def export_study(
    study: Annotated[str, typer.Option("--study", help="The study's id")],
    out: Annotated[
        str, typer.Option("--out", help="Folder or address (s3://bucket/folder); an earlier export there is replaced")
    ],
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study")],
    types: Annotated[
        str, typer.Option("--type", help="Resource types, separated by commas; all that the client may read")
    ] = "",
    form: Annotated[
        Form,
        typer.Option(
            "--form", help="NDJSON, a Bundle a type, one a participant, or the study's views and queries as tables"
        ),
    ] = Form.ndjson,
    deidentify: Annotated[
        str, typer.Option("--deidentify", help="A policy: safe-harbor, research-pseudonymised, or a file")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="The manifest, as JSON")] = False,
) -> None:
    """Write files of resources, or of rows, and manifest.json: only what Consents let this client take along."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    from gateway.app import build
    from gateway.export import upload
    from gateway.export.remote import is_remote, require_place
    from gateway.settings import Settings

    if is_remote(out):
        require_place(out)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}")
    with ExitStack() as stack:
        gateway = stack.enter_context(closing(build(Settings())))
        stack.enter_context(reading())
        found, reader = reader_of(gateway, study, client)
        wanted = _named(gateway, types) or readable_types(found, reader)
        policy = deidentifier_for(gateway, found, reader, deidentify)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="export-")) if is_remote(out) else out)
        bar = stack.enter_context(Progress(*columns, console=errors(), transient=True))
        manifest = _written(
            gateway,
            gateway.access.door(found.principal(reader), deidentifies=policy is not None),
            folder,
            wanted,
            form,
            _line_for_each(bar),
            policy,
        )
        if is_remote(out):
            copied = bar.add_task("copying", total=len(manifest.outputs))
            upload(folder, out, lambda _name: bar.advance(copied))
    if json:
        write_json(manifest.tree)
        return
    for entry in manifest.outputs:
        console().print(f"{out.rstrip('/')}/{entry.name}  {entry.count}", soft_wrap=True)
    if not manifest.outputs:
        console().print("nothing that this client may take along")


def _named(gateway: "Gateway", types: str) -> tuple[str, ...]:
    """The types that are named, separated by commas; exits with 2 for one that R4 does not have."""
    named = tuple(filter(None, (one.strip() for one in types.split(","))))
    unknown = sorted(set(named) - set(gateway.engines.definitions.types()))
    if unknown:
        show_error(f"R4 has no resource type {', '.join(unknown)}")
        raise typer.Exit(2)
    return named


def _line_for_each(bar: "Bars") -> "Progress":
    """Tells a line of its own for each type or view."""
    tasks: dict[str, TaskID] = {}

    def tell(name: str, count: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=None)
        bar.update(tasks[name], completed=count)

    return tell


def _written(
    gateway: "Gateway",
    door: "Door",
    folder: Path,
    types: tuple[str, ...],
    form: Form,
    progress: "Progress",
    policy: "Deidentifier | None",
) -> "Manifest":
    from gateway.core.assets import asset_roots
    from gateway.export import Bundles, export
    from gateway.export.bundles import FORMS
    from gateway.export.queries import Tables, study_tables
    from gateway.export.queries.folder import ENDINGS

    at = gateway.clock()
    if form is Form.ndjson:
        return export(door, folder, types, at, progress, policy)
    if form.value in ENDINGS:
        shelf = study_tables(door.principal.study, asset_roots("profiles", gateway.settings.asset_dirs))
        return Tables(door, shelf, at, progress, policy).export(folder, types, ENDINGS[form.value])
    base = f"{gateway.settings.public_url}/studies/{door.principal.study}/fhir"
    bundles = Bundles(door, gateway.engines.parameters, base, at, progress, policy)
    return bundles.export(folder, types, FORMS[form.value])


def deidentifier_for(gateway: "Gateway", study: "Study", client: "Client", asked: str) -> "Deidentifier | None":
    """What de-identifies for a client: the policy of its role, else the one asked for, None for neither; exit 2 when
    another is asked for than the role has."""
    bound = study.roles[client.role].deidentify
    if bound and asked not in ("", bound):
        show_error(f"for the role {client.role} the policy is {bound}")
        raise typer.Exit(2)
    return deidentifier_of(gateway, study.id, bound or asked) if bound or asked else None


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
