"""How large a value may become: what an expression can double again and again must end before the memory does."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from gateway.fhirpath.errors import Fault

MAX_TEXT: Final = 20_000_000
"""How many characters a text has at most that a loop, defineVariable(), a replacement or an encoding made."""

MAX_BITS: Final = 14_000
"""How large a whole number may be; Python writes about as many digits (4,300), and overflow gives nothing."""

MAX_ITEMS: Final = 1_000_000
"""How many items repeat(), aggregate() or defineVariable() makes at once."""

Items = TypeVar("Items", bound=Sequence[Any])


def allow(length: int) -> None:
    """Raises `Fault` for a text that is too long."""
    if length > MAX_TEXT:
        raise Fault("fhirpath.budget")


def bounded(items: Items) -> Items:
    """The items; raises `Fault` when there are too many, or a text among them is too long."""
    if len(items) > MAX_ITEMS:
        raise Fault("fhirpath.budget")
    for item in items:
        if item.__class__ is str:
            allow(len(item))
    return items
