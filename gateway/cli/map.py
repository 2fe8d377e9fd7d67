"""`gateway map`: begin, list, check, test, run, explain, compare and document mappings."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli._map.chosen import applied, head_of, installed, prepared
from gateway.cli.console import show_error, show_issues, write_json, write_line

app = typer.Typer(
    help="Begin, check, test, run, explain and compare mappings.", no_args_is_help=True, rich_markup_mode=None
)

MANY = "Ids, folders, or a folder of many mappings; all installed ones if none."

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Folder = Annotated[str, typer.Argument(help="A mapping's id, or its folder.")]
StudyName = Annotated[str, typer.Option("--study", help="A study: what it has stored, or its landed payloads.")]
ClientName = Annotated[str, typer.Option("--client", help="With --study: through whose eyes, a client of the study.")]
FactsFile = Annotated[
    Path | None,
    typer.Option("--facts", help="YAML with envelope, study, site, subject, as in a test's context.", dir_okay=False),
]
FormatOptions = Annotated[
    list[str] | None, typer.Option("--option", help="NAME=VALUE, an option of the format: 'delimiter=;'")
]


@app.command("list")
def list_mappings(as_json: AsJson = False) -> None:
    """List the installed mappings.

    Example: gateway map list
    """
    found = sorted(head_of(name, folder) for name, folder in installed())
    if as_json:
        for row in found:
            write_json(dict(zip(("mapping", "version", "status", "format", "folder"), row, strict=True)))
        return
    widths = [max(map(len, column)) for column in zip(*found, strict=True)]
    for *cells, folder in found:
        told = " ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=False))
        write_line(f"{told} mappings/{folder}")


@app.command()
def lint(
    folders: Annotated[list[str] | None, typer.Argument(help=MANY)] = None,
    as_json: AsJson = False,
) -> None:
    """Check mapping files: every fault at once, with line and column.

    A line a mapping, its findings below it. Exit 1 when a file has faults; warnings do not count.

    Example: gateway map lint mappings/google-health/heart-rate

    Example: gateway map lint mappings
    """
    from gateway.cli._map.linting import show_findings

    raise typer.Exit(show_findings(folders, as_json))


@app.command("test")
def check_examples(
    folders: Annotated[list[str] | None, typer.Argument(help=MANY)] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write expected.json and issues.json of the examples; then read them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the tests that mapping files carry and the examples beside them; what they make must also be valid R4.

    Example: gateway map test google-health/heart-rate
    """
    from gateway.cli._map.testing import run_all

    raise typer.Exit(run_all(folders, update, as_json))


@app.command()
def run(
    mapping: Folder,
    payload: Annotated[Path, typer.Argument(help="A payload file.", exists=True, dir_okay=False)],
    facts: FactsFile = None,
    as_json: AsJson = False,
) -> None:
    """Map one payload file: a resource a line on stdout, issues on stderr. Nothing is stored.

    Example: gateway map run google-health/heart-rate day.json --facts facts.yaml
    """
    from gateway.core import operation_outcome
    from gateway.core.issues import any_blocks
    from gateway.mapping.tools.selftest import issues_of

    compiled, decoded, known = prepared(mapping, payload, facts)
    mapped = applied(compiled, decoded, known, trace=False)
    issues = issues_of(mapped)
    if as_json:
        write_json({"resources": list(mapped.resources), "outcome": operation_outcome(issues)})
    else:
        for resource in mapped.resources:
            write_json(resource)
        show_issues(issues, payload.name)
    if facts is None and any(found.rule == "mapping.subject-empty" for found in issues):
        show_error("whose it is may come with the payload: in --facts, or in envelope.json beside it")
    raise typer.Exit(1 if any_blocks(issues) else 0)


