"""Libraries of SQL over the view of wearables' values."""

import base64
from typing import Any

import pytest

from gateway.core.errors import FhirError
from gateway.export.queries import Query, Shelf, read_query

SYSTEM = "https://sql-on-fhir.org/ig/CodeSystem/LibraryTypesCodes"

VALUES = "urn:trial-fhir-gateway:study:hf-dct-01:view:wearable-values"


def library(
    sql: str, *, tables: dict[str, str] | None = None, code: str = "sql-query", **more: Any
) -> dict[str, Any]:
    known = {"v": VALUES} if tables is None else tables
    related = [{"type": "depends-on", "label": label, "resource": url} for label, url in known.items()]
    return {
        "resourceType": "Library",
        "name": "mine",
        "type": {"coding": [{"system": SYSTEM, "code": code}]},
        "relatedArtifact": related,
        "content": [{"contentType": "application/sql", "data": base64.b64encode(sql.encode()).decode()}],
    } | more


def compiled(shelf: Shelf, sql: str, **more: Any) -> Any:
    return shelf.compile(read_query(library(sql, **more)))


def parameters(**kinds: str) -> list[dict[str, str]]:
    return [{"name": name, "use": "in", "type": kind} for name, kind in kinds.items()]


def rules(caught: "pytest.ExceptionInfo[FhirError]") -> list[str]:
    return [found.rule for found in caught.value.issues]


def view_query(name: str, sql: str, tables: dict[str, str]) -> Query:
    return read_query(library(sql, tables=tables, code="sql-view", url=f"urn:{name}", name=name))
