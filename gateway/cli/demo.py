"""`gateway demo`: the whole path on real-shaped payloads, from nothing."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import console, errors, show_error

if TYPE_CHECKING:
    from rich.progress import Progress

    from gateway.access import Door
    from gateway.app import Gateway
    from gateway.cli._demo.readers import View
    from gateway.core.receipt import Receipt
    from gateway.settings import Settings
    from gateway.study import Study

STATE = Path("var/demo")
STUDY = "hf-dct-01"
WITHDRAWS = "201-001"
"""The participant who withdraws while the demo runs."""

RESEARCH = "norte-research"
"""The research organisation's client; one participant lets this organisation alone read."""

TOKEN = "ehr-app.token"  # noqa: S105 (a file name)


def register(root: typer.Typer) -> None:
    """Adds the command."""
    root.command("demo", epilog="Example: gateway demo --serve")(demo)


def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Go on serving what the demo made")] = False,
    serve_only: Annotated[bool, typer.Option("--serve-only", help="Serve what an earlier demo made")] = False,
) -> None:
    """Run the main job on synthetic data: payloads in, FHIR out, and a reader sees only what Consents permit.

    Starts afresh each time; everything it makes is in var/demo.
    """
    if not serve_only:
        run()
    elif not (STATE / "gateway.db").exists():
        show_error("there is nothing to serve yet; run `gateway demo` first")
        raise typer.Exit(2)
    if serve or serve_only:
        _serve()


def run() -> None:
    """The demo, from an empty folder to the hints at its end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from gateway.app import build

    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True, mode=0o700)
    gateway = build(_settings())
    try:
        study = gateway.studies[STUDY]
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=errors()) as progress:
            receipts = _deliver(gateway, study, progress)
        _show(gateway, study, receipts)
    finally:
        gateway.close()


def _deliver(gateway: "Gateway", study: "Study", progress: "Progress") -> "list[Receipt]":
    """Enrols the participants and pushes every payload, as its source."""
    from gateway.cli._demo.payloads import deliveries
    from gateway.core.assets import asset_roots
    from gateway.ingest import enrol

    enrol(_door(gateway, study, "registrar"), study, gateway.engines.definitions)
    wanted = list(deliveries(study, asset_roots("mappings")))
    task = progress.add_task("land, map, validate, store", total=len(wanted))
    receipts = []
    for entry in wanted:
        media_type = gateway.ingest.media_types(study.id, entry.source)[0]
        payload = gateway.ingest.payload(study.id, entry.source, entry.body, media_type, entry.envelope, entry.name)
        receipt = gateway.ingest.receive(payload, study.principal_of(entry.source))
        receipts.append(gateway.ingest.process(receipt))
        progress.advance(task)
    return receipts


def _show(gateway: "Gateway", study: "Study", receipts: "list[Receipt]") -> None:
    from gateway.cli._demo import tables
    from gateway.cli._demo.explain import explain
    from gateway.export import export

    out = console()
    out.print(tables.sources(study, receipts))
    out.print(tables.quarantine(receipts))
    explained = next(found for found in receipts if found.source == "google-health" and found.status == "stored")
    out.print(tables.explanation(explain(gateway, explained)))
    views = {"EHR app": _view(gateway, study, "ehr-app"), "research organisation": _view(gateway, study, RESEARCH)}
    _withdraw(gateway, study)
    views["the same, after a withdrawal"] = _view(gateway, study, RESEARCH)
    out.print(tables.readers(views, study))
    folder = STATE / "export"
    manifest = export(_door(gateway, study, RESEARCH), folder, _types(study, RESEARCH), gateway.clock())
    out.print(tables.export(manifest, folder))
    _hints(gateway, study)


def _view(gateway: "Gateway", study: "Study", client: str) -> "View":
    from gateway.cli._demo.readers import view

    return view(_door(gateway, study, client), study, _types(study, client))


def _withdraw(gateway: "Gateway", study: "Study") -> None:
    """One participant withdraws: from this commit on nothing of them is found by anybody."""
    from gateway.core.instants import format_instant
    from gateway.study import withdraw

    person = next(person for person in study.participants if person.id == WITHDRAWS)
    consent = withdraw(study.consent_of(person), "no-further-use", format_instant(gateway.clock()))
    _door(gateway, study, "registrar").commit([consent])


def _types(study: "Study", client: str) -> tuple[str, ...]:
    from gateway.cli.export import readable_types

    return readable_types(study, study.clients[client])


def _door(gateway: "Gateway", study: "Study", client: str) -> "Door":
    return gateway.access.door(study.principal(study.clients[client]))


def _hints(gateway: "Gateway", study: "Study") -> None:
    """How to go on: a token in a file, and a request that works as printed."""
    token = STATE / TOKEN
    token.touch(mode=0o600)
    token.write_text(gateway.issuer.issue(study.clients["ehr-app"], study.id, 86_400))
    patient = next(person.patient for person in study.participants if person.id != WITHDRAWS)
    base = f"{gateway.settings.public_url}/studies/{study.id}/fhir"
    query = f"Observation?patient={patient}&code=8867-4&_count=2"
    console().print("\nGo on with `make serve` (or `gateway demo --serve-only`), then:\n", soft_wrap=True)
    console().print(
        f'  curl -H "Authorization: Bearer $(cat {token})" \\\n    "{base}/{query}"\n', soft_wrap=True, markup=False
    )


def _settings() -> "Settings":
    """The settings of the demo's own folder, whatever the environment says of others."""
    os.environ["GATEWAY_DATA_DIR"] = str(STATE)
    for name in ("GATEWAY_DATABASE_URL", "GATEWAY_KEY_DIR", "GATEWAY_ENVIRONMENT"):
        os.environ.pop(name, None)
    from gateway.settings import Settings

    return Settings()


def _serve() -> None:
    from gateway.cli.serve import serve

    _settings()
    serve()
