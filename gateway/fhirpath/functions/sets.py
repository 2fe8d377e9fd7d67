"""Functions of whole collections. See https://hl7.org/fhirpath/N1/#existence and #subsetting."""

from typing import Any

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN
from gateway.fhirpath.values.equality import distinct as distinct_items
from gateway.fhirpath.values.equality import key
from gateway.fhirpath.values.items import plain


@function("distinct", "5.1.12", focus="Items", returns=None, examples=("(1 | 2).combine(1).distinct().count() = 2",))
def distinct(items: list[Any]) -> list[Any]:
    """The items without repetitions, in order."""
    return distinct_items(items)


@function("isDistinct", "5.1.13", focus="Items", returns=BOOLEAN, examples=("(1 | 2).isDistinct()",))
def is_distinct(items: list[Any]) -> bool:
    """Whether no item is there twice."""
    return len({key(item) for item in items}) == len(items)


def _booleans(items: list[Any]) -> list[bool]:
    values = [plain(item) for item in items]
    if any(value.__class__ is not bool for value in values):
        raise Fault("fhirpath.operand", operation="A function of booleans")
    return values


@function("allTrue", "5.1.4", focus="Items", returns=BOOLEAN, examples=("(true | true).allTrue()",))
def all_true(items: list[Any]) -> bool:
    """Whether all items are true."""
    return all(_booleans(items))


@function("anyTrue", "5.1.5", focus="Items", returns=BOOLEAN, examples=("(true | false).anyTrue()",))
def any_true(items: list[Any]) -> bool:
    """Whether one item is true."""
    return any(_booleans(items))


@function("allFalse", "5.1.6", focus="Items", returns=BOOLEAN, examples=("(false | false).allFalse()",))
def all_false(items: list[Any]) -> bool:
    """Whether all items are false."""
    return not any(_booleans(items))


@function("anyFalse", "5.1.7", focus="Items", returns=BOOLEAN, examples=("(true | false).anyFalse()",))
def any_false(items: list[Any]) -> bool:
    """Whether one item is false."""
    return not all(_booleans(items))


@function("subsetOf", "5.1.8", focus="Items", takes=("Items",), returns=BOOLEAN, examples=("1.subsetOf(1 | 2)",))
def subset_of(items: list[Any], other: list[Any]) -> bool:
    """Whether all items are in the other collection."""
    return {key(item) for item in items} <= {key(item) for item in other}


@function(
    "supersetOf", "5.1.9", focus="Items", takes=("Items",), returns=BOOLEAN, examples=("(1 | 2).supersetOf(1)",)
)
def superset_of(items: list[Any], other: list[Any]) -> bool:
    """Whether all items of the other collection are here."""
    return {key(item) for item in other} <= {key(item) for item in items}


@function("last", "5.3.4", focus="Items", returns=None, ordered=True, examples=("(1 | 2).last() = 2",))
def last(items: list[Any]) -> list[Any]:
    """The last item."""
    return items[-1:]


@function("tail", "5.3.5", focus="Items", returns=None, ordered=True, examples=("(1 | 2).tail() = 2",))
def tail(items: list[Any]) -> list[Any]:
    """All but the first item."""
    return items[1:]


@function(
    "skip", "5.3.6", focus="Items", takes=("Integer",), returns=None, ordered=True, examples=("(1|2).skip(1)=2",)
)
def skip(items: list[Any], count: int | None) -> list[Any]:
    """All but the first items."""
    return [] if count is None else items[max(count, 0) :]


@function(
    "take", "5.3.7", focus="Items", takes=("Integer",), returns=None, ordered=True, examples=("(1|2).take(1)=1",)
)
def take(items: list[Any], count: int | None) -> list[Any]:
    """The first items."""
    return [] if count is None else items[: max(count, 0)]


@function(
    "intersect", "5.3.8", focus="Items", takes=("Items",), returns=None, examples=("(1 | 2).intersect(2 | 3) = 2",)
)
def intersect(items: list[Any], other: list[Any]) -> list[Any]:
    """The items that are in both collections, each once."""
    wanted = {key(item) for item in other}
    return distinct_items([item for item in items if key(item) in wanted])


@function("exclude", "5.3.9", focus="Items", takes=("Items",), returns=None, examples=("(1 | 2).exclude(2) = 1",))
def exclude(items: list[Any], other: list[Any]) -> list[Any]:
    """The items that are not in the other collection."""
    unwanted = {key(item) for item in other}
    return [item for item in items if key(item) not in unwanted]
