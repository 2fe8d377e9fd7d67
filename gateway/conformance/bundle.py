"""Rules of Bundles beyond their structure: fullUrl, links, search results, references of documents.

See https://hl7.org/fhir/R4/bundle.html.
"""

from collections.abc import Iterator
from typing import Any

from gateway.conformance.bundle_index import ABSOLUTE, REST, BundleIndex, entries_of
from gateway.conformance.run import Location, Run
from gateway.core import Resource

PAGING = ("first", "previous", "prev", "next", "last")
PAGED = ("searchset", "history")


def check_bundle(bundle: Resource, index: BundleIndex, at: Location, run: Run) -> None:
    """Reports what the entries and links break; costs the same for each entry."""
    kind = bundle.get("type")
    for number, entry in enumerate(entries_of(bundle)):
        _check_entry(entry, kind, (at, "entry", number), run)
    if kind not in PAGED:
        _check_links(bundle, at, run)
    if kind == "document":
        _check_document(bundle, index, at, run)


def _check_entry(entry: dict[str, Any], kind: Any, at: Location, run: Run) -> None:
    resource = entry.get("resource")
    url = entry.get("fullUrl")
    if isinstance(url, str):
        _check_full_url(url, resource, at, run)
    if kind != "searchset" or not isinstance(resource, dict):
        return
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    is_outcome = resource.get("resourceType") == "OperationOutcome"
    if mode is not None and (mode == "outcome") != is_outcome:
        run.report("conformance.search-outcome", (at, "resource", -1))
    if "id" not in resource and not (is_outcome and mode in (None, "outcome")):
        run.report("conformance.search-id", (at, "resource", -1))


def _check_full_url(url: str, resource: Any, at: Location, run: Run) -> None:
    if not ABSOLUTE.match(url):
        run.report("conformance.full-url-relative", at)
        return
    address = REST.match(url) if isinstance(resource, dict) and not url.startswith("urn:") else None
    if address is not None and isinstance(resource.get("id"), str) and resource["id"] != address.group(3):
        run.report("conformance.full-url-id", at)


def _check_links(bundle: Resource, at: Location, run: Run) -> None:
    links = bundle.get("link")
    for number, link in enumerate(links if isinstance(links, list) else ()):
        if isinstance(link, dict) and link.get("relation") in PAGING:
            run.report("conformance.bundle-link", (((at, "link", number)), "relation", -1))


def _check_document(bundle: Resource, index: BundleIndex, at: Location, run: Run) -> None:
    """The references of a document's Composition to its parts resolve in the Bundle, each to one entry."""
    for number, entry in enumerate(entries_of(bundle)):
        composition = entry.get("resource")
        if not isinstance(composition, dict) or composition.get("resourceType") != "Composition":
            continue
        where = (((at, "entry", number)), "resource", -1)
        for reference, place in _section_entries(composition, where):
            found = index.count(reference, index.full_url_of(composition))
            if found == 0:
                run.report("conformance.reference-missing", place)
            elif found > 1:
                run.report("conformance.reference-ambiguous", place)


def _section_entries(node: dict[str, Any], at: Location) -> Iterator[tuple[str, Location]]:
    open_nodes: list[tuple[dict[str, Any], Location]] = [(node, at)]
    while open_nodes:
        parent, place = open_nodes.pop()
        for number, section in _objects(parent.get("section")):
            inside = (place, "section", number)
            open_nodes.append((section, inside))
            for position, entry in _objects(section.get("entry")):
                reference = entry.get("reference")
                if isinstance(reference, str) and not reference.startswith("#"):
                    yield reference, (inside, "entry", position)


def _objects(nodes: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):
            yield number, node
