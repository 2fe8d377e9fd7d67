"""`gateway map`: list, check, test, run and explain mappings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import show_error, show_issues, write_json, write_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.core import Issue, Resource
    from gateway.formats import Decoded
    from gateway.mapping import Facts, Mapped, Mapping
    from gateway.mapping.load import Surroundings
    from gateway.mapping.selftest import Validate

app = typer.Typer(help="List, check, test, run and explain mappings.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Folder = Annotated[str, typer.Argument(help="A mapping's id, or its folder.")]
FactsFile = Annotated[
    Path | None,
    typer.Option("--facts", help="YAML with envelope, study, site, subject, as in a test's context.", dir_okay=False),
]


@app.command("list")
def list_mappings(as_json: AsJson = False) -> None:
    """List the installed mappings.

    Example: gateway map list
    """
    found = sorted(_read(name, folder)[0] for name, folder in _installed())
    if as_json:
        for row in found:
            write_json(dict(zip(("mapping", "version", "status", "format", "folder"), row, strict=True)))
        return
    for identity, version, status, format_name, folder in found:
        write_line(f"{identity:40} {version:8} {status:8} {format_name:10} mappings/{folder}")


def _read(name: str, folder: "Traversable") -> tuple[tuple[str, ...], "Mapping | None"]:
    from gateway.mapping.registry import read_mapping

    mapping, _ = read_mapping(folder, name, _surroundings())
    if mapping is None:
        return (name, "", "faulty", "", name), None
    return (mapping.id, mapping.version, mapping.status, mapping.format, name), mapping


@app.command()
def lint(
    folders: Annotated[list[str] | None, typer.Argument(help="Ids or folders; all installed ones if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check mapping files: every fault at once, with line and column.

    Exit 1 when a file has faults; warnings do not count.

    Example: gateway map lint mappings/google-health/heart-rate
    """
    from gateway.core import operation_outcome
    from gateway.core.issues import any_blocks
    from gateway.mapping.registry import read_mapping

    faulty = False
    for name, folder in _chosen(folders):
        _, issues = read_mapping(folder, name, _surroundings())
        faulty = faulty or any_blocks(issues)
        if as_json:
            write_json({"mapping": name, "outcome": operation_outcome(issues)})
        else:
            show_issues(issues)
            write_line(f"{name}: {len(issues)} findings")
    raise typer.Exit(1 if faulty else 0)


