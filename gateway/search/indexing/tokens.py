"""Tokens: Coding, CodeableConcept, Identifier, ContactPoint, code, string, uri, boolean.

See https://hl7.org/fhir/R4/search.html#token.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.search.entries import IndexEntry, OfTypeEntry, TokenEntry, TokenTextEntry
from gateway.search.folding import fold
from gateway.search.parameters import Indexed

CONTACTS: Final = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})
"""The systems of a ContactPoint, which are no part of its token."""


def add_tokens(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds the tokens, and with details the texts beside them and the types of identifiers."""
    for value in values:
        if isinstance(value, dict):
            _add_coded(entries, parameter, value)
        elif isinstance(value, bool):
            entries.append(TokenEntry(parameter.code, "", "true" if value else "false"))
        elif isinstance(value, str) and value:
            entries.append(TokenEntry(parameter.code, "", value.lower() if parameter.folded else value))


def _add_coded(entries: list[IndexEntry], parameter: Indexed, value: dict[str, Any]) -> None:
    codings = value.get("coding")
    for coding in codings if isinstance(codings, list) else (value,):
        if isinstance(coding, dict):
            _add_one(entries, parameter, coding)
    if not parameter.details:
        return
    if "text" in value:
        _add_text(entries, parameter, value["text"])
    kind = value.get("type")
    if isinstance(kind, dict) and isinstance(value.get("value"), str):
        _add_type(entries, parameter, kind, value["value"])


def _add_one(entries: list[IndexEntry], parameter: Indexed, coding: dict[str, Any]) -> None:
    code, system = coding.get("code") or coding.get("value"), coding.get("system", "")
    if code and isinstance(code, str) and isinstance(system, str):
        entries.append(TokenEntry(parameter.code, "" if system in CONTACTS else system, code))
    if parameter.details and "display" in coding:
        _add_text(entries, parameter, coding["display"])


def _add_type(entries: list[IndexEntry], parameter: Indexed, kind: dict[str, Any], value: str) -> None:
    if "text" in kind:
        _add_text(entries, parameter, kind["text"])
    codings = kind.get("coding")
    entries += [
        OfTypeEntry(parameter.code, str(coding.get("system", "")), coding["code"], value)
        for coding in (codings if isinstance(codings, list) else ())
        if isinstance(coding, dict) and isinstance(coding.get("code"), str)
    ]


def _add_text(entries: list[IndexEntry], parameter: Indexed, text: Any) -> None:
    normal = fold(text) if isinstance(text, str) else ""
    if normal:
        entries.append(TokenTextEntry(parameter.code, normal))
