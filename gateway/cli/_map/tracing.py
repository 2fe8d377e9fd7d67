"""`map explain`: the steps that made an element, of a payload file or of what is stored."""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from gateway.cli.console import show_error, show_issues, write_json, write_line

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.core.receipt import Receipt
    from gateway.mapping import Step

RECEIPT = "urn:trial-fhir-gateway:receipt"


def show_steps(steps: "Sequence[Step]", as_json: bool) -> int:
    """Prints the steps; the exit code, 1 for none."""
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
    return 0 if steps else 1


def stored_steps(study: str, reference: str, element: str) -> "tuple[Step, ...]":
    """The steps behind an element of a stored resource, from the newest payload that wrote it."""
    from gateway.app import build
    from gateway.core.errors import NotFound
    from gateway.mapping.explain import steps_at
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        receipt = _receipt(gateway, study, reference)
        if receipt is None:
            show_error(f"no payload is known that wrote {reference}")
            raise typer.Exit(2)
        write_line(f"receipt {receipt.id} of {receipt.source}, mapping {receipt.mapping}")
        try:
            reading = gateway.ingest.trace(receipt)
        except NotFound as error:
            show_issues(error.issues)
            raise typer.Exit(2) from None
    return steps_at(reading.trace, f"{reference}.{element}" if element else reference)


def _receipt(gateway: "Gateway", study: str, reference: str) -> "Receipt | None":
    """The receipt that the newest Provenance of the resource names."""
    from gateway.core.codec import loads

    found = None
    for row in gateway.store.stream("Provenance", study, None):
        provenance = loads(row.body)
        targets = [str(target.get("reference", "")).partition("/_history/")[0] for target in provenance["target"]]
        if reference in targets:
            names = [entity["what"].get("identifier", {}) for entity in provenance.get("entity", ())]
            receipt = next((name["value"] for name in names if name.get("system") == RECEIPT), None)
            found = gateway.store.receipt(study, receipt) if receipt else found
    return found
