"""Survivors that are no fault and no missing test, each with the reason: `survivors.yaml`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import yaml

from tests.mutants.mutating import Mutant

FILE: Final = Path(__file__).with_name("survivors.yaml")

Known: TypeAlias = Mapping[str, Mapping[tuple[str, str], str]]
"""By module: the reason of (within, change)."""


def known_survivors() -> Known:
    """The reasons of the file."""
    found = yaml.safe_load(FILE.read_text("utf-8")) or {}
    return {
        module: {(one.get("within", ""), change): one["why"] for one in entries for change in one["changes"]}
        for module, entries in found.items()
    }


def reason(known: Known, module: str, mutant: Mutant) -> str:
    """Why a mutant may survive, "" when nobody has said so."""
    return known.get(module, {}).get((mutant.place.within, mutant.change), "")


def outdated(known: Known, module: str, survivors: list[Mutant]) -> Iterator[str]:
    """What is given a reason and did not survive, or is not there."""
    left = {(mutant.place.within, mutant.change) for mutant in survivors}
    return (f"{within}: {change}" for within, change in known.get(module, {}) if (within, change) not in left)
