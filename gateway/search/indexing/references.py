"""References: literal ones, canonicals and uris, identifiers, and resources inside others.

See https://hl7.org/fhir/R4/search.html#reference.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from gateway.search.entries import IndexEntry, PresentEntry, ReferenceEntry, ReferenceIdentifierEntry
from gateway.search.parameters import Indexed

_LITERAL: Final = re.compile(
    r"(https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z"
)


@lru_cache(maxsize=1 << 12)
def literal(text: str) -> tuple[str, str]:
    """The type and the text without version of a literal reference, relative or absolute; type "" for all others."""
    found = _LITERAL.match(text)
    return ("", text) if found is None else (found[2], text.partition("/_history/")[0])


def add_references(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds the references that lead to a type which the parameter takes, or may lead to one."""
    before = len(entries)
    for value in values:
        if isinstance(value, str):
            _add_canonical(entries, parameter, value)
        elif isinstance(value, dict):
            _add_reference(entries, parameter, value)
    if parameter.details and len(entries) > before:
        entries.insert(before, PresentEntry(parameter.code))


def _add_reference(entries: list[IndexEntry], parameter: Indexed, value: dict[str, Any]) -> None:
    if "resourceType" in value:
        value = {"reference": f"{value['resourceType']}/{value['id']}"} if value.get("id") else {}
    text, told = value.get("reference"), value.get("type")
    if isinstance(text, str) and text and text[0] != "#":
        type, target = literal(text)
        is_relative = type and target.startswith(type)
        if type in parameter.targets if is_relative else type not in parameter.excluded:
            entries.append(ReferenceEntry(parameter.code, target))
    if not parameter.details or (isinstance(told, str) and told in parameter.excluded):
        return
    identifier = value.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = str(identifier.get("system", ""))
        entries.append(ReferenceIdentifierEntry(parameter.code, system, identifier["value"]))


def _add_canonical(entries: list[IndexEntry], parameter: Indexed, text: str) -> None:
    if not text or text[0] == "#":
        return
    entries.append(ReferenceEntry(parameter.code, text))
    plain, bar, _ = text.partition("|")
    if bar and parameter.details:
        entries.append(ReferenceEntry(parameter.code, plain))
