"""What the commands of `gateway map` share: which mapping is meant, read and applied."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.console import show_error

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.core import Issue, Resource
    from gateway.formats import Decoded
    from gateway.mapping import Facts, Mapped, Mapping, Subject
    from gateway.mapping.language.load import Surroundings
    from gateway.mapping.tools.selftest import Validate


def head_of(name: str, folder: "Traversable") -> tuple[str, ...]:
    """Id, version, status, format and folder that a mapping file says; nothing of it is compiled or checked."""
    from gateway.core.yaml import YamlError, load
    from gateway.mapping.language.load import FILE_NAME, file_schema

    try:
        tree = load(folder.joinpath(FILE_NAME).read_text("utf-8")).tree
    except (YamlError, OSError, UnicodeDecodeError, RecursionError):
        tree = None
    if not file_schema().accepts(tree):
        return (name, "", "faulty", "", name)
    return (tree["mapping"], tree["version"], tree["status"], tree["source"]["format"], name)


def prepared(mapping: str, payload: Path, facts: Path | None) -> "tuple[Mapping, Decoded, Facts]":
    """The mapping, the decoded payload and the facts that a command names."""
    compiled = compiled_mapping(*chosen_one(mapping))
    return (compiled, *decoded_payload(compiled, payload, facts))


def decoded_payload(mapping: "Mapping", payload: Path, facts: Path | None) -> "tuple[Decoded, Facts]":
    """The decoded payload and the facts of a file, those of the envelope.json beside a payload if there is none.

    Members that the vendor's other mappings read are left out, as in ingest.
    """
    from gateway.cli.ingest import read_envelope
    from gateway.core.ids import sha256
    from gateway.core.yaml import YamlError, load
    from gateway.formats import decode
    from gateway.mapping import part_of
    from gateway.mapping.language.load import context_schema
    from gateway.mapping.tools.selftest import facts_of

    data = payload.read_bytes()
    try:
        context: Any = load(facts.read_text("utf-8")).tree if facts else {"envelope": read_envelope(payload)}
    except YamlError as error:
        raise typer.BadParameter(f"line {error.line}: {error}", param_hint="--facts") from None
    except UnicodeDecodeError:
        raise typer.BadParameter("it is not UTF-8", param_hint="--facts") from None
    for difference in context_schema().differences(context):
        where = ".".join(str(step) for step in difference.path) or "the file"
        raise typer.BadParameter(f"{where} {difference.problem}", param_hint="--facts")
    said = context.get("envelope", {}).get("charset", "")
    decoded = decode(data, mapping.format, {"charset": said, **mapping.source.options})
    known = facts_of(context, sha256(data))
    if mapping.plan.subject.per_record and "subject" not in context:
        known = replace(known, resolve=_made_up())
    return part_of(mapping, decoded, others(mapping)).decoded, known


def _made_up() -> "Callable[[str, str], Subject | None]":
    """A participant for each identifier, `p1`, `p2`: records of two would otherwise be one person's."""
    from gateway.mapping.tools.selftest import facts_of

    known: dict[tuple[str, str], Subject | None] = {}

    def resolve(system: str, value: str) -> "Subject | None":
        if (system, value) not in known:
            named = {"subject": {"id": f"p{len(known) + 1}"}}
            known[system, value] = facts_of(named).resolve(system, value)
        return known[system, value]

    return resolve


