"""The tables that the demo prints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from gateway.cli._demo.explain import Explained
from gateway.cli._demo.readers import View
from gateway.core.receipt import Receipt
from gateway.export import Manifest
from gateway.study import Study


def sources(study: Study, receipts: Sequence[Receipt]) -> Table:
    """What came from each expected source, and what became of it."""
    table = Table("source", title="Sources", title_justify="left")
    for heading in ("received", "records", "mapped", "stored", "already known", "quarantined"):
        table.add_column(heading, justify="right")
    for source in study.sources.values():
        own = [receipt for receipt in receipts if receipt.source == source.key]
        counts = [receipt.counts for receipt in own]
        numbers = (
            len(own),
            sum(entry.records for entry in counts),
            sum(entry.mapped for entry in counts),
            sum(entry.created + entry.updated for entry in counts),
            sum(entry.known for entry in counts),
            sum(entry.quarantined for entry in counts),
        )
        table.add_row(source.name, *map(str, numbers))
    return table


def quarantine(receipts: Sequence[Receipt]) -> Table:
    """The reason of each payload that is in quarantine, whole or in part."""
    table = Table("payload", "why", "where", title="In quarantine", title_justify="left")
    for receipt in receipts:
        if not receipt.counts.quarantined:
            continue
        blocking = [found for found in receipt.issues if found.blocks]
        first = blocking[0]
        more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
        where = first.source or first.expression or first.mapping
        table.add_row(f"{receipt.source}/{receipt.name}", f"{first.rule}: {first.message}{more}", where)
    return table


def explanation(found: Explained) -> Table:
    """One value from the FHIR element back to the payload."""
    table = Table(title="One value, explained", title_justify="left", show_header=False)
    rows = (
        ("FHIR element", found.element),
        ("value", found.value),
        ("made by", found.expression),
        ("mapping line", found.mapping),
        ("payload position", ", ".join(found.sources)),
        ("payload", f"{found.payload}, SHA-256 {found.sha256[:16]}..., receipt {found.receipt}"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def readers(views: Mapping[str, View], study: Study) -> Table:
    """What each reader can see: counts by type, then participants."""
    table = Table("visible", title="Three readers, one door", title_justify="left", caption_justify="left")
    table.caption = _consents(study)
    for name in views:
        table.add_column(name, justify="right")
    kinds = sorted({kind for view in views.values() for kind, count in view.counts.items() if count})
    for kind in kinds:
        table.add_row(kind, *(_count(view, kind) for view in views.values()))
    total = len(study.participants)
    table.add_section()
    table.add_row("participants", *(f"{len(view.participants)} of {total}" for view in views.values()))
    return table


def _consents(study: Study) -> str:
    """How many participants gave which Consent."""
    kinds = Counter("withdrawn" if person.withdrawn else person.consent for person in study.participants)
    return "Consents at the start: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _count(view: View, kind: str) -> str:
    return str(view.counts[kind]) if kind in view.counts else "not in scope"


def export(manifest: Manifest, folder: Path) -> Table:
    """The files of an export."""
    table = Table("file", "resources", "SHA-256", title="NDJSON export (research organisation)", title_justify="left")
    for entry in manifest.outputs:
        table.add_row(str(folder / entry.name), str(entry.count), entry.sha256[:16] + "...")
    return table