@app.command()
def explain(
    what: Annotated[
        str, typer.Argument(help="A mapping's id or folder; with --study a stored resource, TYPE/ID[/_history/N]")
    ],
    payload: Annotated[Path | None, typer.Argument(help="A payload file", exists=True, dir_okay=False)] = None,
    path: Annotated[
        str, typer.Argument(help="Observation.valueQuantity, or Observation/<id>.valueQuantity.value")
    ] = "",
    facts: FactsFile = None,
    study: StudyName = "",
    client: ClientName = "",
    at: Annotated[str, typer.Option("--at", help="An element of the stored resource")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell where the values at a path of the output come from: mapping line, expression, payload positions.

    Of a stored resource: from its Provenance back to the receipt and the raw payload, read with today's mapping, for
    a client that may see it; the look at the payload is audited. Exit 1 when nothing was made at the path.

    Example: gateway map explain google-health/heart-rate day.json Observation.valueQuantity.value
    """
    from gateway.cli._map.tracing import show_steps, show_stored

    if study:
        raise typer.Exit(show_stored(study, client, what, at, as_json))
    if payload is None or not path:
        show_error("say a payload file and a path, or --study and a stored resource")
        raise typer.Exit(2)
    compiled, decoded, known = prepared(what, payload, facts)
    raise typer.Exit(show_steps(applied(compiled, decoded, known, trace=True).trace, path, as_json))


@app.command()
def new(
    vendor: Annotated[str, typer.Argument(help="The vendor, such as polar")],
    data_type: Annotated[str, typer.Argument(help="The data type, such as sleep")],
    sample: Annotated[Path, typer.Option("--sample", help="One payload", exists=True, dir_okay=False)],
    format: Annotated[str, typer.Option("--format", help="Its format")] = "json",
    option: FormatOptions = None,
    folder: Annotated[Path, typer.Option("--into", help="The folder of mappings")] = Path("mappings"),
) -> None:
    """Begin a mapping from a sample payload: a draft that compiles, and the schema that the sample shows.

    The sample itself is not kept.

    Example: gateway map new polar sleep --sample night.json
    """
    from gateway.cli._map.starting import write_scaffold

    raise typer.Exit(write_scaffold(vendor, data_type, sample, format, option or [], folder))


@app.command()
def schema(
    samples: Annotated[list[Path], typer.Argument(help="Payloads", exists=True, dir_okay=False)],
    format: Annotated[str, typer.Option("--format", help="Their format")] = "json",
    option: FormatOptions = None,
) -> None:
    """Print the JSON Schema that payloads show: names and types of the decoded tree, no values of theirs.

    Nothing is required and nothing is closed: correct it, then keep it beside the mapping as payload.schema.json.

    Example: gateway map schema night-1.json night-2.json > payload.schema.json
    """
    from gateway.cli._map.starting import show_schema

    show_schema(samples, format, option or [])


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The mapping as it is: id or folder")],
    new: Annotated[str, typer.Argument(help="The mapping as it would be: id or folder")],
    corpus: Annotated[
        Path | None, typer.Option("--corpus", help="A folder of payloads", exists=True, file_okay=False)
    ] = None,
    study: StudyName = "",
    client: ClientName = "",
    values: Annotated[
        bool, typer.Option("--values", help="Show values too, old and new: of a study, participants' data.")
    ] = False,
    facts: FactsFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell which resources would change, element by element: of a corpus, or of what a study has stored.

    Of a study its landed payloads are read again by both mappings, each look audited, and compared with what is
    stored as far as the client sees it. Paths only, no values, unless asked for. Exit 1 when anything would change.

    Example: gateway map diff withings/measures work/measures --corpus payloads
    """
    from gateway.cli._map.comparing import show_changes, show_study_changes

    if (corpus is None) == (not study):
        show_error("say --corpus or --study")
        raise typer.Exit(2)
    if corpus is not None:
        raise typer.Exit(show_changes(old, new, corpus, facts, values, as_json))
    raise typer.Exit(show_study_changes(old, new, study, client, values, as_json))


@app.command()
def coverage(
    mapping: Folder,
    payloads: Annotated[
        list[Path] | None, typer.Argument(help="Payloads; the mapping's own examples if none")
    ] = None,
    facts: FactsFile = None,
    study: StudyName = "",
    client: ClientName = "",
    as_json: AsJson = False,
) -> None:
    """Tell which fields of payloads are never read, and which rules never made anything.

    With --study of its landed payloads; each look is audited.

    Example: gateway map coverage google-health/heart-rate
    """
    from gateway.cli._map.covering import show_coverage, show_study_coverage

    if study:
        raise typer.Exit(show_study_coverage(mapping, study, client, as_json))
    raise typer.Exit(show_coverage(mapping, payloads or [], facts, as_json))


@app.command()
def drift(
    study: Annotated[str, typer.Option("--study", help="The study's id")],
    source: Annotated[str, typer.Option("--source", help="Of this source alone")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell what receipts noted of fields that are new in payloads, or that have stopped coming.

    Reads receipts, no payloads. Exit 1 when fields have stopped coming.

    Example: gateway map drift --study hf-dct-01
    """
    from gateway.cli._map.drifting import show_drift

    raise typer.Exit(show_drift(study, source, as_json))


@app.command("docs")
def specification(
    mappings: Annotated[
        list[str] | None, typer.Argument(help="Ids, folders, or a folder of many; with --out all installed if none.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="HTML instead of CSV")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder: a page and a CSV each, and the data dictionary of all.")
    ] = None,
) -> None:
    """Write the field-to-field specification of a mapping to stdout, as CSV or HTML; or of many into a folder.

    Example: gateway map docs withings/measures --html > measures.html
    """
    from gateway.cli._map.specifying import show_one, write_folder

    if out is not None:
        raise typer.Exit(write_folder(mappings, out))
    if not mappings or len(mappings) > 1:
        show_error("say one mapping, or --out and a folder")
        raise typer.Exit(2)
    show_one(mappings[0], html)
