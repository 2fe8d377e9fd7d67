"""A query over views as values: the profiles SQLQuery and SQLView of Library, read strictly, all faults at once.

See https://sql-on-fhir.org/ig/latest/StructureDefinition-SQLQuery.html.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue

TYPES: Final = ("string", "integer", "decimal", "boolean", "date", "dateTime")
"""FHIR types that a parameter can have."""

MAX_TABLES: Final = 50
"""How many views and queries one query may stand on, those below its own queries included."""

MAX_SQL: Final = 100_000
"""Characters of SQL."""

SQL_TEXT: Final = "/StructureDefinition/sql-text"
_SYSTEMS: Final = (
    "https://sql-on-fhir.org/ig/CodeSystem/LibraryTypesCodes",
    "http://hl7.org/fhir/uv/sql-on-fhir/CodeSystem/LibraryTypesCodes",
)
_CODES: Final = ("sql-query", "sql-view")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}\Z")
_MEDIA: Final = re.compile(r"application/sql\s*(?:;\s*dialect\s*=\s*\"?([A-Za-z0-9.\-]+)\"?\s*)?\Z")


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT: `tables` are the canonical addresses of what it reads, by the names that its SQL has for them.

    `parameters` are FHIR types by name. A `reusable` one (SQLView) has none, and other queries may read it by its
    `url`. `place` is where the Library has the SQL.
    """

    name: str
    title: str
    url: str
    reusable: bool
    parameters: Mapping[str, str]
    tables: Mapping[str, str]
    sql: str
    place: str


def read_query(tree: Resource) -> Query:
    """The query that a Library describes; raises `Unprocessable` with all its faults."""
    reader = _Reader()
    query = reader.query(tree)
    if reader.faults:
        raise Unprocessable(*reader.faults)
    return query


class _Reader:
    """Reads a Library part by part and collects what is wrong."""

    def __init__(self) -> None:
        self.faults: list[Issue] = []

    def fault(self, place: str, expected: str) -> None:
        self.faults.append(issue("export.query-element", expression=place, expected=expected))

    def query(self, tree: Any) -> Query:
        tree = tree if isinstance(tree, dict) else {}
        if tree.get("resourceType") != "Library":
            self.fault("Library", "a resource of the type Library")
        kind = self.kind(tree)
        name, title, url = (self.text(tree, key) for key in ("name", "title", "url"))
        if not _NAME.match(name):
            self.fault("Library.name", "letters, digits and underscores, a letter first")
        parameters = self.parameters(tree)
        if kind == "sql-view" and parameters:
            self.fault("Library.parameter", "no parameters of a view that other queries read")
        if kind == "sql-view" and not url:
            self.fault("Library.url", "the address by which other queries name it")
        sql, place = self.sql(tree)
        return Query(name, title, url, kind == "sql-view", parameters, self.tables(tree), sql, place)

    def kind(self, tree: dict[str, Any]) -> str:
        found = tree.get("type")
        codings = found.get("coding", []) if isinstance(found, dict) else []
        codes = [
            one.get("code")
            for one in (codings if isinstance(codings, list) else [])
            if isinstance(one, dict)
            and one.get("system") in _SYSTEMS
            and one.get("code") in ("sql-query", "sql-view")
        ]
        if len(codes) != 1:
            self.fault("Library.type", "the coding sql-query, or sql-view, of LibraryTypesCodes")
        return str(codes[0]) if codes else ""

    def parameters(self, tree: dict[str, Any]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for index, entry in enumerate(self.entries(tree, "parameter")):
            place, name = f"Library.parameter[{index}]", entry.get("name")
            if entry.get("use") != "in":
                self.fault(f"{place}.use", "in: a query gives rows, and no other parameters")
            if entry.get("type") not in TYPES:
                self.fault(f"{place}.type", f"one of {', '.join(TYPES)}")
            if not isinstance(name, str) or not _NAME.match(name) or name in found:
                self.fault(f"{place}.name", "a name of its own: letters, digits and underscores, a letter first")
            else:
                found[name] = str(entry.get("type"))
        return found

    def tables(self, tree: dict[str, Any]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for index, entry in enumerate(self.entries(tree, "relatedArtifact")):
            place, label, url = f"Library.relatedArtifact[{index}]", entry.get("label"), entry.get("resource")
            if entry.get("type") != "depends-on":
                continue
            if not isinstance(url, str) or not url:
                self.fault(f"{place}.resource", "the canonical address of a view")
            # Names are compared as SQL does, which does not tell capitals from small letters.
            elif not isinstance(label, str) or not _NAME.match(label) or label.lower() in map(str.lower, found):
                self.fault(f"{place}.label", "the table's name in the SQL: its own, letters, digits and underscores")
            else:
                found[label] = url
        if len(found) > MAX_TABLES:
            self.fault("Library.relatedArtifact", f"at most {MAX_TABLES} tables")
        return found

    def sql(self, tree: dict[str, Any]) -> tuple[str, str]:
        """The SQL for DuckDB, else that of no dialect, and its place."""
        own: dict[str, int] = {}
        entries = self.entries(tree, "content")
        for index, entry in enumerate(entries):
            media = _MEDIA.match(str(entry.get("contentType", "")))
            if media is None:
                self.fault(f"Library.content[{index}].contentType", "application/sql, with or without ;dialect=...")
            else:
                own.setdefault((media[1] or "").lower(), index)
        index = own.get("duckdb", own.get("", -1))
        if index < 0:
            self.fault("Library.content", "SQL for DuckDB: application/sql, or application/sql;dialect=duckdb")
            return "", "Library.content"
        place = f"Library.content[{index}]"
        return self.decoded(entries[index], place), f"{place}.data"

    def decoded(self, entry: dict[str, Any], place: str) -> str:
        data = entry.get("data")
        try:
            text = base64.b64decode("".join(data.split()) if isinstance(data, str) else "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        if not text.strip() or len(text) > MAX_SQL:
            self.fault(f"{place}.data", f"SQL in UTF-8 and base64, at most {MAX_SQL} characters")
        extensions = entry.get("extension", [])
        for extension in extensions if isinstance(extensions, list) else []:
            if not isinstance(extension, dict) or not str(extension.get("url")).endswith(SQL_TEXT):
                continue
            if extension.get("valueString") != text:
                self.fault(f"{place}.extension", "the same SQL that data has")
        return text

    def text(self, tree: dict[str, Any], key: str) -> str:
        found = tree.get(key, "")
        if isinstance(found, str):
            return found
        self.fault(f"Library.{key}", "a text")
        return ""

    def entries(self, tree: dict[str, Any], key: str) -> list[dict[str, Any]]:
        found = tree.get(key, [])
        if isinstance(found, list) and all(isinstance(entry, dict) for entry in found):
            return found
        self.fault(f"Library.{key}", "a list of objects")
        return []
