"""`gateway fhirpath`: evaluates one expression over one JSON file."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.console import write_json
from gateway.core.codec import loads


def register(root: typer.Typer) -> None:
    """Adds the command `fhirpath`."""
    root.command(
        "fhirpath",
        help="Evaluate a FHIRPath expression over a JSON file; prints a JSON array. Exit 1 for a faulty expression.",
        epilog="Example: gateway fhirpath \"name.where(use = 'official').given\" patient.json --base Patient",
    )(fhirpath)


def fhirpath(
    expression: Annotated[str, typer.Argument(help="The expression.")],
    path: Annotated[str, typer.Argument(help="A JSON file, or - for standard input.")],
    base: Annotated[str, typer.Option(help="Resource type that the expression is checked against first.")] = "",
) -> None:
    """Prints the collection that the expression gives."""
    from gateway.fhirpath import Env, compile

    focus = loads(_read(path))
    is_resource = isinstance(focus, dict) and "resourceType" in focus
    compiled = compile(expression, base=base or None) if is_resource or base else compile(expression, model=None)
    env = Env(variables={"resource": focus, "rootResource": focus, "context": focus})
    write_json([_as_json(item) for item in compiled.evaluate(focus, env)])


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
