"""`map coverage`: fields that nothing reads, rules that never made anything."""

from pathlib import Path

from gateway.cli._map.chosen import applied, chosen, prepared
from gateway.cli.console import show_error, write_json, write_line


def show_coverage(mapping: str, payloads: list[Path], facts: Path | None, as_json: bool) -> int:
    """Prints what is not covered; the exit code, 2 without any payload that the mapping takes."""
    from gateway.core.errors import FhirError
    from gateway.mapping.account import is_read, leaves, paths_read, rows

    ((_, folder),) = chosen([mapping])
    found = payloads or sorted(Path(str(folder)).glob("examples/*/payload.*"))
    unread: dict[tuple[str, ...], int] = {}
    fired: set[str] = set()
    plan = None
    for path in found:
        try:
            compiled, decoded, known = prepared(mapping, path, facts)
            mapped = applied(compiled, decoded, known, trace=True)
        except FhirError as error:
            show_error(f"{path}: not taken: {error.issues[0].rule}")
            continue
        plan = compiled.plan
        read = paths_read(plan)
        fired |= {step.mapping for step in mapped.trace}
        for leaf in leaves(decoded.tree):
            if not is_read(leaf, read):
                unread[leaf] = unread.get(leaf, 0) + 1
    if plan is None:
        show_error("no payload that the mapping takes")
        return 2
    silent = [row for row in rows(plan) if not row.element.startswith("(key") and row.position not in fired]
    if as_json:
        write_json(
            {
                "unread": [{"path": ".".join(path), "values": count} for path, count in unread.items()],
                "never_fired": [{"element": row.element, "mapping": row.position} for row in silent],
            }
        )
        return 0
    for names, count in sorted(unread.items()):
        write_line(f"never read   {'.'.join(names)}  ({count} values)")
    for row in silent:
        write_line(f"never fired  {row.element}  {row.position}")
    write_line(f"{len(unread)} fields never read, {len(silent)} rules never fired")
    return 0
