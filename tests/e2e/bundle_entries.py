"""Entries of Bundles, sent over HTTP."""

from typing import Any

from gateway.core import dumps
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, REGISTRAR, Http

JSON = {"Content-Type": "application/fhir+json"}
SYSTEM = "urn:test:bundles"


def entry(method: str, url: str, resource: Resource | None = None, full_url: str = "", **request: str) -> Resource:
    made: Resource = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return ({"fullUrl": full_url} if full_url else {}) | made


def send(http: Http, kind: str, *entries: Resource, client: str = REGISTRAR, **headers: str) -> Any:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    given = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    return http.ask("POST", BASE, client, content=dumps(bundle), headers=given)


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [found["response"]["status"] for found in answer.json()["entry"]]


def without_id(resource: Resource, value: str = "") -> Resource:
    found = {name: part for name, part in resource.items() if name != "id"}
    return found | ({"identifier": [{"system": SYSTEM, "value": value}]} if value else {})
