"""`gateway ingest`: lands files as payloads of a source, and tells what became of each."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import console, errors, show_error, show_issues, table, write_json

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.core.receipt import Receipt, ReceiptStatus

SHOWN_ISSUES = 200
"""How many issues of a file in parts are shown; each part's receipt keeps its own."""


def register(root: typer.Typer) -> None:
    """Adds the command."""
    root.command()(ingest)


def ingest(
    source: Annotated[str, typer.Argument(help="A source of the study")],
    paths: Annotated[list[Path], typer.Argument(help="Payload files", metavar="PATH...")],
    study: Annotated[str, typer.Option("--study", help="The study's id")],
    vendor_user: Annotated[str, typer.Option("--vendor-user", help="The vendor's id of the user")] = "",
    charset: Annotated[str, typer.Option("--charset", help="The encoding of tables that are not UTF-8")] = "",
    json: Annotated[bool, typer.Option("--json", help="One receipt a line, as JSON")] = False,
) -> None:
    """Land, map, validate and store files; prints a receipt a file, for a large file one a part.

    Files above 8 MB are taken in parts, where the format can be cut between records (CSV, TSV, NDJSON, XML).

    Facts beside a payload (the vendor's user id, the charset of a table) are read from an envelope.json in the same
    folder.
    Exit 0 when all is stored or known, 1 when something is in quarantine or waits (`parking` of the study), 2 on
    wrong use.

    Example: gateway ingest withings measures.json --study hf-dct-01 --vendor-user wi-101-001
    """
    from gateway.app import build, settled
    from gateway.settings import Settings

    missing = [path for path in paths if not path.is_file()]
    if missing:
        show_error(f"no such file: {', '.join(map(str, missing))}")
        raise typer.Exit(2)
    given = {key: value for key, value in (("vendorUserId", vendor_user), ("charset", charset)) if value}
    files: list[list[Receipt]] = []
    with closing(build(Settings())) as gateway, settled(), wrong_use():
        for left in gateway.ingest.resume():
            show_error(f"finished receipt {left.id}, which was left or waited: {left.status}")
        for path in paths:
            files.append([])
            told = 0
            for receipt in deliver(gateway, study, source, path, read_envelope(path) | given):
                # A file may have thousands of parts: what is not shown in the end is not kept until then.
                files[-1].append(receipt if told < SHOWN_ISSUES else replace(receipt, issues=()))
                told += len(receipt.issues)
                if json:
                    write_json(receipt_tree(receipt))
        released = {left.id: left for left in gateway.ingest.resume()}
        files = [[released.get(receipt.id, receipt) for receipt in receipts] for receipts in files]
        if json:
            for left in released.values():
                write_json(receipt_tree(left))
    if not json:
        show_files(files)
    raise typer.Exit(int(any(kept_out(receipt) for receipts in files for receipt in receipts)))


@contextmanager
def wrong_use() -> Iterator[None]:
    """Ends the command with exit code 2, and the reason, when it names something that is not there.

    With 1 when a large file is broken, or cannot be taken: nothing of it is landed then.
    """
    from gateway.core.errors import BadRequest, NotFound, PayloadTooLarge

    try:
        yield
    except NotFound as error:
        show_issues(error.issues)
        raise typer.Exit(2) from None
    except (BadRequest, PayloadTooLarge) as error:
        show_issues(error.issues)
        raise typer.Exit(1) from None


def deliver(gateway: "Gateway", study: str, source: str, path: Path, envelope: dict[str, str]) -> "Iterator[Receipt]":
    """Brings one file in as the client of the source, with a progress bar where it comes in parts.

    Raises `NotFound` for an unknown study or source.
    """
    from rich.markup import escape
    from rich.progress import Progress

    gateway.ingest.media_types(study, source)
    principal = gateway.studies[study].principal_of(source)
    with Progress(console=errors(), transient=True) as progress:
        task = progress.add_task(escape(path.name), total=path.stat().st_size)
        for receipt, done in gateway.ingest.bring(study, source, path, envelope, principal):
            progress.update(task, completed=done)
            yield receipt


def read_envelope(path: Path) -> dict[str, str]:
    """The facts in `envelope.json` beside a payload, {} without one."""
    from gateway.core.codec import loads

    beside = path.with_name("envelope.json")
    return {key: str(value) for key, value in loads(beside.read_bytes()).items()} if beside.is_file() else {}


def kept_out(receipt: "Receipt") -> bool:
    """Whether a part of the payload is in quarantine or waits."""
    return receipt.counts.quarantined + receipt.counts.parked > 0


def receipt_tree(receipt: "Receipt") -> dict[str, Any]:
    """A receipt as JSON."""
    from gateway.core.instants import format_instant
    from gateway.core.issues import operation_outcome

    tree: dict[str, Any] = {
        "id": receipt.id,
        "status": receipt.status,
        "study": receipt.study,
        "source": receipt.source,
        "name": receipt.name,
        "received": format_instant(receipt.received),
        "sha256": receipt.sha256,
        "mapping": receipt.mapping,
        "counts": asdict(receipt.counts),
    }
    if receipt.duplicate_of:
        tree["duplicateOf"] = receipt.duplicate_of
    if receipt.issues:
        tree["outcome"] = operation_outcome(receipt.issues)
    return tree


def show_files(files: "Iterable[list[Receipt]]") -> None:
    """A table of files, one that came in parts as one row, then the issues of those that have any."""
    show_receipts([receipts[0] if len(receipts) == 1 else _together(receipts) for receipts in files if receipts])


def _together(receipts: list["Receipt"]) -> "Receipt":
    """The receipts of a file's parts as one, with the issues of all."""
    from gateway.core.receipt import Counts

    counts = Counts(*(sum(column) for column in zip(*(astuple(one.counts) for one in receipts), strict=True)))
    states = {receipt.status for receipt in receipts} - {"known"}
    mixed: ReceiptStatus = "parked" if "parked" in states else "partial"
    status: ReceiptStatus = mixed if len(states) > 1 else next(iter(states), "known")
    issues = tuple(found for receipt in receipts for found in receipt.issues)[:SHOWN_ISSUES]
    name = f"{receipts[0].name.partition(' part 1 ')[0]} in {len(receipts)} parts"
    return replace(receipts[0], name=name, status=status, counts=counts, issues=issues)


def show_receipts(receipts: Iterable["Receipt"]) -> None:
    """A table of receipts, then the issues of those that have any."""
    shown = table(
        "file", "status", "records", "mapped", "created", "updated", "known", "quarantined", "parked", "receipt"
    )
    found = list(receipts)
    for receipt in found:
        counts = (str(value) for value in asdict(receipt.counts).values())
        shown.add_row(receipt.name or receipt.source, receipt.status, *counts, receipt.id)
    console().print(shown)
    for receipt in found:
        show_issues(receipt.issues, receipt.name or receipt.id)
