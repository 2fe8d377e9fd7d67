"""`gateway aggregate` and `gateway k-anonymity`: numbers that may be published, and what a flat file gives away."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import console, show_error, show_issues, table, write_json
from gateway.cli.readers import reader_of

if TYPE_CHECKING:
    from gateway.export.aggregates import Aggregate, Cell, Question

SUPPRESSED = "suppressed"
"""What people read where a count is not shown; JSON has null."""

Person = Annotated[str, typer.Option("--person", help="The column that tells whose a row is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout, one line of JSON.")]


def register(root: typer.Typer) -> None:
    """Adds the commands."""
    root.command("aggregate")(aggregate_view)
    root.command("k-anonymity")(k_anonymity)


def aggregate_view(
    view: Annotated[str, typer.Argument(help="The name of a view of the study, or a ViewDefinition file.")],
    study: Annotated[str, typer.Option("--study", help="The study's id.")],
    client: Annotated[str, typer.Option("--client", help="Through whose eyes: a client of the study.")],
    by: Annotated[str, typer.Option("--by", help="Columns to group by, separated by commas.")],
    measure: Annotated[str, typer.Option("--measure", help="A column of numbers to average.")] = "",
    minimum: Annotated[int, typer.Option("--min-cell", help="Smaller counts are suppressed.", min=2)] = 5,
    extremes: Annotated[bool, typer.Option("--extremes", help="Minimum and maximum too: each is one value.")] = False,
    person: Person = "patient",
    as_json: AsJson = False,
) -> None:
    """Count a view's participants by groups; small counts, and those that would give them away, are suppressed.

    Example: gateway aggregate visits --study hf-dct-01 --client statistics --by status,class
    """
    from gateway.export.aggregates import Question

    question = Question(_names(by), person, measure, minimum)
    found = _counted(view, study, client, question)
    if as_json:
        write_json(_tree(found, measure, extremes))
    else:
        _show(found, measure, extremes)


def k_anonymity(
    path: Annotated[Path, typer.Argument(help="A .csv, .ndjson or .parquet file.", exists=True, dir_okay=False)],
    quasi: Annotated[str, typer.Option("--quasi", help="Columns that may be known from elsewhere, by commas.")],
    sensitive: Annotated[str, typer.Option("--sensitive", help="Columns to measure diversity of, by commas.")] = "",
    at_least: Annotated[int, typer.Option("--at-least", help="Exit 1 when k is smaller.", min=1)] = 1,
    person: Person = "patient",
    as_json: AsJson = False,
) -> None:
    """Tell how anonymous a flat file is: k-anonymity, and l-diversity of sensitive columns.

    Example: gateway k-anonymity subjects.csv --quasi sex,birth_year,site --sensitive arm --at-least 5
    """
    from gateway.core.errors import BadRequest
    from gateway.export.aggregates import anonymity

    try:
        found = anonymity(path, _names(quasi), _names(sensitive), person=person, limit=max(at_least, 5))
    except BadRequest as error:
        show_issues(error.issues)
        raise typer.Exit(2) from None
    if as_json:
        write_json(asdict(found))
    else:
        out = console()
        out.print(f"k = {found.k}   {found.persons} {found.counted} in {found.classes} classes")
        for name, diversity in found.l.items():
            out.print(f"l = {diversity}   {name}", soft_wrap=True)
        out.print(f"{found.alone} alone in a class, {found.below} in a class of fewer than {found.limit}")
    raise typer.Exit(int(found.k < at_least))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _counted(view: str, study: str, client: str, question: "Question") -> "Aggregate":
    """The table of the view's rows that the client may take along; exits with 2 for what is not there."""
    from gateway.app import build
    from gateway.core.assets import asset_roots
    from gateway.core.errors import BadRequest, FhirError
    from gateway.export.aggregates import aggregate
    from gateway.export.views import load_view, run_view, study_views
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        known, reader = reader_of(gateway, study, client)
        try:
            views = study_views(study, asset_roots("profiles", gateway.settings.asset_dirs))
            found = load_view(Path(view)) if view.endswith(".json") and Path(view).is_file() else views.get(view)
            if found is None:
                show_error(f"no such view; known: {', '.join(views)}")
                raise typer.Exit(2)
            with closing(run_view(found, gateway.access.door(known.principal(reader)))) as rows:
                return aggregate([column.name for column in found.columns], rows, question)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(2 if isinstance(error, BadRequest) else 1) from None


def _tree(found: "Aggregate", measure: str, extremes: bool) -> dict[str, Any]:
    return {
        "by": list(found.by),
        "counted": found.counted,
        "groups": [
            {"group": list(cell.group), "count": cell.count, **dict(_measured(cell, measure, extremes))}
            for cell in found.cells
        ],
        "totals": [asdict(total) for total in found.totals],
        "total": found.total,
    }


def _measured(cell: "Cell", measure: str, extremes: bool) -> "Iterable[tuple[str, Decimal | None]]":
    if measure:
        yield "mean", None if cell.mean is None else round(cell.mean, 4)
        if extremes:
            yield "min", cell.low
            yield "max", cell.high


def _show(found: "Aggregate", measure: str, extremes: bool) -> None:
    measured = [f"{name} {measure}" for name in ("mean", "min", "max")[: (1 + 2 * extremes) if measure else 0]]
    shown = table(*found.by, found.counted, *measured)
    for cell in found.cells:
        numbers = ["" if number is None else str(number) for _name, number in _measured(cell, measure, extremes)]
        shown.add_row(*map(_text, cell.group), _count(cell.count), *numbers)
    for total in found.totals:
        place = found.by.index(total.column)
        values = [_text(total.value) if column == place else "(all)" for column in range(len(found.by))]
        shown.add_row(*values, _count(total.count))
    console().print(shown)
    console().print(f"total: {_count(found.total)}")


def _text(value: str | None) -> str:
    return "(not there)" if value is None else value


def _count(count: int | None) -> str:
    return SUPPRESSED if count is None else str(count)
