"""References among the entries of a transaction, rewritten to what the entries come to be.

An entry is referred to by its `fullUrl`: exactly, or relatively from an entry whose `fullUrl` has the same root.
Elsewhere than in `reference` this holds for elements that are addresses, and for links in narratives.
See https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from gateway.core.types import Resource

Conditional: TypeAlias = Callable[[str], str]
"""`Patient?identifier=1` -> the reference of the one that it finds; raises what keeps it from that."""

ADDRESSES: Final = frozenset({"uri", "url", "valueOid", "valueUri", "valueUrl", "valueUuid"})
_ROOT = re.compile(r"(.+/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")
_LINK = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])([^"'<>]*)\2""")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?.")


def root_of(full_url: str) -> str:
    """What comes before `Type/id` in an address, with its slash; "" for a URN."""
    found = _ROOT.match(full_url)
    return found[1] if found else ""


def is_conditional(reference: str) -> bool:
    """Whether a reference is a search: `Patient?identifier=1`."""
    return bool(_CONDITIONAL.match(reference))


def conditional_references(node: Any) -> Iterator[str]:
    """Every conditional reference in a tree."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            text = node.get("reference")
            if isinstance(text, str) and is_conditional(text):
                yield text
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def rewritten(resource: Resource, full_url: str, known: Mapping[str, str], conditional: Conditional) -> Resource:
    """The resource with its references rewritten; the tree that is given stays as it is.

    `known` is fullUrl -> `Type/id`.
    """
    root = root_of(full_url)

    def target(text: str) -> str:
        found = known.get(text)
        if found is None and root and ":" not in text:
            found = known.get(root + text)
        return found or text

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        return {name: text(name, value) if isinstance(value, str) else walk(value) for name, value in node.items()}

    def text(name: str, value: str) -> str:
        if name == "reference":
            return conditional(value) if is_conditional(value) else target(value)
        if name == "div":
            return _LINK.sub(lambda link: f"{link[1]}{link[2]}{target(link[3])}{link[2]}", value)
        return known.get(value, value) if name in ADDRESSES else value

    found: Resource = walk(resource)
    return found
