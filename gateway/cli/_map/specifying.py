"""`map docs`: the field-to-field specification of a mapping, for sign-off, and the data dictionary of many."""

import csv
from dataclasses import astuple, dataclass
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from gateway.cli._map.chosen import chosen, chosen_one, surroundings
from gateway.cli._map.pace import paced
from gateway.cli.console import write_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.mapping.plan import Plan
    from gateway.mapping.tools.dictionary import Entry

ENTRY_COLUMNS = ("Emit", "Type", "Code", "Codes of parts", "Units", "Profiles", "Payload fields", "Line")
COLUMNS = ("Emit", "Element", "Rule", "Payload fields", "Only when", "Line")


class Specified(Protocol):
    """What a specification tells of a mapping."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def describe(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def plan(self) -> "Plan": ...


@dataclass(frozen=True, slots=True)
class _Read:
    """A mapping that was read and checked, and not compiled to functions: a specification runs none."""

    id: str
    version: str
    status: str
    describe: str
    format: str
    plan: "Plan"


def read(name: str, folder: "Traversable") -> Specified:
    """The mapping in a folder; raises `Unprocessable` when it has faults."""
    from gateway.core.errors import Unprocessable
    from gateway.mapping.language.load import FILE_NAME, load_folder

    loaded = load_folder(folder, f"{name}/{FILE_NAME}", surroundings())
    head, plan = loaded.head, loaded.plan
    if plan is None:
        raise Unprocessable(*(found for found in loaded.issues if found.blocks))
    return _Read(plan.id, plan.version, head["status"], head["describe"], plan.format, plan)


def show_one(wanted: str, html: bool) -> None:
    """Prints the specification of one mapping."""
    found = read(*chosen_one(wanted))
    write_line(as_html(found) if html else as_csv(found))


def as_csv(mapping: Specified) -> str:
    """One line a rule, RFC 4180; cells that a spreadsheet would calculate are quoted with an apostrophe."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in row] for row in _cells(mapping))
    return text.getvalue().rstrip()


def as_html(mapping: Specified) -> str:
    """One page: what the mapping is, its data dictionary, and a line a rule."""
    from gateway.mapping.tools.dictionary import dictionary

    title = f"{mapping.id} {mapping.version}"
    told = f"<p>{escape(mapping.describe)} ({mapping.status}, {mapping.format})</p>"
    entries = [_entry_cells(entry) for entry in dictionary(mapping.plan)]
    body = f"{told}\n<h2>Data dictionary</h2>\n{_table(ENTRY_COLUMNS, entries)}\n<h2>Field to field</h2>"
    return _page(title, f"{body}\n{_table(COLUMNS, _cells(mapping))}")


def write_folder(wanted: list[str] | None, out: Path) -> int:
    """Writes a page and a CSV file for each mapping, and an index with the data dictionary of all; the exit code."""
    from gateway.mapping.tools.dictionary import dictionary

    lines: list[list[str]] = []
    for name, folder in paced(chosen(wanted), "mappings"):
        mapping = read(name, folder)
        *above, last = name.split("/")
        place = out.joinpath(*above)
        place.mkdir(parents=True, exist_ok=True)
        place.joinpath(f"{last}.html").write_text(as_html(mapping) + "\n", "utf-8")
        place.joinpath(f"{last}.csv").write_text(as_csv(mapping) + "\n", "utf-8")
        canonical = f"{mapping.id}|{mapping.version}"
        lines += [[name, canonical, *_entry_cells(entry)] for entry in dictionary(mapping.plan)]
    links = {line[0]: f'<a href="{quote(line[0])}.html">{escape(line[0])}</a>' for line in lines}
    table = _table(("Folder", "Mapping", *ENTRY_COLUMNS), lines)
    for name, link in links.items():
        table = table.replace(f"<td>{escape(name)}</td>", f"<td>{link}</td>")
    out.joinpath("index.html").write_text(_page("Data dictionary", table) + "\n", "utf-8")
    write_line(f"{out / 'index.html'}: {len(links)} mappings")
    return 0


def _entry_cells(entry: "Entry") -> list[str]:
    lists = (entry.code, entry.parts, entry.units, entry.profiles, entry.fields)
    return [entry.emit, entry.type, *(", ".join(values) for values in lists), entry.position]


def _table(columns: tuple[str, ...], lines: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in lines)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n<body>'
        f"<h1>{escape(title)}</h1>\n{body}</body></html>"
    )


def _cells(mapping: Specified) -> list[list[str]]:
    from gateway.mapping.tools.account import rows

    return [
        [", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(row)] for row in rows(mapping.plan)
    ]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip()[:1] in ("=", "+", "-", "@") else cell
