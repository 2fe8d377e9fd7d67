"""Strings, names and addresses, and URIs.

See https://hl7.org/fhir/R4/search.html#string and #uri.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.search.entries import IndexEntry, StringEntry, UriEntry
from gateway.search.folding import fold
from gateway.search.parameters import Indexed

_PARTS: Final = (
    "text", "family", "given", "prefix", "suffix",
    "line", "city", "district", "state", "postalCode", "country",
)  # fmt: skip
"""What search covers of a HumanName and of an Address."""


def add_strings(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds each text; of names and addresses each part, and of a family name also the parts after its first word."""
    for value in values:
        if isinstance(value, str):
            _add(entries, parameter.code, value, is_family=parameter.code == "family")
        elif isinstance(value, dict):
            for name, text in _texts(value):
                _add(entries, parameter.code, text, is_family=name == "family")


def _texts(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _PARTS:
        part = value.get(name)
        for text in part if isinstance(part, list) else (part,):
            if isinstance(text, str):
                yield name, text


def _add(entries: list[IndexEntry], code: str, text: str, *, is_family: bool) -> None:
    normal = fold(text)
    if not normal:
        return
    entries.append(StringEntry(code, normal, text))
    while is_family and " " in normal:
        normal = normal.partition(" ")[2]
        entries.append(StringEntry(code, normal, ""))


def add_uris(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds each URI; a canonical also without its version."""
    for value in values:
        if isinstance(value, str) and value:
            entries.append(UriEntry(parameter.code, value))
            plain, bar, _ = value.partition("|")
            if bar:
                entries.append(UriEntry(parameter.code, plain))
