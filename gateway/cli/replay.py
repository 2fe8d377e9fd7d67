"""`gateway replay`: tries quarantined payloads again, after a fix."""

from contextlib import closing
from typing import Annotated

import typer

from gateway.cli.console import console, show_error, write_json


def register(root: typer.Typer) -> None:
    """Adds the command."""
    root.command()(replay)


def replay(
    study: Annotated[str, typer.Option("--study", help="The study's id")],
    receipt: Annotated[str, typer.Option("--receipt", help="This receipt")] = "",
    source: Annotated[str, typer.Option("--source", help="What this source delivered")] = "",
    rule: Annotated[str, typer.Option("--rule", help="What this rule kept out")] = "",
    mapping: Annotated[str, typer.Option("--mapping", help="What this mapping has read, stored too")] = "",
    json: Annotated[bool, typer.Option("--json", help="One receipt a line, as JSON")] = False,
) -> None:
    """Process payloads again: quarantined ones, or all that a corrected mapping has read.

    Nothing is doubled: what is stored already stays as it is, or becomes a new version where the mapping now differs.
    Exit 0 when nothing is left in quarantine or waits, 1 when something is, 2 on wrong use.

    Example: gateway replay --study hf-dct-01 --rule mapping.subject-unknown
    """
    from gateway.app import build, settled
    from gateway.cli.ingest import kept_out, receipt_tree, show_receipts, wrong_use
    from gateway.core.rules import RULES
    from gateway.ingest import Replay
    from gateway.settings import Settings

    if not (receipt or source or rule or mapping):
        show_error("say what to replay: --receipt, --source, --rule or --mapping")
        raise typer.Exit(2)
    if rule and rule not in RULES:
        show_error("no such rule; the issues of a receipt name theirs, docs/reference/rules.md lists all")
        raise typer.Exit(2)
    with closing(build(Settings())) as gateway, settled(), wrong_use():
        if source:
            gateway.ingest.media_types(study, source)  # refuses a name that the study does not have
        receipts = gateway.ingest.replay(Replay(study, receipt, source, rule, mapping))
        if mapping and not receipts:
            gateway.registry.get(mapping.partition("|")[0])  # a name that is nobody's is wrong use, not success
    if json:
        for found in receipts:
            write_json(receipt_tree(found))
    elif receipts:
        show_receipts(receipts)
    else:
        console().print("nothing to replay")
    raise typer.Exit(int(any(kept_out(found) for found in receipts)))
