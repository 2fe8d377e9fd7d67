"""`gateway fhirpath`: evaluates one expression over one JSON file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import show_error, write_json, write_line
from gateway.core.clock import system_clock
from gateway.core.codec import loads

if TYPE_CHECKING:
    from gateway.fhirpath import Env


def register(root: typer.Typer) -> None:
    """Adds the command `fhirpath`."""
    root.command(
        "fhirpath",
        help="Evaluate a FHIRPath expression over a JSON file; prints a JSON array. With --explain prints the syntax "
        "tree instead: column, part, text, types (* for several). resolve() finds what the file contains; profiles, "
        "slices and value sets are those of R4 and of GATEWAY_ASSET_DIRS. Exit 1 for a faulty expression.",
        epilog="Example: gateway fhirpath \"name.where(use = 'official').given\" patient.json --base Patient",
    )(fhirpath)


def fhirpath(
    expression: Annotated[str, typer.Argument(help="The expression.")],
    path: Annotated[str, typer.Argument(help="A JSON file, or - for standard input.")],
    base: Annotated[str, typer.Option(help="Resource type that the expression is checked against first.")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Print the syntax tree with types and places.")] = False,
) -> None:
    """Prints the collection that the expression gives, or what the compiler knows of it."""
    from gateway.fhirpath import FhirPathError, compile

    focus = loads(_read(path))
    is_resource = isinstance(focus, dict) and "resourceType" in focus
    try:
        compiled = compile(expression, base=base or None) if is_resource or base else compile(expression, model=None)
        if explain:
            write_line(compiled.explain())
            return
        write_json([_as_json(item) for item in compiled.evaluate(focus, _environment(focus))])
    except FhirPathError as error:
        show_error(f"{error.rule}: {error}")
        raise typer.Exit(1) from error


def _environment(focus: Any) -> "Env":
    """What the expression may ask: the moment; on a resource also what the file contains, codes and profiles."""
    from gateway.conformance import Validator
    from gateway.core.assets import asset_roots
    from gateway.definitions import Definitions
    from gateway.fhirpath import Env
    from gateway.settings import Settings
    from gateway.terminology import LocalTerminology

    if not isinstance(focus, dict):
        return Env(now=system_clock())
    overlays = Settings().asset_dirs
    definitions = Definitions.load(*asset_roots("profiles", overlays), *asset_roots("terminology", overlays)[1:])
    return Validator(definitions, LocalTerminology(definitions)).environment(focus, now=system_clock())


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    file = Path(path)
    if not file.is_file():
        raise typer.BadParameter(f"no such file: {path}")
    return file.read_bytes()


def _as_json(item: Any) -> Any:
    """The item itself when JSON has it; quantities, dates and times as the text that FHIRPath writes."""
    plain = item is None or isinstance(item, dict | list | str | bool | int) or type(item).__name__ == "Decimal"
    return item if plain else str(item)
