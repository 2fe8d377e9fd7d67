"""Narratives: links within the text lead somewhere. What elements it may have is the invariant txt-1's matter.

See https://hl7.org/fhir/R4/narrative.html.
"""

import re
from collections.abc import Iterator
from html.entities import name2codepoint
from typing import Any

from gateway.conformance.run import Location, Run

_LINK = re.compile(r"""\bhref\s*=\s*["']#([^"']+)["']""")
_NAMESPACE = re.compile(r"""<div\b[^>]*\bxmlns\s*=\s*["']http://www\.w3\.org/1999/xhtml["']""")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_ANCHOR = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""")

XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
"""The entities of XML; the others are those of XHTML."""


def check_narrative(value: Any, at: Location, run: Run) -> None:
    """Reports a div of another namespace, an unknown entity, and a link to what is not in the resource."""
    text = value.get("div") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return
    place = (at, "div", -1)
    if not _NAMESPACE.match(text.lstrip()):
        run.report("conformance.narrative-namespace", place)
    if "&" in text and not name2codepoint.keys() >= set(_ENTITY.findall(text)) - XML_NAMES:
        run.report("conformance.narrative-entity", place)
    if "#" not in text:
        return
    wanted = set(_LINK.findall(text)) - set(_ANCHOR.findall(text))
    if wanted and not wanted.issubset(_ids(run.scope.root)):
        run.report("conformance.narrative-link", place)


def _ids(tree: Any) -> Iterator[str]:
    """The ids of the elements, and of the anchors in the texts, of a resource."""
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, list):
            open_nodes.extend(node)
        elif isinstance(node, dict):
            open_nodes.extend(node.values())
            identifier, text = node.get("id"), node.get("div")
            if isinstance(identifier, str):
                yield identifier
            if isinstance(text, str):
                yield from _ANCHOR.findall(text)
