"""Which emits make resources that are nobody's: ingest would keep out the whole payload, since no Consent permits
what names no participant."""

from collections.abc import Iterator
from typing import Final

from gateway.core import Issue, issue
from gateway.definitions import Definitions
from gateway.mapping.plan import Constant, Emit, Map, Plan
from gateway.mapping.tools.account import emits_of

_WHOSE: Final = ("subject", "patient", "individual")
_OF_OTHERS: Final = "List"
"""Stands where its entries stand."""


def nobodys(plan: Plan, definitions: Definitions) -> Iterator[Issue]:
    """A warning for each emit whose type has an element that names the participant, and whose template has none."""
    for emit in emits_of(plan):
        named = [name for name in _WHOSE if name in definitions.children(emit.type)]
        if named and emit.type != _OF_OTHERS and _set(emit).isdisjoint(named):
            yield issue("mapping.nobodys", mapping=emit.position, type=emit.type, element=named[0])


def _set(emit: Emit) -> frozenset[str]:
    """The elements that the template sets."""
    match emit.root:
        case Map(fields=fields):
            return frozenset(name for name, _ in fields)
        case Constant(value=dict() as value):
            return frozenset(value)
    return frozenset()
