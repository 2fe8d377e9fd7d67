"""Parts of resources: `_summary` and `_elements`, marked as SUBSETTED.

See https://hl7.org/fhir/R4/search.html#summary and #elements. The stored bytes are parsed for it; whatever is whole
is served as it is.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from starlette.requests import Request

from gateway.core.codec import dumps, loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.definitions import Definitions, Element
from gateway.rest.messages.bundles import Shown, whole
from gateway.rest.messages.negotiation import PART_PARAMETERS, negotiate, negotiate_with

SUMMARIES: Final = ("true", "text", "data", "count", "false")
SUBSETTED: Final = "SUBSETTED"
TAG: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": SUBSETTED}
MAX_ELEMENTS: Final = 200
_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})
_INNER: Final = frozenset({"id", "extension", "modifierExtension"})
_INLINE: Final = frozenset({"BackboneElement", "Element"})


class Subsets:
    """The parts of resources of each type, by the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kept = lru_cache(maxsize=4096)(self._keep)

    def shown(self, summary: str = "false", elements: Sequence[str] = ()) -> Shown:
        """How a version is shown; a `summary` other than `false` wins over `elements`."""
        if summary in ("", "false", "count") and not elements:
            return whole
        mode = "elements" if summary in ("", "false", "count") else summary
        wanted = frozenset(elements) if mode == "elements" else frozenset[str]()

        def show(stored: Stored) -> bytes:
            return dumps(self.subset(loads(stored.body), mode, wanted))

        return show

    def subset(self, resource: Resource, mode: str, elements: frozenset[str] = frozenset()) -> Resource:
        """The part of a resource: `true`, `text`, `data` or `elements`; the tag is not added twice."""
        kind = resource["resourceType"]
        made = self._part(resource, kind, mode, elements)
        if not is_subsetted(made):
            meta = made.get("meta", {})
            made["meta"] = {**meta, "tag": [*meta.get("tag", ()), TAG]}
        head = {name: made.pop(name) for name in ("resourceType", "id", "meta") if name in made}
        return head | made

    def _part(self, tree: Mapping[str, Any], path: str, mode: str, elements: frozenset[str]) -> dict[str, Any]:
        kept = self._kept(path, mode, elements)
        found = {}
        for name, value in tree.items():
            inner = kept.get(name.removeprefix("_"))
            if inner is None:
                continue
            found[name] = self._inside(value, inner) if inner and mode == "true" else value
        return found

    def _inside(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [self._inside(entry, path) for entry in value]
        return self._part(value, path, "true", frozenset()) if isinstance(value, dict) else value

    def _keep(self, path: str, mode: str, elements: frozenset[str]) -> Mapping[str, str]:
        """Written name -> the backbone path to go on with ("" for the whole value), of what is kept at a path."""
        found = dict.fromkeys(_INNER if "." in path else _ALWAYS, "")
        for element in self._definitions.children(path).values():
            if _is_kept(element, mode, elements):
                inline = element.types and element.types[0].code in _INLINE and not element.content_reference
                inner = f"{path}.{element.name}" if inline else ""
                found.update(dict.fromkeys(element.written_names, inner))
            elif elements and element.is_choice:
                found.update(dict.fromkeys(elements.intersection(element.written_names), ""))
        return found


def _is_kept(element: Element, mode: str, elements: frozenset[str]) -> bool:
    if mode == "data":
        return element.name != "text"
    if mode == "text":
        return element.name == "text" or element.min > 0
    if mode == "true":
        return element.is_summary or element.is_modifier
    return element.name.removesuffix("[x]") in elements or element.min > 0 or element.is_modifier


def read_elements(text: str) -> tuple[str, ...]:
    """The names in a value of `_elements`; raises `BadRequest`."""
    names = tuple(part.strip() for part in text.split(","))
    if len(names) > MAX_ELEMENTS or not all(name.isascii() and name.isalnum() for name in names):
        expected = "Names of elements of the resource, separated by commas"
        raise BadRequest(issue("rest.parameter-value", parameter="_elements", expected=expected))
    return names


def shown_of(subsets: Subsets, request: Request) -> tuple[bool, Shown]:
    """Whether indented JSON is asked for, and what part of each version; for interactions that take nothing else.

    Raises `NotAcceptable` and `BadRequest` as `negotiate` does.
    """
    if not request.scope["query_string"]:
        return negotiate(request), whole
    pairs = request.query_params.multi_items()
    others = [pair for pair in pairs if pair[0] not in PART_PARAMETERS]
    pretty = negotiate_with(request, others, "read", PART_PARAMETERS)
    return pretty, part_of(subsets, [pair for pair in pairs if pair[0] in PART_PARAMETERS])


def part_of(subsets: Subsets, pairs: Sequence[tuple[str, str]]) -> Shown:
    """What `_summary` and `_elements`, each given once at most, ask to be shown; raises `BadRequest`."""
    given = dict(pairs)
    if len(given) < len(pairs):
        raise BadRequest(issue("rest.parameter-value", parameter=pairs[0][0], expected="Give it once"))
    summary = given.get("_summary", "false")
    if summary not in SUMMARIES or summary == "count":
        raise BadRequest(issue("rest.parameter-value", parameter="_summary", expected="true, text, data or false"))
    return subsets.shown(summary, read_elements(given["_elements"]) if "_elements" in given else ())


def is_subsetted(resource: Resource) -> bool:
    """Whether a tag says that this is a part of the resource only."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(isinstance(tag, dict) and tag.get("code") == SUBSETTED for tag in tags)
