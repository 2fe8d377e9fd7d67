"""`gateway audit`: the trail of what was done with participants' data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import console, show_issues, table, write_json, write_line
from gateway.cli.opening import opened
from gateway.core.codec import loads
from gateway.core.instants import format_instant
from gateway.core.issues import operation_outcome

if TYPE_CHECKING:
    from gateway.app import Gateway

app = typer.Typer(help="The audit trail: verify, anchor, account.", no_args_is_help=True, rich_markup_mode=None)

StudyOption = Annotated[str, typer.Option("--study", help="One study; every study otherwise.")]


@app.callback()
def audit() -> None:
    """The audit trail."""


@app.command("verify", epilog="Example: gateway audit verify --study hf-dct-01 --anchors /mnt/elsewhere/anchors")
def verify(
    study: StudyOption = "",
    anchors: Annotated[
        Path | None, typer.Option(help="A copy of the anchors that was kept elsewhere; the gateway's own otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One OperationOutcome a study, a line each.")] = False,
) -> None:
    """Verify that no row was changed, added, moved or taken out, at the end either. Exit 1 when a chain is broken.

    Rows younger than the last anchor could be cut off without a trace.
    """
    from gateway.audit import Anchors

    broken = 0
    with _studies(study) as (gateway, names):
        own = gateway.anchoring.anchors
        read = Anchors(anchors, own.keys).read if anchors else own.read
        for name in names:
            anchored, issues = read(name)
            issues = [*issues, *gateway.trail.verify(name, anchored)]
            broken += bool(issues)
            last = gateway.store.last(name)
            if as_json:
                write_json(operation_outcome(issues) | {"id": name})
            else:
                rows, known = last.sequence if last else 0, max(anchored, default=0)
                write_line(f"{name}: {'broken' if issues else 'whole'}, {rows} rows, anchored up to row {known}")
                show_issues(issues)
    if broken:
        raise typer.Exit(1)


@app.command("anchor", epilog="Example: gateway audit anchor && rsync var/anchors/ witness:anchors/")
def anchor(study: StudyOption = "") -> None:
    """Anchor every chain that grew, now; a line of JSON for each anchor made."""
    import msgspec

    with _studies(study) as (gateway, names):
        for made in gateway.anchoring.tend(names, now=True):
            write_json(msgspec.to_builtins(made))


@app.command("disclosures", epilog="Example: gateway audit disclosures --study hf-dct-01 --subject 101-001 --json")
def disclosures(
    study: Annotated[str, typer.Option("--study", help="The study.")],
    subject: Annotated[str, typer.Option("--subject", help="The participant: subject number, or id of the Patient.")],
    since: Annotated[datetime | None, typer.Option(help="From this day on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Up to this day, which is left out (UTC).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One AuditEvent a line.")] = False,
) -> None:
    """Account for the disclosures of a participant's data: every reading, search and export that served some."""
    from gateway.audit import resource

    shown = table("when", "client", "organisation", "purpose", "what", "consents")
    with _studies(study) as (gateway, _):
        people = gateway.studies[study].participants
        patient = next((person.patient for person in people if person.id == subject), subject)
        window = [moment.replace(tzinfo=UTC) if moment else None for moment in (since, until)]
        for event in gateway.audit.disclosures(study, patient, *window):
            if as_json:
                write_json(resource(event, ""))
                continue
            what = f"{event.operation} {', '.join(event.targets[:3])}"
            when = format_instant(event.at)
            consents = ", ".join(event.consents)
            shown.add_row(when, event.client, event.organisation, event.purpose, what, consents)
    if not as_json:
        console().print(shown)


@app.command("break-glass", epilog="Example: gateway audit break-glass --study hf-dct-01 --json")
def break_glass(
    study: Annotated[str, typer.Option("--study", help="The study.")],
    as_json: Annotated[bool, typer.Option("--json", help="One AuditEvent a line.")] = False,
) -> None:
    """List what was read past the Consents in emergencies, newest first: by whom, why, of whom; refusals too."""
    from gateway.audit import resource

    shown = table("when", "client", "organisation", "outcome", "what", "participants", "reason")
    with _studies(study) as (gateway, _):
        for event in gateway.audit.broken(study):
            if as_json:
                write_json(resource(event, ""))
                continue
            what = f"{event.operation} {', '.join(event.targets[:3])}"
            people = ", ".join(event.patients[:3])
            when = format_instant(event.at)
            shown.add_row(when, event.client, event.organisation, event.outcome, what, people, event.why)
    if not as_json:
        console().print(shown)


@app.command("result", epilog="Example: gateway audit result page.json --study hf-dct-01 --event 0123456789abcdef")
def result(
    paths: Annotated[list[Path], typer.Argument(help="Bundles, resources, or NDJSON: all pages of what was served.")],
    study: Annotated[str, typer.Option("--study", help="The study.")],
    event: Annotated[str, typer.Option("--event", help="The id of the AuditEvent.")],
) -> None:
    """Compare files with what an event says was served or written: the same resources and versions. Exit 1 if not.

    An event of more than 100 resources names 100 of them, and tells a digest of all.
    """
    from gateway.audit import held, is_all
    from gateway.core.errors import FhirError

    with _studies(study) as (gateway, _):
        told = gateway.audit.event(study, event)
    if told is None:
        raise typer.BadParameter("no such event", param_hint="--event")
    try:
        found = [one for path in paths for one in held(_resources(path))]
    except (OSError, FhirError, TypeError, AttributeError) as error:
        raise typer.BadParameter("files that hold FHIR JSON", param_hint="PATHS") from error
    is_same = is_all(told, found)
    write_line(f"{'the same' if is_same else 'not the same'}: {len(set(found))} resources, {told.count} in the event")
    if not is_same:
        raise typer.Exit(1)


def _resources(path: Path) -> list[Any]:
    """The resource of a JSON file, or those of an NDJSON file."""
    data = path.read_bytes()
    return [loads(line) for line in data.splitlines() if line.strip()] if path.suffix == ".ndjson" else [loads(data)]


@app.command("keys", epilog="Example: gateway audit keys > anchor-keys.json")
def keys() -> None:
    """Print the public keys that verify anchors, as a JWK Set."""
    from gateway.audit import AnchorKeys
    from gateway.settings import Settings

    write_json({"keys": list(AnchorKeys(Settings().keys).public_keys())})


@contextmanager
def _studies(study: str) -> Iterator[tuple["Gateway", list[str]]]:
    """The gateway, and the studies that were asked for."""
    with opened(*([study] if study else ())) as gateway:
        yield gateway, [study] if study else list(gateway.studies)
