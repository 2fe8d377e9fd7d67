"""A client of Bulk Data over HTTP, as the tests need one."""

import json
import time
from typing import Any

from tests.e2e.http_gateway import BASE, Http

ASYNC = {"Prefer": "respond-async"}
PATIENCE_SECONDS = 60


def kick_off(
    http: Http, path: str = "/$export", client: str = "research", method: str = "GET", **options: Any
) -> Any:
    """The answer to a kick-off."""
    headers = ASYNC | options.pop("headers", {})
    return http.ask(method, BASE + path, client, headers=headers, **options)


def place(http: Http, url: str) -> str:
    """The path of one of the gateway's own addresses."""
    assert url.startswith(http.gateway.settings.public_url)
    return url.removeprefix(http.gateway.settings.public_url)


def finished(http: Http, started: Any, client: str = "research") -> Any:
    """The answer of the status address once it is not 202."""
    assert started.status_code == 202, started.text
    status = place(http, started.headers["content-location"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = http.ask("GET", status, client)
        if answer.status_code != 202:
            return answer
        assert answer.headers["x-progress"]
        assert int(answer.headers["retry-after"]) >= 1
        time.sleep(0.02)
    raise AssertionError("the export does not end")


def download(http: Http, manifest: Any, client: str = "research") -> dict[str, bytes]:
    """The bytes of each type, and of what is to be removed as `deleted`."""
    found: dict[str, bytes] = {}
    listed = [(one["type"], one) for one in manifest["output"]] + [("deleted", one) for one in manifest["deleted"]]
    for name, entry in listed:
        answer = http.ask("GET", place(http, entry["url"]), client)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/fhir+ndjson"
        assert answer.content.count(b"\n") == entry["count"]
        found[name] = found.get(name, b"") + answer.content
    return found


def exported(http: Http, path: str = "/$export", client: str = "research", **options: Any) -> dict[str, bytes]:
    """Everything that an export gives, by type; the export is ended."""
    started = kick_off(http, path, client, **options)
    answer = finished(http, started, client)
    assert answer.status_code == 200, answer.text
    files = download(http, answer.json(), client)
    end(http, started, client)
    return files


def end(http: Http, started: Any, client: str = "research") -> None:
    """Ends an export, which is not there any more then."""
    status = place(http, started.headers["content-location"])
    assert http.ask("DELETE", status, client).status_code == 202
    assert http.ask("GET", status, client).status_code == 404


def ids(lines: bytes) -> list[str]:
    """The ids of the resources in a file."""
    return [json.loads(line)["id"] for line in lines.splitlines()]
