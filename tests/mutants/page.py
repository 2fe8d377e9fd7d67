"""docs/reference/mutants.md: how many changes of each module the tests tell."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.mutants.running import ROOT, Tried

PAGE: Final = ROOT / "docs/reference/mutants.md"
MARK: Final = "<!-- written by `python -m tests.mutants --page` from here on -->\n"
HEAD: Final = "| module | killed | of | |\n|---|---:|---:|---:|\n"


def write(wanted: Mapping[str, Sequence[str]], found: Mapping[str, Tried], page: Path = PAGE) -> None:
    """Writes the table of a run behind the mark of the page: the modules of each target that were tried."""
    rows = []
    for target, modules in wanted.items():
        tried = {module.removeprefix("gateway."): found[module] for module in modules if module in found}
        rows += [_row(name, one.killed, one.count) for name, one in tried.items() if name != target]
        killed, count = sum(one.killed for one in tried.values()), sum(one.count for one in tried.values())
        rows.append(_row(f"**{target}**", killed, count))
    before, _, _ = page.read_text("utf-8").partition(MARK)
    page.write_text(f"{before}{MARK}\n{HEAD}{''.join(rows)}", "utf-8")


def _row(name: str, killed: int, count: int) -> str:
    return f"| {name} | {killed} | {count} | {killed / count if count else 1:.1%} |\n"
