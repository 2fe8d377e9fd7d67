"""`map drift`: what receipts told of fields that are new, or come no more."""

from contextlib import closing

from gateway.cli.console import counted, show_error, write_json, write_line


def show_drift(study: str, source: str, as_json: bool) -> int:
    """Prints a line for each thing told, oldest first; the exit code, 1 when fields have stopped coming."""
    from gateway.app import build
    from gateway.ingest.drift import VANISHED, drift
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        if study not in gateway.studies:
            show_error(f"no such study; installed: {', '.join(gateway.studies) or 'none'}")
            return 2
        found = drift(gateway.store, study, source)
    for one in found:
        if as_json:
            write_json(
                {
                    "source": one.source,
                    "mapping": one.mapping,
                    "rule": one.rule,
                    "message": one.message,
                    "receipts": one.receipts,
                    "first": one.first.isoformat(),
                    "last": one.last.isoformat(),
                }
            )
        else:
            since = f"since {one.first:%Y-%m-%d}, {counted(one.receipts, 'receipt')}"
            write_line(f"{one.source}  {one.mapping}  {since}: {one.message}")
    if not as_json:
        write_line(f"{counted(len(found), 'change')} of fields")
    return int(any(one.rule == VANISHED for one in found))
