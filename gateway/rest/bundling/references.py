"""References among the entries of a transaction, rewritten to what the entries come to be.

An entry is referred to by its `fullUrl`: exactly, or relatively from an entry whose `fullUrl` has the same root.
Elsewhere than in `reference` this holds for elements that are addresses, and for links in narratives.
See https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.access import Outline
from gateway.core.types import Resource
from gateway.rest.writing.local_references import local_reference

Conditional: TypeAlias = Callable[[str], str]
"""`Patient?identifier=1` -> the reference of the one that it finds; raises what keeps it from that."""

_ROOT = re.compile(r"(.+/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")
_LINK = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])([^"'<>]*)\2""")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?.")


def root_of(full_url: str) -> str:
    """What comes before `Type/id` in an address, with its slash; "" for a URN."""
    found = _ROOT.match(full_url) if "/" in full_url else None
    return found[1] if found else ""


@lru_cache(maxsize=1 << 12)
def is_conditional(reference: str) -> bool:
    """Whether a reference is a search: `Patient?identifier=1`."""
    return "?" in reference and bool(_CONDITIONAL.match(reference))


class References:
    """The places in a resource where its references are, found once and written as often as need be.

    What is below the resource's own object is written in place: copies of that object have it too. `searches` are the
    conditional references, each with the object that it stands in.
    """

    def __init__(self, resource: Resource, full_url: str) -> None:
        self._root = root_of(full_url)
        self.outline = Outline(resource)
        self.searches = [
            (node, text)
            for node, name, text in self.outline.places
            if "?" in text and name == "reference" and is_conditional(text)
        ]

    def settle(self, conditional: Conditional) -> None:
        """Writes the conditional references anew, where all others are written."""
        for node, text in self.searches:
            node["reference"] = conditional(text)

    def write(self, resource: Resource, texts: "Texts") -> Resource:
        """The resource, or a copy of its own object, with its references written."""
        root, own, known = self._root, self.outline.own, texts.references.get(self._root, _NOTHING)
        for node, name, text in self.outline.places:
            node[name] = (known.get(text) if name == "reference" else None) or texts.of(root, name, text)
        return {**resource, **{name: texts.of(root, name, text) for name, text in own}} if own else resource


_NOTHING: Final[Mapping[str, str]] = {}


class Texts:
    """What the texts of places become, in one transaction: `known` is fullUrl -> `Type/id`, `base` the study's own.

    `references` are those met so far, by the root of who has them: many resources have the same.
    """

    def __init__(self, known: Mapping[str, str], conditional: Conditional, base: str) -> None:
        self._known = known
        self._base = base
        self._conditional = conditional
        self.references: dict[str, dict[str, str]] = {}

    def of(self, root: str, name: str, text: str) -> str:
        """The text under a name, in a resource whose `fullUrl` has this root."""
        if name == "reference":
            found = self.references.setdefault(root, {})[text] = self._reference(root, text)
            return found
        if name == "div":
            return _LINK.sub(lambda link: f"{link[1]}{link[2]}{self._target(root, link[3])}{link[2]}", text)
        return self._known.get(text, text)

    def _reference(self, root: str, text: str) -> str:
        found = self._known.get(text)
        if found:
            return found
        return (
            self._conditional(text) if is_conditional(text) else local_reference(self._target(root, text), self._base)
        )

    def _target(self, root: str, text: str) -> str:
        found = self._known.get(text)
        if found is None and root and ":" not in text:
            found = self._known.get(root + text)
        return found or text
