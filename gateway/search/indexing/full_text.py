"""Full text: the words of the narrative, and of all texts of a resource.

See https://hl7.org/fhir/R4/search.html#text.
"""

import html
from collections.abc import Iterator
from typing import Any

from gateway.core import Resource
from gateway.search.entries import IndexEntry, TextEntry
from gateway.search.folding import without_tags, words
from gateway.search.parameters import Indexed


def add_text(entries: list[IndexEntry], parameter: Indexed, resource: Resource) -> None:
    """Adds the words of the narrative (`_text`) or of everything (`_content`); nothing where there is no word."""
    narrative = resource.get("text")
    if parameter.code == "_text":
        texts = _texts(narrative.get("div")) if isinstance(narrative, dict) else ()
    else:
        texts = _texts(_without_server_meta(resource))
    found = {word for text in texts for word in words(text)}
    if found:
        entries.append(TextEntry(parameter.code, " ".join(sorted(found))))


def _without_server_meta(resource: Resource) -> Resource:
    """What the server adds to each version is not what the resource says."""
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    own = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    return {**resource, "meta": own}


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield html.unescape(without_tags(value)) if value[:4] == "<div" else value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
