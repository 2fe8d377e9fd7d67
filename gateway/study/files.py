"""Reads a study folder's files and checks their form; every fault carries file, line and column."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core import yaml
from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import Issue, issue
from gateway.core.types import Resource

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A YAML file of the study, or its absence: `tree` is {} then."""

    name: str
    tree: dict[str, Any]
    document: yaml.Document | None = field(repr=False)

    def at(self, *path: str | int) -> str:
        """`study.yaml:12:5`, where the value at `path` stands, or its nearest ancestor."""
        line, column = self.document.position(path) if self.document else (1, 1)
        return f"{self.name}:{line}:{column}"


def read_yaml(root: Traversable, name: str, schema: str, issues: list[Issue]) -> File:
    """The file `name`, checked against the JSON Schema `schema` of this package; faults go to `issues`."""
    entry = root.joinpath(name)
    if not entry.is_file():
        issues.append(issue("study.missing-file", source=name, file=name))
        return File(name, {}, None)
    try:
        document = yaml.load(entry.read_text("utf-8"))
    except yaml.YamlError as error:
        where = f"{name}:{error.line}:{error.column}"
        issues.append(issue("study.not-yaml", source=where, problem=str(error).partition("'")[0].strip()))
        return File(name, {}, None)
    except UnicodeDecodeError:
        issues.append(issue("study.not-yaml", source=name, problem="not UTF-8"))
        return File(name, {}, None)
    file = File(name, document.tree if isinstance(document.tree, dict) else {}, document)
    issues.extend(_faults(file, document.tree, schema))
    return file


def read_resources(root: Traversable, issues: list[Issue]) -> dict[str, Resource]:
    """The FHIR resources of the folder's `*.json` files by file name, in name order."""
    found: dict[str, Resource] = {}
    for entry in sorted(root.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".json"):
            continue
        try:
            tree = loads(entry.read_bytes())
        except BadRequest as error:
            source = f"{entry.name}: {error.issues[0].source}".rstrip(": ")
            issues.append(issue("study.not-json", source=source))
            continue
        if isinstance(tree, dict) and isinstance(tree.get("resourceType"), str):
            found[entry.name] = tree
        else:
            issues.append(issue("study.not-json", source=entry.name))
    return found


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(loads(files("gateway.study").joinpath(schema).read_bytes()))


def _faults(file: File, tree: Any, schema: str) -> Iterator[Issue]:
    errors = sorted(_validator(schema).iter_errors(tree), key=lambda error: _sort_key(file, error))
    for error in errors:
        yield from _fault(file, error)


def _sort_key(file: File, error: Any) -> tuple[int, int]:
    return file.document.position(tuple(error.absolute_path)) if file.document else (1, 1)


def _fault(file: File, error: Any) -> Iterator[Issue]:
    path: Path = tuple(error.absolute_path)
    where = _name(path)
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known:
                source = file.at(*path, key)
                yield issue("study.unknown-key", source=source, where=where, key=key)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield issue("study.missing-key", source=file.at(*path), where=where, key=key)
    else:
        expected = f"{error.validator} {error.validator_value}"
        yield issue("study.value", source=file.at(*path), where=where, expected=expected)


def _name(path: Path) -> str:
    """A path for messages: `sites[0].zone`; the value itself is never shown."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the file"
