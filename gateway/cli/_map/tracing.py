"""`map explain`: the steps that made an element, of a payload file or of what is stored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from gateway.cli._map.looking import looking
from gateway.cli.console import show_error, show_issues, write_json, write_line

if TYPE_CHECKING:
    from gateway.mapping import Step


def show_steps(trace: "Sequence[Step]", path: str, as_json: bool) -> int:
    """Prints the steps behind a path; the exit code, 1 for none."""
    from gateway.mapping.explaining.explain import made_near, steps_at

    steps = steps_at(trace, path)
    for step in steps:
        if as_json:
            write_json(
                {
                    "path": step.path,
                    "mapping": step.mapping,
                    "expression": step.expression,
                    "sources": list(step.sources),
                }
            )
            continue
        write_line(step.path)
        write_line(f"  mapping  {step.mapping}  {('=' + step.expression) if step.expression else '(constant)'}")
        for source in step.sources:
            write_line(f"  payload  {source}")
    if not steps:
        show_error(f"nothing was made at {path}; made: {', '.join(made_near(trace, path)) or 'nothing'}")
    return 0 if steps else 1


def show_stored(study: str, client: str, reference: str, element: str, as_json: bool) -> int:
    """Prints the steps behind an element of a stored resource, read again from the payload that wrote it."""
    from gateway.core.errors import FhirError

    unversioned, _, version = reference.partition("/_history/")
    if unversioned.count("/") != 1 or "/" in version:
        show_error("a stored resource is TYPE/ID, or TYPE/ID/_history/VERSION")
        return 2
    with looking(study, client) as inspection:
        try:
            receipt = inspection.receipt_of(reference)
            reading = inspection.trace(receipt, reference)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(2) from None
    if not as_json:
        write_line(f"receipt {receipt.id} of {receipt.source}, mapping {receipt.mapping}")
    if not as_json and reading.mapping != receipt.mapping:
        write_line(f"explained by today's mapping {reading.mapping or '(none takes it)'}")
    path = f"{unversioned}.{element}" if element else unversioned
    return show_steps(reading.trace, path, as_json)
