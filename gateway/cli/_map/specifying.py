"""`map docs`: the field-to-field specification of a mapping, for sign-off."""

import csv
from dataclasses import astuple
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.mapping import Mapping

COLUMNS = ("Emit", "Element", "Rule", "Payload fields", "Only when", "Line")


def as_csv(mapping: "Mapping") -> str:
    """One line a rule, RFC 4180; cells that a spreadsheet would calculate are quoted with an apostrophe."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in row] for row in _cells(mapping))
    return text.getvalue().rstrip()


def as_html(mapping: "Mapping") -> str:
    """One page with one table."""
    title = escape(f"{mapping.id} {mapping.version}")
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in _cells(mapping)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n<body>'
        f"<h1>{title}</h1>\n<p>{escape(mapping.describe)} ({mapping.status}, {mapping.format})</p>\n"
        f"<table>\n<tr>{head}</tr>\n{body}\n</table></body></html>"
    )


def _cells(mapping: "Mapping") -> list[list[str]]:
    from gateway.mapping.account import rows

    return [
        [", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(row)] for row in rows(mapping.plan)
    ]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
