"""`map new` and `map schema`: a draft mapping, and the schema that samples show."""

import json
import re
from pathlib import Path
from typing import Any

import typer

from gateway.cli.console import show_error, show_issues, write_line

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def write_scaffold(
    vendor: str, data_type: str, sample: Path, format_name: str, options: list[str], root: Path
) -> int:
    """Writes the folder; the exit code, 2 for a name that cannot be part of an id, and when the folder is there."""
    from gateway.mapping.language.scaffold import inferred_schema, scaffold

    folder = root / vendor / data_type
    wrong = next((name for name in (vendor, data_type) if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        show_error(f"{wrong}: small letters, digits and dashes make a name, such as google-health")
        return 2
    if folder.exists():
        show_error(f"{folder} is there already")
        return 2
    said = _options(options)
    tree = _decoded(sample, format_name, said)
    folder.joinpath("examples").mkdir(parents=True)
    folder.joinpath("payload.schema.json").write_text(_written(inferred_schema(tree)), "utf-8")
    folder.joinpath("mapping.yaml").write_text(scaffold(vendor, data_type, format_name, tree, said), "utf-8")
    write_line(f"{folder}: write it, then gateway map lint {folder}")
    return 0


def show_schema(samples: list[Path], format_name: str, options: list[str]) -> None:
    """Prints the schema that all samples fit."""
    from gateway.mapping.language.scaffold import inferred_schema

    said = _options(options)
    write_line(_written(inferred_schema(*(_decoded(sample, format_name, said) for sample in samples))).rstrip())


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _options(given: list[str]) -> dict[str, Any]:
    """Options of a format from `name=value`: the value as YAML has it."""
    from gateway.core.yaml import YamlError, load

    found: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            is_yaml = value[:1] in ("[", "{") or value in ("true", "false") or value.isdecimal()
            found[name] = load(value).tree if is_yaml else value
        except YamlError:
            found[name] = value
    return found


def _decoded(sample: Path, format_name: str, options: dict[str, Any]) -> Any:
    from gateway.core.errors import FhirError
    from gateway.formats import FORMATS, decode, option_faults

    if format_name not in FORMATS:
        show_error(f"no such format; known: {', '.join(FORMATS)}")
        raise typer.Exit(2)
    for name, problem in option_faults(format_name, options):
        show_error(f"option {name}: {problem}")
        raise typer.Exit(2)
    try:
        return decode(sample.read_bytes(), format_name, options).tree
    except FhirError as error:
        show_issues(error.issues, sample.name)
        if known := ", ".join(FORMATS[format_name].options):
            show_error(f"if the file is right, say how to read it, --option NAME=VALUE: {known}")
        raise typer.Exit(1) from None
