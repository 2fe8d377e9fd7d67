"""`gateway validate`: judges resource files against R4, the profiles they claim and the profiles asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import show_issues, write_json, write_line
from gateway.core.codec import loads
from gateway.core.errors import FhirError
from gateway.core.issues import Issue, any_blocks, issue, operation_outcome

if TYPE_CHECKING:
    from gateway.conformance import Validator


def register(root: typer.Typer) -> None:
    """Adds the command `validate`."""
    root.command(
        "validate",
        help="Validate resources: one JSON file each, or folders of them. Exit 1 when one of them is refused.",
        epilog="Example: gateway validate observation.json --profile http://hl7.org/fhir/StructureDefinition/heartrate",
    )(validate)


def validate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders whose .json files are taken.")
    ],
    profile: Annotated[list[str] | None, typer.Option(help="Canonical URL of a profile; may be given again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One OperationOutcome a file, a line each.")] = False,
) -> None:
    """Writes what was found, file by file."""
    from gateway.app import engines
    from gateway.settings import Settings

    missing = [path for path in paths if not path.exists()]
    if missing:
        raise typer.BadParameter(f"no such file: {', '.join(map(str, missing))}")
    validator = engines(Settings()).validator
    refused = 0
    for path in _files(paths):
        issues = judge(validator, path.read_bytes(), tuple(profile or ()))
        refused += any_blocks(issues)
        if as_json:
            write_json(operation_outcome(issues))
        else:
            write_line(f"{path}: {'refused' if any_blocks(issues) else 'valid'}")
            show_issues(issues)
    if refused:
        raise typer.Exit(1)


def judge(validator: "Validator", body: bytes, profiles: tuple[str, ...]) -> list[Issue]:
    """The issues of one file: those of its JSON text, or else those of the resource in it."""
    try:
        tree = loads(body)
    except FhirError as error:
        return list(error.issues)
    if not isinstance(tree, dict) or "resourceType" not in tree:
        return [issue("rest.not-a-resource")]
    return validator.validate(tree, profiles)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.json"))
        else:
            yield path
