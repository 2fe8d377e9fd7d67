"""A placement as columns: the level, and the only (subject, domain) pair or a list of pairs."""

from typing import TypeAlias

from gateway.core.resources import Placement
from gateway.store.sql.tables import HIDDEN, MANY_PAIRS, ONE_PAIR, STUDY_LEVEL

Placed: TypeAlias = tuple[int, str, str, int, int]
"""The columns level, subject, domain, low, high; the kind is a column of its own."""

PLACED_COLUMNS = ("level", "subject", "domain", "low", "high")


def placed(placement: Placement) -> tuple[Placed, list[tuple[str, str]]]:
    """The columns of a placement, and its pairs when there are several; without any pair it is hidden."""
    low, high = placement.low, placement.high
    if placement.study_level:
        return (STUDY_LEVEL, "", "", low, high), []
    if len(placement.subjects) == 1 and len(placement.domains) == 1:
        return (ONE_PAIR, placement.subjects[0], placement.domains[0], low, high), []
    pairs = sorted({(subject, domain) for subject in placement.subjects for domain in placement.domains})
    if not pairs:
        return (HIDDEN, "", "", low, high), []
    if len(pairs) == 1:
        return (ONE_PAIR, *pairs[0], low, high), []
    return (MANY_PAIRS, "", "", low, high), pairs
