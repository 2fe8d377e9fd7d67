"""`=`, `~`, and the key under which equal items meet in sets.

See https://hl7.org/fhirpath/N1/#equality.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.values.items import Element, any_temporal, is_number, looks_like_quantity, plain, to_quantity
from gateway.fhirpath.values.measures import numbers_equivalent, quantities_equal, quantities_equivalent
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal, in_utc, order

_SCALARS: Final = frozenset((str, int, bool, Decimal))


def equal(left: Any, right: Any) -> bool | None:
    """Whether two items are equal; None where that is unknown."""
    kind = left.__class__
    if kind is right.__class__ and kind in _SCALARS:
        return bool(left == right)
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if left.__class__ is Temporal or right.__class__ is Temporal:
        return _temporals_equal(left, right)
    if left.__class__ is Quantity or right.__class__ is Quantity:
        ours, theirs = to_quantity(left), to_quantity(right)
        return False if ours is None or theirs is None else quantities_equal(ours, theirs)
    if left.__class__ is dict and right.__class__ is dict:
        return _trees_equal(left, right)
    if is_number(left) and is_number(right):
        return bool(left == right)
    return bool(left.__class__ is right.__class__ and left == right)


def _temporals_equal(left: Any, right: Any) -> bool | None:
    pair = temporal_pair(left, right)
    if pair is None:
        return False
    try:
        found = order(*pair)
    except ValueError:
        return False
    return None if found is None else found == 0


def temporal_pair(left: Any, right: Any) -> tuple[Temporal, Temporal] | None:
    """Both sides as Temporals, a text read as the other side's kind; None when one is neither."""
    if left.__class__ is str and right.__class__ is Temporal:
        left = any_temporal(left, right)
    elif right.__class__ is str and left.__class__ is Temporal:
        right = any_temporal(right, left)
    return (left, right) if left.__class__ is Temporal and right.__class__ is Temporal else None


def _trees_equal(left: dict[str, Any], right: dict[str, Any]) -> bool | None:
    if left == right:
        return True
    if looks_like_quantity(left) and looks_like_quantity(right):
        ours, theirs = to_quantity(left), to_quantity(right)
        if ours is not None and theirs is not None:
            return quantities_equal(ours, theirs)
    return False


def all_equal(left: Sequence[Any], right: Sequence[Any]) -> bool | None:
    """Whether two collections are equal: same length, equal items in order; None when one is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    unknown = False
    for ours, theirs in zip(left, right, strict=True):
        found = equal(ours, theirs)
        if found is False:
            return False
        unknown = unknown or found is None
    return None if unknown else True


def equivalent(left: Any, right: Any) -> bool:
    """Whether two items are equivalent: text without case and spacing, numbers to the lesser precision."""
    left, right = plain(left), plain(right)
    if left.__class__ is str and right.__class__ is str:
        return " ".join(left.lower().split()) == " ".join(right.lower().split())
    if is_number(left) and is_number(right):
        return numbers_equivalent(left, right)
    if left.__class__ is Temporal or right.__class__ is Temporal:
        return _temporals_equal(left, right) is True
    if left.__class__ is Quantity or right.__class__ is Quantity:
        ours, theirs = to_quantity(left), to_quantity(right)
        return ours is not None and theirs is not None and quantities_equivalent(ours, theirs)
    if left.__class__ is dict and right.__class__ is dict:
        return _trees_equivalent(left, right)
    return bool(left.__class__ is right.__class__ and left == right)


def _trees_equivalent(left: dict[str, Any], right: dict[str, Any]) -> bool:
    if looks_like_quantity(left) and looks_like_quantity(right):
        ours, theirs = to_quantity(left), to_quantity(right)
        if ours is not None and theirs is not None:
            return quantities_equivalent(ours, theirs)
    keys = left.keys() - {"id"}
    return keys == right.keys() - {"id"} and all(
        all_equivalent(_listed(left[key]), _listed(right[key])) for key in keys
    )


def _listed(value: Any) -> list[Any]:
    return value if value.__class__ is list else [value]


def all_equivalent(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether two collections are equivalent: the same items in any order; two empty ones are."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for ours in left:
        for position, theirs in enumerate(rest):
            if equivalent(ours, theirs):
                del rest[position]
                break
        else:
            return False
    return True


def key(item: Any) -> Any:
    """A hashable value that is the same for equal items; trees of dicts and lists are frozen."""
    kind = item.__class__
    if kind is str:
        return item
    value = plain(item)
    kind = value.__class__
    if kind is bool:
        return ("bool", value)
    if kind is Temporal:
        return ("Time" if value.sort == "Time" else "Date", in_utc(value), value.offset is None)
    if kind is Quantity:
        return ("Quantity", value.value.normalize(), value.definite_unit or value.unit)
    if kind is dict:
        return ("dict", frozenset((name, key(part)) for name, part in value.items()))
    if kind is list:
        return ("list", tuple(key(part) for part in value))
    if value is None and item.__class__ is Element:
        return ("none", key(item.extra))
    return value


def distinct(items: Sequence[Any]) -> list[Any]:
    """The items without those equal to an earlier one, in order."""
    if len(items) < 2:
        return list(items)
    seen: set[Any] = set()
    found: list[Any] = []
    for item in items:
        mark = key(item)
        if mark not in seen:
            seen.add(mark)
            found.append(item)
    return found
