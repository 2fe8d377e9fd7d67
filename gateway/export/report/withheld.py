"""The part of the page that tells what was kept back, and why, without telling on anybody.

A count of fewer than `FEWEST` participants is not shown. Where one is hidden, neither is the number of resources that
there are of the type, so that no difference gives it away; nor anywhere, what payloads brought.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.access.reading.withholding import LIMIT, SCOPE, Kept, Withheld

FEWEST: Final = 5
HIDDEN: Final = "hidden"
REASONS: Final[Mapping[str, str]] = {
    SCOPE: "the client's scopes do not reach the type",
    LIMIT: "the client's scopes or site do not reach it",
    "consent.denied": "a Consent denies it",
    "consent.not-permitted": "no Consent permits it",
    "consent.no-subject": "it is not known whose it is",
}


def is_small(withheld: Withheld) -> bool:
    """Whether a count would tell on participants: of somebody's data, and of few."""
    return 0 < len(withheld.participants) < FEWEST


def has_small(kept: Mapping[str, Kept]) -> bool:
    """Whether anything is hidden."""
    return any(is_small(one) for found in kept.values() for one in found.withheld.values())


def rows_of_types(kept: Mapping[str, Kept]) -> Iterator[tuple[str, int | str, int, int]]:
    """Type, resources that there are, that leave, and that leave without what the role does not see."""
    for kind, found in sorted(kept.items()):
        small = any(is_small(one) for one in found.withheld.values())
        yield kind, HIDDEN if small else found.stored, found.leaves, found.redacted


def rows_of_reasons(kept: Mapping[str, Kept]) -> Iterator[tuple[str, str, int | str, int | str]]:
    """Type, reason, resources and participants; what is small is told to be there, and no more."""
    for kind, found in sorted(kept.items()):
        for reason, one in sorted(found.withheld.items()):
            told = REASONS.get(reason, reason)
            if is_small(one):
                yield kind, told, HIDDEN, f"fewer than {FEWEST}"
            else:
                yield kind, told, one.resources, len(one.participants)
