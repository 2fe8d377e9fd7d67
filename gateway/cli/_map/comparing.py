"""`map diff`: what another mapping would make of a corpus."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli._map.chosen import applied, chosen, compiled_mapping, prepared
from gateway.cli.console import show_error, write_json, write_line

if TYPE_CHECKING:
    from gateway.mapping.compare import Change


def show_changes(old: str, new: str, corpus: Path, facts: Path | None, as_json: bool) -> int:
    """Prints each change; the exit code, 1 when there is any."""
    count = 0
    for path, change in _changes(old, new, corpus, facts):
        count += 1
        if as_json:
            write_json({"payload": path.name, "path": change.path, "old": change.old, "new": change.new})
        else:
            sign = "+" if change.old is None else "-" if change.new is None else "~"
            write_line(f"{sign} {path.name}: {change.path}")
    if not as_json:
        write_line(f"{count} changes")
    return int(count > 0)


def _changes(old: str, new: str, corpus: Path, facts: Path | None) -> "Iterator[tuple[Path, Change]]":
    from gateway.core.errors import FhirError
    from gateway.mapping.compare import changes

    for name, folder in chosen([old, new]):
        compiled_mapping(name, folder)
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        made = []
        for mapping in (old, new):
            try:
                compiled, decoded, known = prepared(mapping, path, facts)
                taken = compiled.takes(decoded.tree)
                made.append(applied(compiled, decoded, known, trace=False).resources if taken else ())
            except FhirError as error:
                show_error(f"{path.name}: {mapping} refuses it: {error.issues[0].rule}")
                made.append(())
        for change in changes(made[0], made[1]):
            yield path, change
