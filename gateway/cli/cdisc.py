"""`gateway cdisc`: a study as SDTM datasets, and answers to questionnaires as ODM."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error, write_json
from gateway.cli.opening import reading
from gateway.cli.readers import reader_of

if TYPE_CHECKING:
    from gateway.access import Door
    from gateway.app import Gateway
    from gateway.study import Study

app = typer.Typer(help="Write CDISC datasets and clinical data.", no_args_is_help=True, rich_markup_mode=None)

StudyName = Annotated[str, typer.Option("--study", help="The study's id.")]
ClientName = Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study.")]


@app.command()
def sdtm(
    study: StudyName,
    client: ClientName,
    out: Annotated[Path, typer.Option("--out", help="The folder; datasets of an earlier run in it are replaced.")],
    only: Annotated[str, typer.Option("--domain", help="Domains, separated by commas; all of the study.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The manifest's entries, as JSON.")] = False,
) -> None:
    """Write SDTM datasets as Dataset-JSON 1.1 with define.xml: only what Consents let the client take along.

    Example: gateway cdisc sdtm --study hf-dct-01 --client statistics --out sdtm
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from gateway.core.assets import asset_roots
    from gateway.export.cdisc import Tabulator, export_sdtm, participants_of, study_domains

    columns = SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}")
    with _door(study, client) as (gateway, known, door), Progress(*columns, console=errors(), transient=True) as bar:
        domains = study_domains(study, asset_roots("profiles", gateway.settings.asset_dirs))
        wanted = [name.strip().upper() for name in only.split(",") if name.strip()] or list(domains)
        if unknown := [name for name in wanted if name not in domains]:
            show_error(f"no such domain: {', '.join(unknown)}; known: {', '.join(domains)}")
            raise typer.Exit(2)
        tasks = {name: bar.add_task(name, total=None) for name in wanted}
        tabulator = Tabulator(
            door,
            participants_of(door, known),
            gateway.engines.parameters,
            gateway.engines.terminology,
            gateway.engines.definitions,
            lambda name, count: bar.update(tasks[name], completed=count),
        )
        written = export_sdtm(tabulator, out, study, known.title, gateway.clock(), [domains[name] for name in wanted])
    if as_json:
        write_json([one.tree for one in written])
        return
    for one in written:
        missing = ", ".join(f"{count} without {name}" for name, count in one.left_out.items())
        console().print(
            f"{out / one.file}  {one.count}" + (f"  left out: {missing}" if missing else ""), soft_wrap=True
        )


@app.command()
def odm(
    study: StudyName,
    client: ClientName,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
) -> None:
    """Write the answers to questionnaires as CDISC ODM 1.3.2 clinical data.

    Example: gateway cdisc odm --study hf-dct-01 --client statistics --out answers.xml
    """
    from gateway.export.cdisc import participants_of, write_clinical_data

    with _door(study, client) as (gateway, known, door):
        participants = participants_of(door, known)
        canonical = gateway.engines.definitions.canonical
        forms = [dict(one) for url in known.questionnaires if (one := canonical(url))]
        parameters, at = gateway.engines.parameters, gateway.clock()
        count = write_clinical_data(
            out, door, participants, parameters, study, at, title=known.title, questionnaires=forms
        )
    console().print(f"{out}  {count} forms", soft_wrap=True)


@contextmanager
def _door(study: str, client: str) -> "Iterator[tuple[Gateway, Study, Door]]":
    """The gateway, the study, and what the client may see of it; exit 2 without them."""
    from gateway.app import build
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway, reading():
        known, reader = reader_of(gateway, study, client)
        yield gateway, known, gateway.access.door(known.principal(reader))
