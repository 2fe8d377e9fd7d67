"""`map coverage`: fields that nothing reads, rules that never made anything."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli._map.chosen import applied, chosen_one, compiled_mapping, decoded_payload, others
from gateway.cli._map.looking import looking
from gateway.cli._map.pace import paced
from gateway.cli.console import counted, show_error, show_issues, write_json, write_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.formats import Decoded
    from gateway.mapping import Mapping, Step


@dataclass(slots=True)
class _Seen:
    """What payloads showed: values at paths that nothing reads, and positions of rules that made something."""

    payloads: int = 0
    unread: dict[tuple[str, ...], int] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)


def show_coverage(mapping: str, payloads: list[Path], facts: Path | None, as_json: bool) -> int:
    """Prints what files do not cover; the exit code, 2 without any payload that the mapping takes."""
    name, folder = chosen_one(mapping)
    compiled = compiled_mapping(name, folder)
    if payloads:
        return _show(compiled, _of_files(compiled, payloads, facts), as_json)
    seen = _of_examples(compiled, folder)
    if not seen.payloads:
        show_error(f"{name} has no example that it takes: name payload files")
        return 2
    return _show(compiled, seen, as_json)


def show_study_coverage(mapping: str, study: str, client: str, as_json: bool) -> int:
    """Prints what the landed payloads of a study do not cover."""
    from gateway.core.errors import FhirError

    compiled = compiled_mapping(*chosen_one(mapping))
    seen = _Seen()
    with looking(study, client) as inspection:
        try:
            for landed in inspection.payloads(compiled, "coverage"):
                if landed.decoded is not None:
                    _add(seen, compiled, landed.decoded, landed.reading.trace)
        except FhirError as error:
            show_issues(error.issues)
            raise typer.Exit(2) from None
    return _show(compiled, seen, as_json)


def _of_files(mapping: "Mapping", paths: list[Path], facts: Path | None) -> _Seen:
    """What payload files show; those that are not taken are told."""
    from gateway.core.errors import FhirError

    seen = _Seen()
    for path in paced(paths, "payloads"):
        try:
            decoded, known = decoded_payload(mapping, path, facts)
            mapped = applied(mapping, decoded, known, trace=True)
        except FhirError as error:
            show_error(f"{path}: not taken: {error.issues[0].rule}")
            continue
        _add(seen, mapping, decoded, mapped.trace)
    return seen


def _of_examples(mapping: "Mapping", folder: "Traversable") -> _Seen:
    """What the mapping's own examples show, of their own participants; those made to be refused are passed over."""
    from gateway.core.errors import FhirError
    from gateway.mapping import part_of
    from gateway.mapping.tools.examples import cases, given

    seen, beside = _Seen(), others(mapping)
    for case in paced(cases(folder), "examples"):
        try:
            decoded, known = given(mapping, case)
            decoded = part_of(mapping, decoded, beside).decoded
            mapped = applied(mapping, decoded, known, trace=True)
        except FhirError:
            continue
        _add(seen, mapping, decoded, mapped.trace)
    return seen


def _add(seen: _Seen, mapping: "Mapping", decoded: "Decoded", trace: "Iterable[Step]") -> None:
    from gateway.mapping.tools.account import paths_read
    from gateway.mapping.tools.unread import unread

    seen.payloads += 1
    seen.fired |= {step.mapping for step in trace}
    for leaf in unread(decoded, paths_read(mapping.plan), mapping.format):
        seen.unread[leaf] = seen.unread.get(leaf, 0) + 1


def _show(mapping: "Mapping", seen: _Seen, as_json: bool) -> int:
    if not seen.payloads:
        show_error("no payload that the mapping takes")
        return 2
    silent = list(_silent(mapping, seen.fired))
    if as_json:
        write_json(
            {
                "payloads": seen.payloads,
                "unread": [{"path": ".".join(path), "values": count} for path, count in seen.unread.items()],
                "never_fired": [{"element": element, "mapping": position} for element, position in silent],
            }
        )
        return 0
    for names, count in sorted(seen.unread.items()):
        write_line(f"never read   {'.'.join(names)}  ({counted(count, 'value')})")
    for element, position in silent:
        write_line(f"never fired  {element}  {position}")
    write_line(f"{counted(len(seen.unread), 'field')} never read, {counted(len(silent), 'rule')} never fired")
    return 0


def _silent(mapping: "Mapping", fired: set[str]) -> Iterator[tuple[str, str]]:
    from gateway.mapping.tools.account import rows

    for row in rows(mapping.plan):
        if not row.element.startswith("(key") and row.position not in fired:
            yield row.element, row.position
