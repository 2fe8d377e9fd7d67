"""The page: tables and plots in one file, without scripts, forbidden to load anything."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

from gateway.access.reading.withholding import Kept
from gateway.core.receipt import Receipt
from gateway.export.files import whole_file
from gateway.export.report.charts import histogram
from gateway.export.report.gathering import Gathered
from gateway.export.report.withheld import FEWEST, has_small, rows_of_reasons, rows_of_types

PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
div { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right; }
th:first-child { text-align: left; }
figure { display: inline-block; width: 22rem; margin: 0 1rem 1rem 0; }
svg { width: 100%; fill: #2a6f97; border-bottom: 1px solid #222; }
</style>
</head>
<body>
<h1>$title</h1>
<p>Seen by the client $client on $time: only what Consents let it take along.</p>
<h2>In: receipts by source</h2>
<p>Of the whole study, whoever reads this page.</p>
$incoming
<h2>Out: resources by type</h2>
$outgoing
<h2>Kept back, and why</h2>
<p>What there is in the study and does not leave. Counts of fewer than $fewest participants are hidden, and those that
would give them away.</p>
$withheld
<h2>Days with data, by participant and stream</h2>
<p>The darker, the nearer to the participant with the most days in the stream; where no day is told, resources.</p>
$completeness
<h2>Distributions</h2>
$distributions
</body>
</html>
""")

STATUSES: Final = ("received", "stored", "known", "partial", "quarantined", "parked")


def write_report(
    path: Path,
    title: str,
    client: str,
    time: datetime,
    receipts: Iterable[Receipt],
    gathered: Gathered,
    kept: Mapping[str, Kept],
) -> None:
    """Writes the page to `path`: whole or not at all, readable by its owner only. `kept` is by type."""
    page = PAGE.substitute(
        title=escape(title),
        client=escape(client),
        time=escape(time.isoformat(timespec="minutes")),
        incoming=_incoming(receipts, with_resources=not has_small(kept)),
        outgoing=_table(("type", "there are", "leave", "leave redacted"), list(rows_of_types(kept))),
        fewest=FEWEST,
        withheld=_table(("type", "why", "resources", "participants"), list(rows_of_reasons(kept))),
        completeness=_completeness(gathered),
        distributions=_distributions(gathered),
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")


def _incoming(receipts: Iterable[Receipt], *, with_resources: bool) -> str:
    """A row for each source: receipts by status, then what the payloads held and became."""
    sources: dict[str, Counter[str]] = {}
    parts = ("records", "mapped", "created", "updated", "known", "quarantined", "parked") if with_resources else ()
    for receipt in receipts:
        own = sources.setdefault(receipt.source, Counter())
        own[receipt.status] += 1
        for name in parts:
            own[f"of {name}"] += getattr(receipt.counts, name)
    columns = (*STATUSES, *(f"of {name}" for name in parts))
    heads = ("source", *STATUSES, *parts[:1], *(f"resources {name}" for name in parts[1:]))
    return _table(heads, [(source, *(own[name] for name in columns)) for source, own in sorted(sources.items())])


def _completeness(gathered: Gathered) -> str:
    people = gathered.participants
    names = sorted(name for name, stream in gathered.streams.items() if stream.resources)
    rows = "".join(
        f"<tr><th>{escape(person)}</th>{''.join(_filled(gathered, name, person) for name in names)}</tr>"
        for person in people
    )
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("participant", *names))
    return f"<div><table><tr>{heads}</tr>{rows}</table></div>" if rows else "<p>Nothing.</p>"


def _filled(gathered: Gathered, name: str, person: str) -> str:
    """One cell: days with data, its colour by the most days that anybody has."""
    stream = gathered.streams[name]
    days = {one: len(stream.days[one]) if one in stream.days else count for one, count in stream.resources.items()}
    share = days.get(person, 0) / max(days.values())
    told = f"{stream.resources[person]} resources"
    return f'<td title="{told}" style="background: rgba(42, 111, 151, {share * 0.7:.2f})">{days.get(person, 0)}</td>'


def _distributions(gathered: Gathered) -> str:
    figures = [
        histogram(name, unit, values)
        for name, stream in sorted(gathered.streams.items())
        for unit, values in sorted(stream.values.items())
    ]
    return "\n".join(figures) or "<p>No numbers.</p>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr><th>{escape(str(row[0]))}</th>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f"<div><table><tr>{top}</tr>{body}</table></div>"
