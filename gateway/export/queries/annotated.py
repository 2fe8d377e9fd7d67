"""A SQL file with annotations in its comments (`-- @param: from_date date`) as the Library that it stands for.

`@name`, `@title`, `@description`, `@version`, `@status`, `@publisher`, `@url` and `@type` (`sql-query` or `sql-view`)
may be said once, `@author`, `@param: name type [description]` and `@relatedDependency: canonical as label` often.
See https://sql-on-fhir.org/ig/latest/StructureDefinition-SQLQuery.html (tooling).
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.queries.definition import MAX_SQL

BASE: Final = "https://sql-on-fhir.org/ig"
# What is not closed goes to the end, so that a text is run through once.
_COMMENT: Final = re.compile(r"'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_ANNOTATION: Final = re.compile(r"[\s\-/*]*@(\w+):(.*)\Z")
_DEPENDENCY: Final = re.compile(r"(\S+)\s+as\s+(\S+)\Z")
_TEXTS: Final = ("name", "title", "description", "version", "status", "publisher", "url")

Part = tuple[str, Mapping[str, Any]]


def library_of_sql(text: str, name: str) -> Resource:
    """The SQLQuery Library of an annotated SQL file; `name` is taken where none is annotated.

    Raises `Unprocessable` with every annotation that cannot be read (`export.query-annotation`), by its line.
    """
    if len(text) > MAX_SQL:
        expected = f"SQL of at most {MAX_SQL} characters"
        raise Unprocessable(issue("export.query-element", expression="Library.content", expected=expected))
    told: dict[str, str] = {}
    lists: dict[str, list[Mapping[str, Any]]] = {"author": [], "parameter": [], "relatedArtifact": []}
    faults: list[Issue] = []
    for line, key, value in _annotations(text):
        part = _PARTS[key](value) if key in _PARTS else None
        if part is not None:
            lists[part[0]].append(part[1])
        elif key in (*_TEXTS, "type") and key not in told and value:
            told[key] = value
        else:
            faults.append(issue("export.query-annotation", source=f"line {line}", name=key))
    if faults:
        raise Unprocessable(*faults)
    kind = told.pop("type", "sql-query")
    profile = "SQLView" if kind == "sql-view" else "SQLQuery"
    return {
        "resourceType": "Library",
        "meta": {"profile": [f"{BASE}/StructureDefinition/{profile}"]},
        "name": name,
        "status": "draft",
        **told,
        "type": {"coding": [{"system": f"{BASE}/CodeSystem/LibraryTypesCodes", "code": kind}]},
        **{key: found for key, found in lists.items() if found},
        "content": [
            {
                "extension": [{"url": f"{BASE}/StructureDefinition/sql-text", "valueString": text}],
                "contentType": "application/sql",
                "data": base64.b64encode(text.encode()).decode(),
            }
        ],
    }


def _annotations(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, key and value of each annotation."""
    for comment in _COMMENT.finditer(text):
        if comment[0][0] in "'\"":
            continue
        first = text.count("\n", 0, comment.start()) + 1
        for number, line in enumerate(comment[0].splitlines()):
            found = _ANNOTATION.match(line)
            if found:
                yield first + number, found[1], found[2].strip(" \t*/")


def _author(value: str) -> Part | None:
    return ("author", {"name": value}) if value else None


def _parameter(value: str) -> Part | None:
    name, kind, *rest = [*value.split(None, 2), "", ""][:3]
    more = {"documentation": rest[0]} if rest[0] else {}
    return ("parameter", {"name": name, "use": "in", "type": kind, **more}) if kind else None


def _dependency(value: str) -> Part | None:
    found = _DEPENDENCY.match(value)
    return ("relatedArtifact", {"type": "depends-on", "label": found[2], "resource": found[1]}) if found else None


_PARTS: Final[Mapping[str, Callable[[str], Part | None]]] = {
    "author": _author,
    "param": _parameter,
    "relatedDependency": _dependency,
}
