"""`gateway report`: one HTML page about a study, through a client's eyes."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import console
from gateway.cli.opening import reading
from gateway.cli.readers import reader_of


def register(root: typer.Typer) -> None:
    """Adds the command."""
    root.command()(report)


def report(
    study: Annotated[str, typer.Option("--study", help="The study's id.")],
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study.")],
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
) -> None:
    """Write one HTML page: what came in, what leaves and what not, days with data, distributions.

    Example: gateway report --study hf-dct-01 --client research --out report.html
    """
    from gateway.app import build
    from gateway.export.report import gather, write_report
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway, reading():
        known, reader = reader_of(gateway, study, client)
        principal, types = known.principal(reader), sorted(known.profiles)
        gathered = gather(gateway.access.door(principal), types)
        kept = gateway.access.withholding(principal).of(types)
        write_report(out, known.title, client, gateway.clock(), gateway.store.receipts(study), gathered, kept)
    console().print(f"{out}  {gathered.types.total()} resources", soft_wrap=True)
