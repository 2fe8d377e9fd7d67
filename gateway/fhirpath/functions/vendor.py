"""Our own functions for trees that are not FHIR.

`entries()` gives the members of an object as key and value, for objects whose keys are data. `rows()` gives the parts
of a nested array as `c0`, `c1` and so on. `positions()` numbers the places of an array, whose nulls no other
expression sees: in a series the place is the time. `has()` tells a key with nothing under it, as an empty page has,
from a key that is not there: to any other expression both are empty. `coalesce(a, b, ...)`, the first argument that
is not empty, is compiled inline.
"""

from typing import Any

from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN, UNKNOWN
from gateway.fhirpath.values.items import raw


@function("entries", "own", focus="Items", returns=UNKNOWN, examples=("entries().key",))
def entries(items: list[Any]) -> list[dict[str, Any]]:
    """`{key, value}` for each member of each object, in order; other items have none."""
    return [
        {"key": key, "value": value}
        for item in map(raw, items)
        if item.__class__ is dict
        for key, value in item.items()
    ]


@function("rows", "own", focus="Items", returns=UNKNOWN, examples=("rows().c0",))
def rows(items: list[Any]) -> list[dict[str, Any]]:
    """Each inner array as an object with the keys `c0`, `c1`, ...; other items have none."""
    return [
        {f"c{position}": value for position, value in enumerate(item)}
        for item in map(raw, items)
        if item.__class__ is list
    ]


@function("positions", "own", focus="Items", takes=("String",), returns=UNKNOWN, examples=("positions('a').empty()",))
def positions(items: list[Any], name: str) -> list[dict[str, Any]]:
    """`{index, value}` for each place, from 0, of the array that an object has under a name; a null has no value."""
    return [
        {"index": index, "value": value}
        for item in map(raw, items)
        if item.__class__ is dict and item.get(name).__class__ is list
        for index, value in enumerate(item[name])
    ]


@function("has", "own", focus="Items", takes=("String",), returns=BOOLEAN, examples=("has('a') = false",))
def has(items: list[Any], name: str) -> bool:
    """True where an object has this name, an empty array or null under it included."""
    return any(item.__class__ is dict and name in item for item in map(raw, items))
