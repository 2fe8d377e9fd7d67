"""`<`, `<=`, `>`, `>=` and sorting.

See https://hl7.org/fhirpath/N1/#comparison.
"""

from typing import Any

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.values.equality import temporal_pair
from gateway.fhirpath.values.items import is_number, plain, to_quantity
from gateway.fhirpath.values.measures import order_quantities
from gateway.fhirpath.values.temporal import order


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where the order is unknown; raises `Fault` for items that have no order."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if (is_number(left) and is_number(right)) or (left.__class__ is str and right.__class__ is str):
        return int(left > right) - int(left < right)
    pair = temporal_pair(left, right)
    if pair is not None:
        try:
            return order(*pair)
        except ValueError:
            raise Fault("fhirpath.operand", operation="The comparison") from None
    ours, theirs = to_quantity(left), to_quantity(right)
    if ours is None or theirs is None:
        raise Fault("fhirpath.operand", operation="The comparison")
    return order_quantities(ours, theirs)


def less(left: Any, right: Any) -> bool | None:
    """`left < right`."""
    found = compare(left, right)
    return None if found is None else found < 0


def at_most(left: Any, right: Any) -> bool | None:
    """`left <= right`."""
    found = compare(left, right)
    return None if found is None else found <= 0


def greater(left: Any, right: Any) -> bool | None:
    """`left > right`."""
    found = compare(left, right)
    return None if found is None else found > 0


def at_least(left: Any, right: Any) -> bool | None:
    """`left >= right`."""
    found = compare(left, right)
    return None if found is None else found >= 0
