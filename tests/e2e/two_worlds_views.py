"""What a reader may ask of both worlds, and the views that are run in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core import dumps
from tests.e2e.http_gateway import BASE

VIEW = {
    "resourceType": "ViewDefinition",
    "status": "active",
    "resource": "Observation",
    "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "status", "path": "status"}]}],
}


@dataclass(frozen=True)
class Asked:
    """One request, as `reader`; `follow` goes through the pages of the answer."""

    reader: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    follow: bool = False

    @property
    def name(self) -> str:
        told = " ".join(f"{key}={value}" for key, value in self.headers)
        return f"{self.reader}: {self.method} {self.path} {told}".strip()


def view_runs(reader: str, patients: list[str]) -> Iterator[Asked]:
    """Runs of views at every level, of everybody, of one participant, and of a hidden Group."""
    accept = (("Accept", "application/json"),)
    for path in ("$viewdefinition-run", "ViewDefinition/$viewdefinition-run"):
        yield Asked(reader, "GET", f"{BASE}/{path}?viewReference=ViewDefinition/vital-signs&_format=csv")
        inputs = [{"name": "viewResource", "resource": VIEW}]
        body = dumps({"resourceType": "Parameters", "parameter": inputs})
        yield Asked(reader, "POST", f"{BASE}/{path}", (("Content-Type", "application/fhir+json"), *accept), body)
    one = f"{BASE}/ViewDefinition/vital-signs/$viewdefinition-run"
    queries = [f"patient=Patient/{patient}" for patient in (*patients, "never")]
    for query in (*queries, "_limit=2", "_since=2026-01-01T00:00:00Z", "group=Group/h-group", "group=Group/never"):
        yield Asked(reader, "GET", f"{one}?_format=ndjson&{query}")
    empty = b'{"resourceType":"Parameters"}'
    yield Asked(reader, "POST", one, (("Content-Type", "application/fhir+json"), *accept), empty)
