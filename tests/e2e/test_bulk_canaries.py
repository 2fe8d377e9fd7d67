"""Safe Harbor over HTTP: what is planted for the eighteen identifiers is in no answer of Bulk Data, packed or not."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from gateway.core.resources import Change, Key, Placement, Unit
from tests.e2e.exports import end, finished, kick_off, place
from tests.e2e.http_gateway import STUDY, Http, serving
from tests.e2e.test_bulk_deidentified import CLIENT, overlay
from tests.unit.export.canaries import CANARIES, Planting, seen_in

KINDS = ("Patient", "Observation", "DiagnosticReport", "QuestionnaireResponse", "DocumentReference", "Media")
ID = "canary-nobody-{}"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    assets = overlay(tmp_path_factory.mktemp("overlay"), "safe-harbor")
    with serving(tmp_path_factory.mktemp("canaries"), asset_dirs=(assets,)) as served:
        person = served.participant("all").patient
        changes = []
        for number, kind in enumerate(KINDS):
            for copy in range(12):  # as many as are taken together by their shape
                tree = Planting(number + copy).resource(kind, depth=1) | {"id": ID.format(copy)}
                key = Key(STUDY, kind, tree["id"])
                changes.append(Change(key, tree, Placement((person,), study_level=True)))
        served.gateway.store.commit(Unit(STUDY, tuple(changes)))
        yield served


def raw(http: Http, url: str, client: str, packing: str) -> tuple[Any, bytes]:
    """An answer and its bytes as they came over the wire."""
    headers = {"Authorization": f"Bearer {http.token(client)}", "Accept-Encoding": packing}

    async def received() -> tuple[Any, bytes]:
        async with http.client.stream("GET", url, headers=headers) as answer:
            return answer, b"".join([part async for part in answer.aiter_raw()])

    found: tuple[Any, bytes] = http.portal.call(partial(received))
    return found


def told(http: Http, query: str, client: str, packing: str) -> list[bytes]:
    """The bytes, with the headers, of every answer of an export."""
    started = kick_off(http, f"/$export?_type={','.join(KINDS)}{query}", client)
    manifest = finished(http, started, client)
    assert manifest.status_code == 200, manifest.text
    status = place(http, started.headers["content-location"])
    urls = [status, *(place(http, one["url"]) for one in (*manifest.json()["output"], *manifest.json()["deleted"]))]
    assert len(urls) > 1
    answers = []
    for url in urls:
        answer, content = raw(http, url, client, packing)
        assert answer.status_code == 200
        assert url == status or answer.headers.get("content-encoding", "identity") == packing
        answers += [content, repr([url, *answer.headers.items()]).encode()]
    end(http, started, client)
    return answers


@pytest.mark.parametrize("packing", ["identity", "gzip"])
@pytest.mark.parametrize(
    "query", ["", "&organizeOutputBy=Patient", "&_since=2020-01-01T00:00:00Z", "&_elements=id,identifier,text,note"]
)
def test_nothing_planted_leaves_over_http(http: Http, query: str, packing: str) -> None:
    for content in told(http, query, CLIENT, packing):
        assert seen_in(content) == set()


def test_what_is_planted_is_seen_in_what_others_are_sent(http: Http) -> None:
    for packing in ("identity", "gzip"):
        seen = [seen_in(content) for content in told(http, "", "data-manager", packing)]
        assert set().union(*seen) == set(CANARIES)