def others(mapping: "Mapping") -> frozenset[str]:
    """The members that installed mappings beside this one call their own; nothing of them is compiled or checked."""
    from gateway.core.yaml import YamlError, load
    from gateway.mapping.language.load import FILE_NAME

    if not mapping.source.members:
        return frozenset()
    vendor = mapping.folder.partition("/")[0]
    found: set[str] = set()
    for name, folder in installed():
        if name.partition("/")[0] == vendor and name != mapping.folder:
            try:
                found |= set(load(folder.joinpath(FILE_NAME).read_text("utf-8")).tree["source"].get("members", ()))
            except (YamlError, OSError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
                continue
    return frozenset(found)


def applied(mapping: "Mapping", decoded: "Decoded", facts: "Facts", *, trace: bool) -> "Mapped":
    """What the mapping makes of the payload; raises `Unprocessable` when it does not take it, as ingest would not."""
    from gateway.core.errors import Unprocessable
    from gateway.core.issues import any_blocks, issue

    if not mapping.takes(decoded.tree):
        raise Unprocessable(issue("mapping.no-match", tried=mapping.id))
    mapped = mapping.map(decoded, facts, trace=trace)
    if any_blocks(mapped.issues):
        raise Unprocessable(*mapped.issues)
    return mapped


def compiled_mapping(name: str, folder: "Traversable") -> "Mapping":
    """The compiled mapping of a folder; raises `Unprocessable` when it has faults."""
    from gateway.core.errors import Unprocessable
    from gateway.mapping.registry import read_mapping

    mapping, issues = read_mapping(folder, name, surroundings())
    if mapping is None:
        raise Unprocessable(*(found for found in issues if found.blocks))
    return mapping


def installed() -> "Iterator[tuple[str, Traversable]]":
    """Name and folder of every installed mapping."""
    from gateway.core.assets import asset_roots
    from gateway.mapping.registry import find_folders
    from gateway.settings import Settings

    folders: dict[str, Traversable] = {}
    for root in asset_roots("mappings", Settings().asset_dirs):
        folders |= dict(find_folders(root))
    yield from sorted(folders.items())


def chosen(wanted: list[str] | None) -> "list[tuple[str, Traversable]]":
    """Name and folder of what was asked for, each once: folders as they are, by their file, or all mappings below a
    folder, else installed mappings by folder name or id."""
    if not wanted:
        return list(installed())
    known: dict[str, Traversable] = {}
    found: list[tuple[str, Traversable]] = []
    for name in wanted:
        here = _folders_at(Path(name.removesuffix("/mapping.yaml")))
        if not here:
            known = known or dict(installed())
            folder = known.get(name.rstrip("/"))
            folder = folder or next((at for key, at in known.items() if head_of(key, at)[0] == name), None)
            if folder is None:
                show_error(_nothing_at(name))
                raise typer.Exit(2)
            here = [(name, folder)]
        found += here
    return list({str(folder): (name, folder) for name, folder in found}.values())


def chosen_one(wanted: str) -> "tuple[str, Traversable]":
    """Name and folder of the one mapping that was asked for."""
    found = chosen([wanted])
    if len(found) > 1:
        show_error(f"{wanted} holds {len(found)} mappings: say one, such as {found[0][1]}")
        raise typer.Exit(2)
    return found[0]


def _folders_at(path: Path) -> "list[tuple[str, Traversable]]":
    """The mapping in a folder, else those below it, named by their last two parts, or by more where these are not
    theirs alone; none elsewhere."""
    from gateway.mapping.registry import find_folders

    if path.joinpath("mapping.yaml").is_file():
        return [("/".join(path.resolve().parts[-2:]), path)]
    found = sorted(find_folders(path), key=lambda entry: entry[0])
    named = [("/".join(path.joinpath(name).resolve().parts[-2:]), folder) for name, folder in found]
    return named if len(dict(named)) == len(named) else found


def _nothing_at(name: str) -> str:
    if Path(name).is_dir():
        return f"there is no mapping.yaml in {name}, nor below it"
    return f"there is no mapping {name}; see gateway map list"


@cache
def surroundings() -> "Surroundings":
    """What mapping files are read against."""
    from gateway.core.assets import asset_roots
    from gateway.definitions import r4
    from gateway.mapping.language.load import Surroundings
    from gateway.settings import Settings
    from gateway.terminology import LocalTerminology

    definitions = r4()
    roots = asset_roots("terminology", Settings().asset_dirs)
    return Surroundings(definitions, LocalTerminology(definitions), roots)


def validation() -> "Validate":
    """Validation against R4 and known profiles."""
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
