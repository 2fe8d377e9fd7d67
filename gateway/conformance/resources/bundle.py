"""Rules of Bundles beyond their structure: fullUrl, links, search results.

See https://hl7.org/fhir/R4/bundle.html.
"""

import re
from typing import Any

from gateway.conformance.bundle_index import ABSOLUTE, BundleIndex, entries_of
from gateway.conformance.resources.document import check_whole
from gateway.conformance.run import Location, Run
from gateway.core import Resource

PAGING = ("first", "previous", "prev", "next", "last")
PAGED = ("searchset", "history")
WITHOUT_FULL_URL = ("transaction", "transaction-response", "batch", "batch-response")
WHOLE = ("document", "message")

_SERVER = re.compile(r"https?://.*/([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")


def check_bundle(bundle: Resource, index: BundleIndex, types: frozenset[str], at: Location, run: Run) -> None:
    """Reports what the entries and links break; costs the same for each entry. `types` are those of resources."""
    kind = bundle.get("type")
    wanted = _searched(bundle, types) if kind == "searchset" else frozenset()
    for number, entry in enumerate(entries_of(bundle)):
        place = (at, "entry", number)
        _check_full_url(entry, kind, types, place, run)
        if kind == "searchset":
            _check_found(entry, wanted, place, run)
    _check_links(bundle, kind, at, run)
    if kind in WHOLE:
        check_whole(bundle, index, at, run)


def _check_full_url(entry: dict[str, Any], kind: Any, types: frozenset[str], at: Location, run: Run) -> None:
    url, resource = entry.get("fullUrl"), entry.get("resource")
    is_outcome = isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome"
    if url is None and kind not in WITHOUT_FULL_URL and not is_outcome:
        run.report("conformance.full-url-missing", at)
    if not isinstance(url, str):
        return
    if not ABSOLUTE.match(url):
        run.report("conformance.full-url-relative", at)
        return
    address = _SERVER.match(url)
    if address is None or address.group(1) not in types or not isinstance(resource, dict):
        return
    if (resource.get("resourceType"), resource.get("id")) != address.groups():
        run.report("conformance.full-url-id", at)


def _check_found(entry: dict[str, Any], wanted: frozenset[str], at: Location, run: Run) -> None:
    """A result of a search has an id, and is of the type that was searched for unless it is included."""
    resource, search = entry.get("resource"), entry.get("search")
    if not isinstance(resource, dict):
        run.report("conformance.search-resource", at)
        return
    mode = search.get("mode") if isinstance(search, dict) else None
    name = str(resource.get("resourceType"))
    place = (at, "resource", -1)
    if mode is not None and (mode == "outcome") != (name == "OperationOutcome"):
        run.report("conformance.search-outcome", place)
    elif mode == "match" and wanted and name not in wanted:
        run.report("conformance.search-type", place)
    if mode in ("match", "include") and "id" not in resource:
        run.report("conformance.search-id", place)


def _searched(bundle: Resource, types: frozenset[str]) -> frozenset[str]:
    """The types that the link of a search to itself asks for; empty when it does not tell."""
    for link in _links(bundle):
        url = link.get("url")
        if link.get("relation") == "self" and isinstance(url, str):
            path, _, query = url.partition("?")
            last = path.rstrip("/").rpartition("/")[2]
            if last in types:
                return frozenset({last})
            stated = [part.removeprefix("_type=") for part in query.split("&") if part.startswith("_type=")]
            return frozenset(name for part in stated for name in part.split(",")) & types
    return frozenset()


def _check_links(bundle: Resource, kind: Any, at: Location, run: Run) -> None:
    once = {"self", *PAGING} if kind in PAGED else {"self"}
    seen: set[str] = set()
    for number, link in enumerate(_links(bundle)):
        place, relation = (at, "link", number), link.get("relation")
        if not isinstance(relation, str):
            continue
        if kind not in PAGED and relation in PAGING:
            run.report("conformance.bundle-link", (place, "relation", -1))
        elif relation in once and relation in seen:
            run.report("conformance.bundle-link-repeated", place)
        seen.add(relation)


def _links(bundle: Resource) -> list[dict[str, Any]]:
    links = bundle.get("link")
    return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
