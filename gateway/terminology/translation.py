"""$translate as a pure function, forwards and in reverse, with the modes for unmapped codes.

See https://hl7.org/fhir/R4/conceptmap-operation-translate.html. Maps in the form of R5 (`relationship`) are read too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.core import Resource
from gateway.core.errors import NotFound
from gateway.core.issues import issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.content import Node, canonical_of, dicts

MAX_PASSED_ON = 20
"""How many maps an unmapped code may be passed through."""

NOT_A_MATCH = frozenset({"unmatched", "disjoint", "not-related-to"})

OF_RELATIONSHIP = {
    "related-to": "relatedto",
    "source-is-narrower-than-target": "wider",
    "source-is-broader-than-target": "narrower",
    "not-related-to": "disjoint",
}
"""The R4 equivalence of an R5 relationship; the others have the same name."""

REVERSED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}


@dataclass(frozen=True, slots=True)
class TranslateRequest:
    """What $translate takes. `code` of `system` is a source, or in `reverse` a target; "" means any.

    `url` names the map; without one every map counts that is between `source` and `target` value sets, if given.
    `other_system` is the system on the other side.
    """

    code: str
    system: str = ""
    other_system: str = ""
    reverse: bool = False
    url: str = ""
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """One translation: where it leads, how well it fits, and the map that says so.

    `found` is the source, in reverse.
    """

    equivalence: str
    concept: Resource
    origin: str
    found: Resource | None = None


def translate(catalog: Catalog, given: Resource | None, request: TranslateRequest) -> Resource:
    """The Parameters with the matches, from the map `given` or those of the catalog.

    `result` is true when a match is a translation. Raises `NotFound` for an unknown map.
    """
    maps = [given] if given is not None else list(_maps(catalog, request))
    matches = [match for concept_map in maps for match in _matches(catalog, concept_map, request, ())]
    good = any(match.equivalence not in NOT_A_MATCH for match in matches)
    entries: list[Resource] = [{"name": "result", "valueBoolean": good}]
    if not good:
        text = "There is no translation" if not matches else "The maps say that there is no translation"
        entries.append({"name": "message", "valueString": text})
    entries += [_entry(match) for match in matches]
    return {"resourceType": "Parameters", "parameter": entries}


def _maps(catalog: Catalog, request: TranslateRequest) -> Iterator[Resource]:
    if request.url:
        found = catalog.concept_map(request.url)
        if found is None:
            raise NotFound(issue("terminology.unknown-concept-map", concept_map=request.url))
        yield found
        return
    for concept_map in catalog.concept_maps():
        sides = ((request.source, _scope(concept_map, "source")), (request.target, _scope(concept_map, "target")))
        if all(not asked or asked == stated for asked, stated in sides):
            yield concept_map


def _scope(concept_map: Resource, side: str) -> str:
    names = (f"{side}Uri", f"{side}Canonical", f"{side}ScopeUri", f"{side}ScopeCanonical")
    return next((str(concept_map[name]) for name in names if name in concept_map), "")


def _matches(
    catalog: Catalog, concept_map: Resource, request: TranslateRequest, passed: tuple[str, ...]
) -> Iterator[Match]:
    for group in dicts(concept_map.get("group")):
        near, far = ("target", "source") if request.reverse else ("source", "target")
        if not _fits(request.system, group.get(near)) or not _fits(request.other_system, group.get(far)):
            continue
        if request.reverse:
            yield from _backwards(concept_map, group, request.code)
            continue
        element = next((node for node in dicts(group.get("element")) if node.get("code") == request.code), None)
        if element is not None:
            yield from _forwards(concept_map, group, element)
        else:
            yield from _unmapped(catalog, concept_map, group, request, passed)


def _fits(asked: str, stated: Any) -> bool:
    return not asked or not stated or str(stated).partition("|")[0] == asked


def _forwards(concept_map: Resource, group: Node, element: Node) -> Iterator[Match]:
    for target in dicts(element.get("target")):
        if "code" in target:
            concept = _coding(group.get("target"), target["code"], target.get("display"))
            yield Match(_equivalence(target), concept, canonical_of(concept_map))


def _backwards(concept_map: Resource, group: Node, code: str) -> Iterator[Match]:
    for element in dicts(group.get("element")):
        for target in dicts(element.get("target")):
            if target.get("code") == code and "code" in element:
                equivalence = _equivalence(target)
                source = _coding(group.get("source"), element["code"], element.get("display"))
                concept = _coding(group.get("target"), code, target.get("display"))
                yield Match(REVERSED.get(equivalence, equivalence), concept, canonical_of(concept_map), source)


def _unmapped(
    catalog: Catalog, concept_map: Resource, group: Node, request: TranslateRequest, passed: tuple[str, ...]
) -> Iterator[Match]:
    stated = group.get("unmapped")
    unmapped: Node = stated if isinstance(stated, dict) else {}
    mode = unmapped.get("mode")
    origin = canonical_of(concept_map)
    if mode in ("provided", "use-source-code"):
        yield Match("equal", _coding(group.get("target"), request.code, None), origin)
    elif mode == "fixed" and "code" in unmapped:
        yield Match("inexact", _coding(group.get("target"), unmapped["code"], unmapped.get("display")), origin)
    elif mode == "other-map":
        url = str(unmapped.get("url") or unmapped.get("otherMap") or "")
        other = catalog.concept_map(url) if url not in passed and len(passed) < MAX_PASSED_ON else None
        if other is not None:
            yield from _matches(catalog, other, request, (*passed, url))


def _equivalence(target: Node) -> str:
    relationship = str(target.get("relationship", "relatedto"))
    return str(target.get("equivalence") or OF_RELATIONSHIP.get(relationship, relationship))


def _coding(system: Any, code: str, display: Any) -> Resource:
    made: Resource = {"system": str(system).partition("|")[0]} if system else {}
    return made | {"code": code} | ({"display": display} if display else {})


def _entry(match: Match) -> Resource:
    part: list[Resource] = [{"name": "equivalence", "valueCode": match.equivalence}]
    part.append({"name": "concept", "valueCoding": match.concept})
    if match.origin:
        part.append({"name": "originMap", "valueCanonical": match.origin})
    if match.found is not None:
        part.append({"name": "source", "valueCoding": match.found})
    return {"name": "match", "part": part}
