"""Narratives: links within the text lead somewhere. What elements it may have is the invariant txt-1's matter.

See https://hl7.org/fhir/R4/narrative.html.
"""

import re
from collections.abc import Iterator
from typing import Any

from gateway.conformance.run import Location, Run

_LINK = re.compile(r"""href\s*=\s*["']#([^"']+)["']""")
_ANCHOR = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""")


def check_narrative(value: Any, at: Location, run: Run) -> None:
    """Reports a link to a fragment that neither the text nor an element of the resource has."""
    text = value.get("div") if isinstance(value, dict) else None
    if not isinstance(text, str) or "#" not in text:
        return
    wanted = set(_LINK.findall(text)) - set(_ANCHOR.findall(text))
    if wanted and not wanted.issubset(_ids(run.scope.root)):
        run.report("conformance.narrative-link", (at, "div", -1))


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
