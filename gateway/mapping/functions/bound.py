"""The function set of one mapping: the free functions, and those bound to its tables and to the running unit."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.fhirpath import FunctionSpec
from gateway.mapping.functions.arguments import argument
from gateway.mapping.functions.codes import code_functions
from gateway.mapping.functions.numbers import NUMBERS, quantity_function
from gateway.mapping.functions.scores import SCORES
from gateway.mapping.functions.texts import TEXTS
from gateway.mapping.functions.times import TIMES
from gateway.mapping.plan import Table
from gateway.mapping.scope import Scope, current, report
from gateway.mapping.tables import Row

MAX_KEY_PARTS = 12


def function_set(
    tables: Mapping[str, Table], lookups: Mapping[str, Mapping[str, Row]], keep_original: bool
) -> dict[str, FunctionSpec]:
    """Name -> function for expressions of a mapping with these concept maps and look-ups."""

    def lookup(focus: list[Any], name: list[Any], key: list[Any]) -> list[Any]:
        found = argument(key, "lookup()")
        if found is None:
            return []
        row = lookups[name[0]].get(str(found))
        if row is None:
            report("mapping.lookup-missing", name=name[0])
            return []
        return [row]

    specs: dict[str, tuple[int, int, Callable[..., list[Any]]]] = {
        **TIMES,
        **NUMBERS,
        **TEXTS,
        **SCORES,
        **code_functions(tables),
        "quantity": (1, 3, quantity_function(tables, keep_original)),
        "lookup": (2, 2, lookup),
        "ref": (1, MAX_KEY_PARTS, reference),
    }
    return {name: FunctionSpec(least, most, function) for name, (least, most, function) in specs.items()}


def reference(focus: list[Any], name: list[Any], *parts: list[Any]) -> list[Any]:
    """References to what the emit made in the present record or unit; with key parts, to the one with that key."""
    scope = current.get()
    emit = name[0]
    if not parts:
        return [{"reference": made} for made in scope.made.get(emit, ())]
    values = tuple(argument(part, "ref()") for part in parts)
    made = None if None in values else by_key(scope, emit, values)
    return [] if made is None else [made]


def by_key(scope: Scope, emit: str, values: tuple[Any, ...]) -> dict[str, str] | None:
    """The reference to what the emit makes with this key; None, and reported, for what is not made."""
    if scope.reference is None:
        return None
    found = scope.reference(emit, values)
    if scope.known is not None and found not in scope.known:
        report("mapping.ref-dangling", name=emit)
        return None
    scope.wanted.add(found)
    return {"reference": found}
