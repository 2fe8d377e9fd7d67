"""How much of what a subject's Consents name is told apart: beyond these bounds it is not understood."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Final, TypeAlias

from gateway.consent.request import ACTIONS
from gateway.consent.terms import Provision, Terms
from gateway.core.kinds import KindTest, Match

MAX_OUTCOMES: Final = 64
"""How many combinations of outcomes are told apart; a test beyond is as vague as what nobody understands."""

MAX_INSTANCES: Final = 32
"""How many instances are told apart."""

MAX_QUESTIONS: Final = 500_000
"""How often provisions are asked, each about every combination of values that Consents name: a second or two."""

_AXES: Final = ("actors", "domains", "purposes", "instances", "period", "data")
"""The elements of a provision whose values make combinations, those of content aside."""

Form: TypeAlias = tuple[Match, ...]
"""The outcomes of a test that make a difference."""

_LEAF: Final[dict[bool, Form]] = {True: (Match.NO, Match.CERTAIN), False: (Match.NO, Match.POSSIBLE)}


def provisions(provision: Provision) -> Iterable[Provision]:
    """A provision and all below it."""
    yield provision
    for child in provision.children:
        yield from provisions(child)


def tests_of(terms: Sequence[Terms]) -> dict[KindTest, Form]:
    """Every test of content with the outcomes that make a difference: what has no provisions below needs two."""
    found: dict[KindTest, set[Match]] = {}
    for provision in _all(terms):
        for test in (provision.content, provision.codes):
            if test is not None:
                form = Match if provision.children else _LEAF[provision.permits]
                found.setdefault(test, set()).update(form)
    return {test: tuple(sorted(form)) for test, form in found.items()}


def instances_of(terms: Sequence[Terms]) -> tuple[str, ...]:
    """Every instance that is named, in a stable order."""
    named = {value for one in _all(terms) if one.instances is not None for value in one.instances.values}
    return tuple(sorted(named))


def bounded(terms: Sequence[Terms]) -> list[Terms]:
    """The terms with all criteria that go beyond the bounds made vague: permits that have one permit nothing, denials
    deny whatever else they match.
    """
    kept: set[KindTest] = set()
    outcomes = 1
    for test, form in tests_of(terms).items():
        if outcomes * len(form) <= MAX_OUTCOMES:
            outcomes *= len(form)
            kept.add(test)
    lost = _lost(terms, outcomes)
    if not lost and len(kept) == len(tests_of(terms)):
        return list(terms)
    return [replace(one, root=_bounded(one.root, kept, lost)) for one in terms]


def _lost(terms: Sequence[Terms], outcomes: int) -> frozenset[str]:
    """The axes that are given up, those with the most values first."""
    widths = {axis: _width(terms, axis) for axis in _AXES}
    lost = {"instances"} if len(instances_of(terms)) > MAX_INSTANCES else set()
    room = MAX_QUESTIONS // max(1, outcomes * len(ACTIONS) * sum(1 for _ in _all(terms)))
    while prod(width for axis, width in widths.items() if axis not in lost) > room and len(lost) < len(_AXES):
        lost.add(max(widths.keys() - lost, key=lambda axis: (widths[axis], axis)))
    return frozenset(axis for axis in lost if widths[axis] > 1)


def _width(terms: Sequence[Terms], axis: str) -> int:
    """How many values are told apart on an axis, at most: those named, none, and any other."""
    found = [getattr(one, axis) for one in _all(terms)]
    if axis in ("period", "data"):
        return 1 + 2 * len({interval for interval in found if interval is not None})
    named = {value for criterion in found if criterion is not None for value in criterion.values}
    return len(named) + 2 if named else 1


def _bounded(provision: Provision, kept: set[KindTest], lost: frozenset[str]) -> Provision:
    gone: dict[str, Any] = {axis: None for axis in lost if getattr(provision, axis) is not None}
    is_content_lost = any(test is not None and test not in kept for test in (provision.content, provision.codes))
    if is_content_lost or gone.keys() & {"domains", "instances"}:
        gone |= dict.fromkeys(("content", "codes", "domains", "instances"))
    return replace(
        provision,
        **gone,
        vague=provision.vague or bool(gone),
        children=tuple(_bounded(child, kept, lost) for child in provision.children),
    )


def _all(terms: Sequence[Terms]) -> Iterable[Provision]:
    for one in terms:
        yield from provisions(one.root)
