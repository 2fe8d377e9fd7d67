"""Concept maps and look-up tables of a mapping, made ready for look-up when the mapping is loaded.

See https://hl7.org/fhir/R4/conceptmap.html.
"""

import csv
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from io import StringIO
from types import MappingProxyType
from typing import Any

from gateway.core import Resource, loads
from gateway.core.errors import BadRequest
from gateway.mapping.plan import Table

Coding = Mapping[str, Any]
Row = Mapping[str, str]

_NOT_A_TARGET = frozenset({"unmatched", "disjoint"})


class NotATable(ValueError):
    """The file is not what it should be; the text says why."""


def read_concept_map(name: str, resource: Resource) -> Table:
    """The table of a ConceptMap: codes to target codings, by source system, and under "*" by code alone.

    Targets that are `unmatched` or `disjoint` are none. Raises `NotATable` for another resource.
    """
    if resource.get("resourceType") != "ConceptMap":
        raise NotATable("it is not a ConceptMap")
    found: dict[tuple[str, str], list[Coding]] = {}
    rest: list[Callable[[str], Coding]] = []
    for group in resource.get("group", ()):
        for element in group.get("element", ()):
            if not isinstance(element["code"], str):
                raise NotATable("a code is not a text")
            codings = [
                _coding(group.get("target"), target["code"], target.get("display"))
                for target in element.get("target", ())
                if target.get("equivalence") not in _NOT_A_TARGET and "code" in target
            ]
            for system in ("*", group.get("source", "")):
                known = found.setdefault((system, element["code"]), [])
                known.extend(coding for coding in codings if coding not in known)
        if "unmapped" in group:
            rest.append(_rest(group))
    targets = {key: tuple(codings) for key, codings in found.items()}
    return Table(name, MappingProxyType(targets), lambda code: tuple(make(code) for make in rest))


def _coding(system: str | None, code: str, display: str | None) -> Coding:
    if not isinstance(code, str):
        raise NotATable("a code is not a text")
    parts = {"system": system, "code": code, "display": display}
    return {key: value for key, value in parts.items() if value}


def _rest(group: Mapping[str, Any]) -> Callable[[str], Coding]:
    """What a group says of codes that it does not list: a fixed code, or the code itself."""
    unmapped, system = group["unmapped"], group.get("target")
    if unmapped.get("mode") == "provided":
        return lambda code: _coding(system, code, None)
    fixed = _coding(system, unmapped.get("code", ""), unmapped.get("display"))
    return lambda _code: fixed


def beside(folder: Traversable, name: str) -> Traversable:
    """The file `name` in or below `folder`; raises FileNotFoundError for a name that leads out of it."""
    steps = name.split("/")
    if not all(steps) or {".", ".."} & set(steps) or "\\" in name or ":" in name:
        raise FileNotFoundError(name)
    return folder.joinpath(*steps)


def find_concept_map(
    name: str,
    location: str,
    folder: Traversable,
    terminology: tuple[Traversable, ...],
    canonical: Callable[[str], Resource | None],
) -> Table:
    """The table at a canonical URL, under a terminology root (`terminology/...`), or beside the mapping.

    Later terminology roots win. Raises `NotATable` or OSError.
    """
    if ":" in location:
        resource = canonical(location)
        if resource is None:
            raise FileNotFoundError(location)
        return read_concept_map(name, resource)
    try:
        tree = loads(concept_map_file(location, folder, terminology).read_bytes())
        if not isinstance(tree, dict):
            raise NotATable("it is not a ConceptMap")
        return read_concept_map(name, tree)
    except BadRequest as error:
        raise NotATable(f"it is not JSON: {error.issues[0].message}") from None
    except (KeyError, TypeError, AttributeError):
        raise NotATable("it is not of the form of a ConceptMap") from None


def concept_map_file(location: str, folder: Traversable, terminology: tuple[Traversable, ...]) -> Traversable:
    """The file of a ConceptMap: in the last terminology root that has it (`terminology/...`), or beside the mapping.

    Raises FileNotFoundError.
    """
    if location.startswith("terminology/"):
        places = [beside(root, location.removeprefix("terminology/")) for root in reversed(terminology)]
    else:
        places = [beside(folder, location)]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(location)


def read_lookup(data: bytes, key: str) -> tuple[Mapping[str, Row], frozenset[str]]:
    """Rows of a CSV file by the value in column `key`, where empty cells are left out; and its columns.

    Raises `NotATable` for a missing column, a key or column that is there twice, a row of another length, and what
    is not CSV in UTF-8.
    """
    found: dict[str, Row] = {}
    try:
        rows = csv.DictReader(StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        columns = frozenset(rows.fieldnames or ())
        if key not in columns:
            raise NotATable(f"it has no column {key}")
        if len(columns) < len(rows.fieldnames or ()):
            raise NotATable("two columns have the same name")
        for row in rows:
            if None in row or None in row.values():
                raise NotATable(f"line {rows.line_num} has another number of cells than the header")
            if row[key] in found:
                raise NotATable(f"line {rows.line_num} repeats a key")
            found[row[key]] = {column: cell for column, cell in row.items() if cell}
    except csv.Error as error:
        raise NotATable(str(error)) from None
    except UnicodeDecodeError:
        raise NotATable("it is not in UTF-8") from None
    return MappingProxyType(found), columns


def targets_of(table: Table, code: str, system: str = "") -> tuple[Coding, ...]:
    """The targets of a code: of its system where one is given, of any system otherwise; () when there are none."""
    found = table.targets.get((system or "*", code))
    if found is None and system:
        found = table.targets.get(("", code))
    return table.rest(code) if found is None else found
