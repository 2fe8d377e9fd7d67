"""The tests of content and the single instances that a subject's Consents name, and how many of them count."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from gateway.consent.terms import Provision, Terms
from gateway.core.kinds import KindTest, Match

MAX_OUTCOMES: Final = 64
"""How many combinations of outcomes are told apart; a test beyond is as vague as what nobody understands."""

MAX_INSTANCES: Final = 32
"""How many instances are told apart."""

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
    """The terms with all criteria of content that go beyond the bounds made vague."""
    kept: set[KindTest] = set()
    outcomes = 1
    for test, form in tests_of(terms).items():
        if outcomes * len(form) <= MAX_OUTCOMES:
            outcomes *= len(form)
            kept.add(test)
    all_instances = len(instances_of(terms)) <= MAX_INSTANCES
    if all_instances and len(kept) == len(tests_of(terms)):
        return list(terms)
    return [replace(one, root=_bounded(one.root, kept, all_instances)) for one in terms]


def _bounded(provision: Provision, kept: set[KindTest], all_instances: bool) -> Provision:
    lost = any(test is not None and test not in kept for test in (provision.content, provision.codes))
    lost = lost or (provision.instances is not None and not all_instances)
    return replace(
        provision,
        vague=provision.vague or lost,
        content=None if lost else provision.content,
        codes=None if lost else provision.codes,
        domains=None if lost else provision.domains,
        instances=None if lost else provision.instances,
        children=tuple(_bounded(child, kept, all_instances) for child in provision.children),
    )


def _all(terms: Sequence[Terms]) -> Iterable[Provision]:
    for one in terms:
        yield from provisions(one.root)
