"""References by the whole address of the study's own base, written as `Type/id`: both name the same resource.

Search, compartments and Consents know resources by the short form alone. https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Callable
from typing import Any, Final

from gateway.core.types import Resource

_OWN: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_ESCAPED: Final = b"\\"
"""An address may be written in JSON with escapes, so that its bytes are others."""


def localized(resource: Resource, base: str, body: bytes) -> Resource:
    """The resource of a body with every reference that starts with `base` written short, in place."""
    if base.encode() in body or _ESCAPED in body:
        write_short(resource, base)
    return resource


def write_short(resource: Resource, base: str) -> None:
    """Writes every reference of a resource that starts with `base` short."""
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            text = node.get("reference")
            if isinstance(text, str):
                node["reference"] = local_reference(text, base)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def shortening(change: Callable[[Resource], Resource], base: str) -> Callable[[Resource], Resource]:
    """The same change of a resource, its references written short afterwards."""

    def changed(resource: Resource) -> Resource:
        made = change(resource)
        write_short(made, base)
        return made

    return changed


def local_reference(text: str, base: str) -> str:
    """`Type/id` of a reference to a resource below `base`, with its version; any other text as it is."""
    if not text.startswith(f"{base}/"):
        return text
    short = text[len(base) + 1 :]
    return short if _OWN.match(short) else text
