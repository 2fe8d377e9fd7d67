"""Documents and messages: what their first entry refers to is in the Bundle, and all entries hang together.

See https://hl7.org/fhir/R4/documents.html and https://hl7.org/fhir/R4/messaging.html.
"""

from collections.abc import Iterator
from typing import Any

from gateway.conformance.bundle_index import BundleIndex, entries_of
from gateway.conformance.run import Location, Run
from gateway.core import Resource

FIRST = {"document": "Composition", "message": "MessageHeader"}
"""Type of Bundle -> type of the resource in its first entry."""

COMPOSITION = ("subject", "encounter", "author", "custodian")
SECTION = ("author", "focus", "entry")


def check_whole(bundle: Resource, index: BundleIndex, at: Location, run: Run) -> None:
    """Reports a wrong first entry, references of it that lead nowhere, and entries that nothing leads to."""
    kind, entries = str(bundle.get("type")), entries_of(bundle)
    wanted = FIRST[kind]
    first = entries[0].get("resource") if entries else None
    if not isinstance(first, dict) or first.get("resourceType") != wanted:
        place = (((at, "entry", 0)), "resource", -1) if isinstance(first, dict) else at
        run.report("conformance.first-entry", place, kind=kind, type=wanted)
        return
    place = (((at, "entry", 0)), "resource", -1)
    parts = _of_composition(first, place) if wanted == "Composition" else _references(first, ("focus",), place)
    for reference, where in parts:
        found = len(index.matches(reference, index.full_url_of(first)))
        if found == 0:
            run.report("conformance.reference-missing", where)
        elif found > 1:
            run.report("conformance.reference-ambiguous", where)
    in_message = kind == "message"
    rule = "conformance.entry-unreachable-in-message" if in_message else "conformance.entry-unreachable"
    for number in _unreachable(entries, bundle, index):
        run.report(rule, (at, "entry", number))


def _of_composition(composition: Resource, at: Location) -> Iterator[tuple[str, Location]]:
    yield from _references(composition, COMPOSITION, at)
    for name, below in (("attester", "party"), ("event", "detail")):
        for place, node in _objects(composition, name, at):
            yield from _references(node, (below,), place)
    open_nodes = [(at, composition)]
    while open_nodes:
        outer, parent = open_nodes.pop()
        for place, section in _objects(parent, "section", outer):
            yield from _references(section, SECTION, place)
            open_nodes.append((place, section))


def _references(node: dict[str, Any], names: tuple[str, ...], at: Location) -> Iterator[tuple[str, Location]]:
    for name in names:
        for place, value in _objects(node, name, at):
            reference = value.get("reference")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield reference, place


def _objects(node: dict[str, Any], name: str, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    value = node.get(name)
    if isinstance(value, dict):
        yield (at, name, -1), value
    for number, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield (at, name, number), item


def _unreachable(entries: list[dict[str, Any]], bundle: Resource, index: BundleIndex) -> list[int]:
    """The positions of entries that no chain of references, in either direction, joins to the first one."""
    resources = {
        id(entry["resource"]): n for n, entry in enumerate(entries) if isinstance(entry.get("resource"), dict)
    }
    joined: dict[int, set[int]] = {number: set() for number in resources.values()}

    def join(one: Resource, other: Resource) -> None:
        here, there = resources[id(one)], resources[id(other)]
        joined[here].add(there)
        joined[there].add(here)

    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict):
            full_url = index.full_url_of(resource)
            # Versions of one resource hang together: one link each, since there may be many of them.
            targets = [
                index.matches(full_url, full_url),
                *(index.matches(text, full_url) for text in _texts(resource)),
            ]
            for found in targets:
                if found:
                    join(resource, found[0])
    reached = {0, *_linked(bundle, entries)}
    open_numbers = list(reached)
    while open_numbers:
        further = joined.get(open_numbers.pop(), set()) - reached
        reached |= further
        open_numbers += further
    return [number for number in joined if number not in reached]


def _linked(bundle: Resource, entries: list[dict[str, Any]]) -> Iterator[int]:
    """Entries that a link of the Bundle itself names, such as the stylesheet of a document."""
    links = bundle.get("link")
    urls = {str(link.get("url")) for link in links if isinstance(link, dict)} if isinstance(links, list) else set()
    for number, entry in enumerate(entries):
        resource = entry.get("resource")
        if isinstance(resource, dict) and f"{resource.get('resourceType')}/{resource.get('id')}" in urls:
            yield number


def _texts(resource: Resource) -> set[str]:
    """What in a resource may be a reference to an entry: any text with a slash or a colon, systems apart."""
    found: set[str] = set()
    open_nodes: list[Any] = [resource]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, list):
            open_nodes.extend(node)
        elif isinstance(node, dict):
            for name, value in node.items():
                if not isinstance(value, str):
                    open_nodes.append(value)
                elif name != "system" and ("/" in value or ":" in value) and len(value) < 1000:
                    found.add(value)
    return found
