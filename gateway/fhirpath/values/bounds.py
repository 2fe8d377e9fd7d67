"""How large a value may become: what an expression can double again and again must end before the memory does."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from gateway.fhirpath.errors import Fault

MAX_TEXT: Final = 20_000_000
"""How many characters a text has at most that repeat(), aggregate(), defineVariable() or a replacement made."""

MAX_BITS: Final = 14_000
"""How large a whole number may be; Python writes about as many digits (4,300), and overflow gives nothing."""

Items = TypeVar("Items", bound=Sequence[Any])


def allow(length: int) -> None:
    """Raises `Fault` for a text that is too long."""
    if length > MAX_TEXT:
        raise Fault("fhirpath.budget")


def bounded(items: Items) -> Items:
    """The items; raises `Fault` when a text among them is too long."""
    for item in items:
        if item.__class__ is str:
            allow(len(item))
    return items
