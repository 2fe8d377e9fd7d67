"""$lookup as a pure function. https://hl7.org/fhir/R4/codesystem-operation-lookup.html"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core import Resource
from gateway.core.errors import NotFound
from gateway.core.issues import issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.content import PREFERRED, Content, Designation, canonical_of, value_of
from gateway.terminology.grammar import GRAMMARS
from gateway.terminology.languages import Languages


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """What $lookup takes; `properties` with "*" asks for all of them."""

    system: str
    code: str
    version: str = ""
    properties: Sequence[str] = ()
    display_language: str | None = None
    language: str = ""
    supplements: Sequence[str] = ()


def lookup(catalog: Catalog, request: LookupRequest) -> Resource:
    """The Parameters that tell what a code means; raises `NotFound` for an unknown system or code."""
    for name in request.supplements:
        catalog.supplement(name)
    named = f"{request.system}|{request.version}" if request.version else request.system
    content = catalog.content(named, request.supplements)
    if content is None:
        return _by_grammar(request)
    node = content.node(request.code)
    if node is None:
        raise NotFound(issue("terminology.unknown-concept", code=request.code, system=request.system))
    asked = request.language if request.display_language is None else request.display_language
    shown = content.display(request.code, Languages.parse(asked)) or content.display(request.code)
    known = content.resource
    given: list[tuple[str, str, Any]] = [
        ("name", "valueString", known.get("name") or known.get("title") or content.url),
        ("version", "valueString", content.version),
        ("display", "valueString", shown.value if shown is not None else request.code),
        ("definition", "valueString", node.get("definition", "")),
        ("system", "valueUri", content.url),
        ("code", "valueCode", node["code"]),
    ]
    entries: list[Resource] = [{"name": name, kind: value} for name, kind, value in given if value]
    entries.append({"name": "abstract", "valueBoolean": content.is_abstract(request.code)})
    entries += [_designation(name) for name in content.designations(request.code)]
    entries += _properties(content, node["code"], request.properties)
    entries += [{"name": "used-supplement", "valueCanonical": canonical_of(extra)} for extra in content.supplements]
    return {"resourceType": "Parameters", "parameter": entries}


def _by_grammar(request: LookupRequest) -> Resource:
    """A code of a grammar (a unit, a language) is its own display."""
    grammar = GRAMMARS.get(request.system)
    if grammar is None:
        raise NotFound(issue("terminology.unknown-system", system=request.system))
    if not grammar(request.code):
        raise NotFound(issue("terminology.unknown-concept", code=request.code, system=request.system))
    entries = [
        {"name": "name", "valueString": request.system},
        {"name": "display", "valueString": request.code},
        {"name": "code", "valueCode": request.code},
        {"name": "system", "valueUri": request.system},
    ]
    return {"resourceType": "Parameters", "parameter": entries}


def _designation(name: Designation) -> Resource:
    part: list[Resource] = []
    if name.language:
        part.append({"name": "language", "valueCode": name.language})
    use = PREFERRED if name.is_display else name.node.get("use")
    if use:
        part.append({"name": "use", "valueCoding": use})
    part.append({"name": "value", "valueString": name.value})
    if name.source:
        part.append({"name": "source", "valueCanonical": name.source})
    return {"name": "designation", "part": part}


def _properties(content: Content, code: str, wanted: Sequence[str]) -> Iterator[Resource]:
    concept = content.compiled.concept(code)
    known: list[tuple[str, str, Any]] = [("inactive", "valueBoolean", content.is_inactive(code))]
    known += [("parent", "valueCode", parent) for parent in (concept.parents if concept is not None else ())]
    known += [("child", "valueCode", child) for child in content.compiled.children(code)]
    for name, element, value in known:
        if name == "inactive" or "*" in wanted or name in wanted:
            part: list[Resource] = [{"name": "code", "valueCode": name}, {"name": "value", element: value}]
            other = content.display(value) if element == "valueCode" else None
            if other is not None:
                part.append({"name": "description", "valueString": other.value})
            yield {"name": "property", "part": part}
    for entry in content.properties(code):
        if entry["code"] in ("inactive", "parent", "child") or not ("*" in wanted or entry["code"] in wanted):
            continue
        element, value = value_of(entry)
        yield {
            "name": "property",
            "part": [{"name": "code", "valueCode": entry["code"]}, {"name": "value", element: value}],
        }