@app.command("test")
def check_examples(
    folders: Annotated[list[str] | None, typer.Argument(help="Ids or folders; all installed ones if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests that mapping files carry; what they make must also be valid R4.

    Example: gateway map test google-health/heart-rate
    """
    from gateway.mapping.selftest import run_tests

    failed = total = 0
    validate = _validate()
    for name, folder in _chosen(folders):
        for result in run_tests(_mapping(name, folder), folder, validate):
            total += 1
            failed += bool(result.problems)
            if as_json:
                write_json({"mapping": name, "test": result.name, "problems": list(result.problems)})
            elif result.problems:
                show_issues(result.issues, name)
    if not as_json:
        write_line(f"{total - failed}/{total} tests passed")
    raise typer.Exit(1 if failed else 0)


@app.command()
def run(
    mapping: Folder,
    payload: Annotated[Path, typer.Argument(help="A payload file.", exists=True, dir_okay=False)],
    facts: FactsFile = None,
    as_json: AsJson = False,
) -> None:
    """Map one payload file: a resource a line on stdout, issues on stderr. Nothing is stored.

    Example: gateway map run google-health/heart-rate day.json --facts facts.yaml
    """
    from gateway.core import operation_outcome
    from gateway.core.issues import any_blocks
    from gateway.mapping.selftest import issues_of

    compiled, decoded, known = _prepare(mapping, payload, facts)
    mapped = _apply(compiled, decoded, known, trace=False)
    issues = issues_of(mapped)
    if as_json:
        write_json({"resources": list(mapped.resources), "outcome": operation_outcome(issues)})
    else:
        for resource in mapped.resources:
            write_json(resource)
        show_issues(issues, payload.name)
    raise typer.Exit(1 if any_blocks(issues) else 0)


@app.command()
def explain(
    mapping: Folder,
    payload: Annotated[Path, typer.Argument(help="A payload file.", exists=True, dir_okay=False)],
    path: Annotated[str, typer.Argument(help="Observation.valueQuantity, or Observation/<id>.valueQuantity.value")],
    facts: FactsFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell where the values at a path of the output come from: mapping line, expression, payload positions.

    Exit 1 when nothing was made at the path.

    Example: gateway map explain google-health/heart-rate day.json Observation.valueQuantity.value
    """
    from gateway.mapping.explain import steps_at

    compiled, decoded, known = _prepare(mapping, payload, facts)
    found = steps_at(_apply(compiled, decoded, known, trace=True).trace, path)
    for step in found:
        if as_json:
            write_json(
                {
                    "path": step.path,
                    "mapping": step.mapping,
                    "expression": step.expression,
                    "sources": list(step.sources),
                }
            )
            continue
        write_line(step.path)
        write_line(f"  mapping  {step.mapping}  {('=' + step.expression) if step.expression else '(constant)'}")
        for source in step.sources:
            write_line(f"  payload  {source}")
    raise typer.Exit(0 if found else 1)


def _prepare(mapping: str, payload: Path, facts: Path | None) -> "tuple[Mapping, Decoded, Facts]":
    from gateway.core.ids import sha256
    from gateway.core.yaml import YamlError, load
    from gateway.formats import decode
    from gateway.mapping.selftest import facts_of

    ((name, folder),) = _chosen([mapping])
    compiled = _mapping(name, folder)
    data = payload.read_bytes()
    try:
        context: Any = load(facts.read_text("utf-8")).tree if facts else {}
    except YamlError as error:
        raise typer.BadParameter(f"line {error.line}: {error}", param_hint="--facts") from None
    if not isinstance(context, dict):
        raise typer.BadParameter("a YAML mapping is needed", param_hint="--facts")
    return compiled, decode(data, compiled.format, compiled.source.options), facts_of(context, sha256(data))


def _apply(mapping: "Mapping", decoded: "Decoded", facts: "Facts", *, trace: bool) -> "Mapped":
    from gateway.core.errors import Unprocessable

    refused = mapping.check_payload(decoded.tree, decoded.locate)
    if refused:
        raise Unprocessable(*refused)
    return mapping.apply(decoded.tree, facts, trace=trace, locate=decoded.locate)


def _mapping(name: str, folder: "Traversable") -> "Mapping":
    from gateway.core.errors import Unprocessable
    from gateway.mapping.registry import read_mapping

    mapping, issues = read_mapping(folder, name, _surroundings())
    if mapping is None:
        raise Unprocessable(*(found for found in issues if found.blocks))
    return mapping


def _installed() -> "Iterator[tuple[str, Traversable]]":
    from gateway.core.assets import asset_roots
    from gateway.mapping.registry import find_folders
    from gateway.settings import Settings

    folders: dict[str, Traversable] = {}
    for root in asset_roots("mappings", Settings().asset_dirs):
        folders |= dict(find_folders(root))
    yield from sorted(folders.items())


def _chosen(wanted: list[str] | None) -> "list[tuple[str, Traversable]]":
    """Name and folder of what was asked for: folders as they are, else installed mappings by folder name or id."""
    if not wanted:
        return list(_installed())
    installed: dict[str, Traversable] = {}
    found: list[tuple[str, Traversable]] = []
    for name in wanted:
        if Path(name, "mapping.yaml").is_file():
            found.append(("/".join(Path(name).resolve().parts[-2:]), Path(name)))
            continue
        installed = installed or dict(_installed())
        folder = installed.get(name) or next(
            (at for key, at in installed.items() if _read(key, at)[0][0] == name), None
        )
        if folder is None:
            show_error(f"there is no mapping {name}; see gateway map list")
            raise typer.Exit(2)
        found.append((name, folder))
    return found


def _surroundings() -> "Surroundings":
    from gateway.core.assets import asset_roots
    from gateway.definitions import r4
    from gateway.mapping.load import Surroundings
    from gateway.settings import Settings
    from gateway.terminology import LocalTerminology

    definitions = r4()
    roots = asset_roots("terminology", Settings().asset_dirs)
    return Surroundings(definitions, LocalTerminology(definitions), roots)


def _validate() -> "Validate":
    from gateway.conformance import Validator
    from gateway.definitions import r4
    from gateway.terminology import LocalTerminology

    definitions = r4()
    validator = Validator(definitions, LocalTerminology(definitions))

    def validate(resource: "Resource", profiles: Any) -> "list[Issue]":
        known = [definitions.structure(url) for url in profiles]
        wanted = [found.url for found in known if found is not None and found.type == resource["resourceType"]]
        return validator.validate(resource, wanted)

    return validate
