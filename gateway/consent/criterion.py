"""One criterion of a provision: the values it names, and whether it holds something that cannot be interpreted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gateway.core.kinds import Match

BROADER = MappingProxyType(
    {
        "CLINTRCH": "HRESCH",
        "CLINTRCHNPC": "CLINTRCH",
        "CLINTRCHPC": "CLINTRCH",
        "PRECLINTRCH": "CLINTRCH",
        "DSRCH": "HRESCH",
        "POARCH": "HRESCH",
        "TRANSRCH": "HRESCH",
        "ETREAT": "TREAT",
        "BTG": "ETREAT",
        "CAREMGT": "TREAT",
        "CLINTRL": "TREAT",
        "POPHLTH": "TREAT",
    }
)
"""The parent of a purpose of use in v3-ActReason; a deny of the parent denies the child."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A list of alternatives; `vague` when one of them is not understood."""

    values: frozenset[str]
    vague: bool

    def match(self, asked: str) -> Match:
        """Whether `asked` is among the alternatives; an absent value ("") can never be surely so."""
        if asked in self.values and asked:
            return Match.CERTAIN
        if self.vague or not asked:
            return Match.POSSIBLE
        broader = BROADER.get(asked)
        while broader:
            if broader in self.values:
                return Match.POSSIBLE
            broader = BROADER.get(broader)
        return Match.NO


def read_criterion(entries: Any, read: Callable[[Any], Iterable[str]]) -> Criterion | None:
    """The criterion of a list element; None when the element is absent.

    `read` gives the values of one entry; none, a fault in its shape, or a NUL, which no text of FHIR has, makes the
    criterion vague.
    """
    if entries is None:
        return None
    values: set[str] = set()
    vague = not isinstance(entries, list) or not entries
    for entry in entries if isinstance(entries, list) else ():
        try:
            found = tuple(read(entry))
        except (AttributeError, KeyError, TypeError, ValueError):
            found = ()
        if not found or any("\0" in value for value in found):
            vague = True
        else:
            values.update(found)
    return Criterion(frozenset(values), vague)


def codes(system: str) -> Callable[[Any], Iterable[str]]:
    """Reads the codes of `system` from a CodeableConcept."""

    def read(concept: Any) -> Iterable[str]:
        refuse_modifiers(concept)
        return [coding["code"] for coding in concept["coding"] if coding.get("system") == system]

    return read


def code(system: str) -> Callable[[Any], Iterable[str]]:
    """Reads the code of a Coding of `system`."""

    def read(coding: Any) -> Iterable[str]:
        return [coding["code"]] if coding.get("system") == system else []

    return read


def refuse_modifiers(entry: Any) -> None:
    """Raises ValueError for an element whose meaning a modifier extension changes."""
    if entry.get("modifierExtension"):
        raise ValueError("modifierExtension")
