"""`map diff`: what another mapping would make of a corpus, or of the payloads of a study."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli._map.chosen import applied, chosen_one, compiled_mapping, decoded_payload
from gateway.cli._map.looking import looking
from gateway.cli._map.pace import paced
from gateway.cli.console import counted, show_error, show_issues, write_json, write_line

if TYPE_CHECKING:
    from gateway.ingest.rerun import Rerun
    from gateway.mapping import Mapping
    from gateway.mapping.tools.compare import Change


def show_changes(old: str, new: str, corpus: Path, facts: Path | None, values: bool, as_json: bool) -> int:
    """Prints each change; the exit code, 1 when there is any, 2 without a payload that one of the mappings takes."""
    count = taken = total = 0
    for path, found in _changes(_both(old, new), corpus, facts):
        total += 1
        taken += found is not None
        for change in found or ():
            count += 1
            _show(change, path.name, values, as_json)
    if not as_json:
        write_line(f"{counted(count, 'change')}, {taken} of {counted(total, 'payload')} taken")
    if not taken:
        show_error(f"{corpus} has no payload that one of the mappings takes: nothing was compared")
        return 2
    return int(count > 0)


def show_study_changes(old: str, new: str, study: str, client: str, values: bool, as_json: bool) -> int:
    """Prints what would change in the store if the new mapping read what the old one has read."""
    from gateway.core.errors import FhirError
    from gateway.ingest.rerun import rerun

    before, after = _both(old, new)
    if before.id != after.id:
        show_error("the mappings have different ids: nothing stored would change, all of it would be made anew")
        return 2
    changed, hidden, refused = set(), 0, 0
    with looking(study, client) as inspection:
        try:
            for found in rerun(inspection, before, after):
                hidden += found.hidden
                refused += bool(found.refused)
                if found.change is not None:
                    changed.add(found.change.path.partition(".")[0].partition("[")[0])
                _show_rerun(found, values, as_json)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(2) from None
    if not as_json:
        rest = f", {counted(hidden, 'change')} of what this client does not see, {refused} newly refused"
        write_line(f"{counted(len(changed), 'resource')} would change{rest}")
    return int(bool(changed or hidden or refused))


def _both(old: str, new: str) -> "tuple[Mapping, Mapping]":
    first, second = (compiled_mapping(*chosen_one(name)) for name in (old, new))
    return first, second


def _show_rerun(found: "Rerun", values: bool, as_json: bool) -> None:
    if found.change is not None:
        _show(found.change, found.receipt, values, as_json)
    elif found.refused and as_json:
        write_json({"payload": found.receipt, "refused": found.refused})
    elif found.refused:
        write_line(f"! {found.receipt}: refused by {found.refused}")


def _show(change: "Change", payload: str, values: bool, as_json: bool) -> None:
    """A change by its path; what was and would be there only where it was asked for."""
    sign = "+" if change.old is None else "-" if change.new is None else "~"
    shown = {"old": change.old, "new": change.new} if values else {}
    if as_json:
        write_json({"payload": payload, "change": sign, "path": change.path, **shown})
        return
    write_line(f"{sign} {payload}: {change.path}")
    if values:
        write_json(shown)


def _changes(
    mappings: "tuple[Mapping, Mapping]", corpus: Path, facts: Path | None
) -> "Iterator[tuple[Path, tuple[Change, ...] | None]]":
    """Each payload and what would change; None for one that neither mapping takes."""
    from gateway.core.errors import FhirError
    from gateway.mapping.tools.compare import changes

    paths = sorted(path for path in corpus.rglob("*") if path.is_file())
    for path in paced(paths, "payloads"):
        made, refused = [], []
        is_taken = False
        for mapping in mappings:
            try:
                decoded, known = decoded_payload(mapping, path, facts)
                resources = (
                    applied(mapping, decoded, known, trace=False).resources if mapping.takes(decoded.tree) else None
                )
                is_taken = is_taken or resources is not None
                made.append(resources or ())
            except FhirError as error:
                refused.append((mapping is mappings[1], error.issues[0].rule))
                made.append(())
        _show_refusals(path.name, refused)
        yield path, changes(made[0], made[1]) if is_taken else None


def _show_refusals(payload: str, refused: list[tuple[bool, str]]) -> None:
    """Tells by which rules a payload was refused, of the new mapping or the old one, or once of both."""
    rules = {rule for _, rule in refused}
    if len(refused) == 2 and len(rules) == 1:
        show_error(f"{payload}: both refuse it: {rules.pop()}")
        return
    for is_new, rule in refused:
        show_error(f"{payload}: the {'new' if is_new else 'old'} mapping refuses it: {rule}")
