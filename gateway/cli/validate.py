"""`gateway validate`: judges resource files against R4, the profiles they claim and the profiles asked for."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import show_issues, write_json, write_line
from gateway.core.clock import system_clock
from gateway.core.codec import loads
from gateway.core.errors import FhirError
from gateway.core.issues import Issue, any_blocks, issue, operation_outcome

if TYPE_CHECKING:
    from gateway.conformance import Validator

STDIN = Path("-")
SUFFIXES = (".json", ".ndjson")

Read = tuple[str, bytes | Issue]
"""The name of a resource as the user knows it, and its bytes, or why there are none."""


def register(root: typer.Typer) -> None:
    """Adds the command `validate`."""
    root.command(
        "validate",
        help="Validate resources: JSON files, NDJSON files (a resource a line), folders of them, or - for stdin. "
        "Exit 1 when one of them is refused, 2 for wrong use.",
        epilog="Example: gateway validate observation.json --profile http://hl7.org/fhir/StructureDefinition/heartrate",
    )(validate)


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders, or - for stdin.")],
    profile: Annotated[list[str] | None, typer.Option(help="Canonical URL of a profile; may be given again.")] = None,
    ig: Annotated[
        list[Path] | None, typer.Option(help="A guide: a folder or an NPM package (.tgz); may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One OperationOutcome a resource, a line each.")] = False,
) -> None:
    """Writes what was found, resource by resource."""
    missing = [path for path in (*paths, *(ig or ())) if path != STDIN and not path.exists()]
    if missing:
        raise typer.BadParameter(f"no such file: {', '.join(map(str, missing))}")
    validator = _validator(tuple(ig or ()))
    refused = 0
    for name, body in _resources(paths):
        found = [body] if isinstance(body, Issue) else judge(validator, body, tuple(profile or ()))
        issues = [replace(entry, source=entry.source or name) for entry in found]
        refused += any_blocks(issues)
        if as_json:
            write_json(operation_outcome(issues))
        else:
            write_line(f"{name}: {'refused' if any_blocks(issues) else 'valid'}")
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
    return validator.validate(tree, profiles, now=system_clock())


def _validator(guides: tuple[Path, ...]) -> "Validator":
    """The validator over R4, the overlays of the settings and the guides; ends the run for a guide that is none."""
    from gateway.conformance import Validator
    from gateway.core.assets import asset_roots
    from gateway.definitions import Definitions, read_guides
    from gateway.settings import Settings
    from gateway.terminology import LocalTerminology

    overlays = Settings().asset_dirs
    roots = (*asset_roots("profiles", overlays), *asset_roots("terminology", overlays)[1:])
    try:
        sources, faults = read_guides(*guides)
    except FhirError as error:
        show_issues(error.issues)
        raise typer.Exit(2) from None
    show_issues(faults)
    definitions = Definitions.of(Definitions.load(*roots), *sources)
    return Validator(definitions, LocalTerminology(definitions))


def _resources(paths: Iterable[Path]) -> Iterator[Read]:
    for path in paths:
        if path == STDIN:
            yield from _of_stdin(sys.stdin.buffer.read())
        elif path.is_dir():
            for file in sorted(found for found in path.rglob("*") if found.suffix in SUFFIXES and found.is_file()):
                yield from _of_file(file)
        else:
            yield from _of_file(path)


def _of_file(path: Path) -> Iterator[Read]:
    try:
        if path.suffix == ".ndjson":
            with path.open("rb") as stream:
                yield from _lines(str(path), stream)
        else:
            yield str(path), path.read_bytes()
    except OSError:
        yield str(path), issue("conformance.file-unreadable")


def _of_stdin(body: bytes) -> Iterator[Read]:
    """One resource, or a resource a line: it is lines when the first of several is JSON by itself."""
    first, _, rest = body.strip().partition(b"\n")
    try:
        several = bool(rest.strip()) and isinstance(loads(first), dict)
    except FhirError:
        several = False
    if several:
        yield from _lines("stdin", body.splitlines())
    else:
        yield "stdin", body


def _lines(name: str, lines: Iterable[bytes]) -> Iterator[Read]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{name}:{number}", line
