"""`gateway study`: checks a study's files, and brings its first resources into the database."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, show_error, show_issues, write_json

if TYPE_CHECKING:
    from gateway.core.issues import Issue

app = typer.Typer(help="Check a study's files, or load a study.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Study folders", metavar="PATH...")],
    json: Annotated[bool, typer.Option("--json", help="One OperationOutcome a folder, as JSON lines")] = False,
) -> None:
    """Check study folders as a whole: files, names, zones, dates, Consents, mappings, profiles, expressions.

    Mappings, profiles and terminology of GATEWAY_ASSET_DIRS count. Exit 0 without findings, 1 with findings, 2 when a
    path is no folder.

    Example: gateway study check profiles/studies/hf-dct-01
    """
    from gateway.core.issues import any_blocks, operation_outcome

    worst = 0
    for path in paths:
        if not path.is_dir():
            show_error(f"{path} is not a folder")
            raise typer.Exit(2)
        issues = _findings(path)
        worst |= any_blocks(issues)
        if json:
            write_json(operation_outcome(issues))
        elif issues:
            show_issues(issues, str(path))
        else:
            console().print(f"{path}: no findings", soft_wrap=True)
    raise typer.Exit(int(worst))


def _findings(path: Path) -> "list[Issue]":
    from gateway import study

    issues = study.check(path)
    if issues:
        return issues
    from gateway.core.assets import asset_roots
    from gateway.definitions import Definitions
    from gateway.ingest import readiness
    from gateway.mapping import MappingRegistry
    from gateway.settings import Settings

    overlays = Settings().asset_dirs
    found = study.Study.load(path)
    terms = asset_roots("terminology", overlays)[1:]
    definitions = Definitions.load(*asset_roots("profiles", overlays), *terms, path)
    named = {name for source in found.sources.values() for name in source.mappings}
    registry = MappingRegistry.load(asset_roots("mappings", overlays), definitions, concept_maps=terms, only=named)
    return readiness(found, registry, definitions)


@app.command()
def load(
    study: Annotated[str, typer.Argument(help="A study's id, or its folder; it must be installed")],
) -> None:
    """Bring a study's organisations, participants and Consents into the database.

    Participants who are there already are left as they are, with whatever became of their Consent. What Consents
    permit is worked out again by the study's present consent policy.

    Example: gateway study load hf-dct-01
    """
    from gateway.app import build
    from gateway.ingest import enrol
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        found = gateway.studies.get(Path(study).name)
        if found is None:
            show_error(f"no such study; installed: {', '.join(gateway.studies) or 'none'} (see GATEWAY_ASSET_DIRS)")
            raise typer.Exit(2)
        client = next((client for client in found.clients.values() if found.roles[client.role].enrols), None)
        if client is None:
            show_error("the study has no client whose role enrols")
            raise typer.Exit(1)
        count = enrol(gateway.access.door(found.principal(client)), found, gateway.engines.definitions)
        gateway.store.regrant(found.id)  # by the consent policy as it is now
    console().print(f"{found.id}: {count} resources written", soft_wrap=True)
