"""`map lint`: the findings of mapping files, grouped by file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.cli._map.chosen import chosen, surroundings
from gateway.cli._map.pace import paced
from gateway.cli.console import console, counted, show_issues, write_json, write_line

if TYPE_CHECKING:
    from gateway.core import Issue


def show_findings(wanted: list[str] | None, as_json: bool) -> int:
    """Prints a line a mapping, its findings below it; the exit code, 1 when a file has faults."""
    from gateway.core import operation_outcome
    from gateway.core.issues import any_blocks

    total = faulty = 0
    for name, issues in _read(wanted):
        total += 1
        faulty += any_blocks(issues)
        if as_json:
            write_json({"mapping": name, "outcome": operation_outcome(issues)})
            continue
        write_line(f"{name}: {_counted(issues)}")
        show_issues(issues, on=console())
    if total > 1 and not as_json:
        write_line(f"{counted(total, 'mapping')}, {faulty} with faults")
    return int(faulty > 0)


def _read(wanted: list[str] | None) -> "Iterator[tuple[str, tuple[Issue, ...]]]":
    """Name and findings of each mapping; nothing is compiled to functions.

    That two have one id is a warning: installed together they are refused, but one may be a copy of the other.
    """
    from gateway.core import issue
    from gateway.mapping.language.load import FILE_NAME, load_folder
    from gateway.mapping.tools.nobodys import nobodys

    ids: dict[str, object] = {}
    for name, folder in paced(chosen(wanted), "mappings"):
        loaded = load_folder(folder, f"{name}/{FILE_NAME}", surroundings())
        issues = loaded.issues
        if loaded.plan is not None:
            issues = (*issues, *nobodys(loaded.plan, surroundings().definitions))
        identity = str(loaded.head.get("mapping", "")) or name
        if ids.setdefault(identity, folder) is not folder:
            twice = issue("mapping.duplicate-mapping", mapping=f"{name}/{FILE_NAME}", name=identity)
            issues = (*issues, replace(twice, severity="warning"))
        yield name, issues


def _counted(issues: "tuple[Issue, ...]") -> str:
    """How many findings there are, and how many of them are faults."""
    faults = sum(found.blocks for found in issues)
    told = counted(len(issues), "finding")
    return f"{told}, {counted(faults, 'fault')}" if faults else told
