"""Consents compiled into boxes of permission, with every deny subtracted.

The question space of a subject is cut along each axis at the values that its Consents name; inside one cell
(organisation, domain, action, purpose, span of validity) the answer depends on the clinical interval alone and is
a family of windows. Cells with equal answers are merged again into boxes. That a row lies in some box is then the
same as `decide` permitting it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from gateway.consent.criterion import BROADER, Criterion, Match
from gateway.consent.decision import MAX_LEVELS, in_force, is_baseline, match_values
from gateway.consent.request import ACTIONS, ConsentPolicy, ConsentRequest
from gateway.consent.terms import Provision, Terms, read_terms
from gateway.consent.windows import ALWAYS, NEVER, Family, both, either, every, inside, outside
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE
from gateway.core.resources import Grant, Placement
from gateway.core.types import Resource
from gateway.study import Study

ANY = "*"
_OTHER = "\x00"
_Box: TypeAlias = tuple[tuple[str, ...], Grant]


@dataclass(frozen=True, slots=True)
class _Cell:
    now: int
    organisation: str
    domain: str
    action: str
    purpose: str


@dataclass(frozen=True, slots=True)
class _Axis:
    """The values at which answers can change, and what stands for all the others."""

    atoms: tuple[str, ...]
    others: tuple[str, ...]


def compile_grants(subject: str, consents: Sequence[Resource], policy: ConsentPolicy) -> tuple[Grant, ...]:
    """The boxes of `subject` (a Patient id) from all current versions of its Consents, in a stable order.

    A row may lie in several boxes. Values that the policy does not know are granted by "*" only.
    """
    terms = [found for consent in consents if (found := read_terms(consent, subject, policy))]
    if not any(found.grants for found in terms):
        return ()
    axes = _axes(terms, policy)
    spans = _spans(terms)

    def answer(values: tuple[str, ...]) -> frozenset[Grant]:
        return frozenset(_boxes(terms, subject, values, spans))

    boxes = _merge(axes, (), answer)
    grants = (
        replace(box, grantee=values[0], domain=values[1], action=values[2], purpose=values[3])
        for values, box in boxes
    )
    return tuple(sorted(grants, key=_order))


def permits(grants: Iterable[Grant], request: ConsentRequest, placement: Placement) -> bool:
    """Whether boxes permit a request on a resource so placed: what the store's predicate says in SQL."""
    return covers(applicable(grants, request), placement)


def applicable(grants: Iterable[Grant], request: ConsentRequest) -> list[Grant]:
    """The boxes that are about this organisation, action, purpose and instant."""
    return [
        grant
        for grant in grants
        if grant.grantee in (ANY, request.organisation)
        and grant.action in (ANY, request.action)
        and grant.purpose in (ANY, request.purpose)
        and grant.valid_low <= request.now < grant.valid_high
    ]


def covers(grants: Sequence[Grant], placement: Placement) -> bool:
    """Whether every (subject, domain) pair of a placement lies in one of the applicable boxes."""
    if placement.study_level:
        return True
    return bool(placement.subjects) and all(
        any(_holds(grant, subject, domain, placement) for grant in grants)
        for subject in placement.subjects
        for domain in placement.domains or ("",)
    )


def _holds(grant: Grant, subject: str, domain: str, placement: Placement) -> bool:
    return (
        grant.subject == subject
        and grant.domain in (ANY, domain)
        and grant.data_low <= placement.low
        and placement.high <= grant.data_high
    )


def _order(grant: Grant) -> tuple[str | int, ...]:
    return (
        grant.grantee,
        grant.domain,
        grant.action,
        grant.purpose,
        grant.valid_low,
        grant.valid_high,
        grant.data_low,
        grant.data_high,
        grant.consent,
    )


def _provisions(provision: Provision) -> Iterable[Provision]:
    yield provision
    for child in provision.children:
        yield from _provisions(child)


def _axes(terms: Sequence[Terms], policy: ConsentPolicy) -> tuple[_Axis, ...]:
    """Organisations, domains, actions and purposes, in the order of `_Cell`."""
    provisions = [provision for consent in terms for provision in _provisions(consent.root)]
    purposes = _named(provision.purposes for provision in provisions)
    narrower = {purpose for purpose in BROADER if purposes.intersection(_ancestors(purpose))}
    return (
        _axis(_named(provision.actors for provision in provisions), policy.organisations),
        _axis(_named(provision.domains for provision in provisions), policy.domains),
        _Axis(ACTIONS, ()),
        _axis(purposes | narrower, policy.purposes),
    )


def _ancestors(purpose: str) -> Iterable[str]:
    broader = BROADER.get(purpose)
    while broader:
        yield broader
        broader = BROADER.get(broader)


def _named(criteria: Iterable[Criterion | None]) -> set[str]:
    return {value for criterion in criteria if criterion for value in criterion.values}


def _axis(named: set[str], known: frozenset[str]) -> _Axis:
    """The absent value is an atom of its own: nothing surely matches it."""
    if not named:
        return _Axis((_OTHER,), ())
    return _Axis((*sorted(named - {"", ANY}), "", _OTHER), tuple(sorted(known - named - {"", ANY})))


def _spans(terms: Sequence[Terms]) -> list[tuple[int, int]]:
    cuts = {FOREVER_BEFORE, FOREVER_AFTER}
    for consent in terms:
        cuts.add(consent.since)
        cuts.update(() if consent.closed is None else (consent.closed,))
        for provision in _provisions(consent.root):
            cuts.update((provision.period.low, provision.period.high) if provision.period else ())
    return list(pairwise(sorted(cuts)))


def _merge(
    axes: tuple[_Axis, ...], values: tuple[str, ...], answer: Callable[[tuple[str, ...]], frozenset[Grant]]
) -> frozenset[_Box]:
    """The boxes of all cells below `values`; an axis on which all atoms agree becomes "*"."""
    if not axes:
        return frozenset(((), box) for box in answer(values))
    axis, rest = axes[0], axes[1:]
    found = {atom: _merge(rest, (*values, atom), answer) for atom in axis.atoms}
    if len(set(found.values())) == 1:
        return frozenset(((ANY, *inner), box) for inner, box in next(iter(found.values())))
    return frozenset(
        ((value, *inner), box)
        for atom, boxes in found.items()
        for inner, box in boxes
        for value in (axis.others if atom == _OTHER else (atom,))
    )


def _boxes(
    terms: Sequence[Terms], subject: str, values: tuple[str, ...], spans: Sequence[tuple[int, int]]
) -> Iterable[Grant]:
    """The windows of one cell over all spans of validity, adjacent spans with equal windows joined."""
    start = FOREVER_BEFORE
    previous: frozenset[tuple[int, int, str]] = frozenset()
    for low, _ in [*spans, (FOREVER_AFTER, FOREVER_AFTER)]:
        current = _windows(terms, _Cell(low, *values)) if low < FOREVER_AFTER else frozenset()
        if current == previous:
            continue
        for data_low, data_high, version in previous:
            yield Grant(
                subject, ANY, ANY, ANY, ANY, data_low, data_high, valid_low=start, valid_high=low, consent=version
            )
        start, previous = low, current


def _windows(terms: Sequence[Terms], cell: _Cell) -> frozenset[tuple[int, int, str]]:
    """The clinical windows that are permitted in a cell, each with the Consent version that gives it."""
    answers = [(consent.version, *_consent_windows(consent, cell)) for consent in terms]
    undenied = every(not_denied for _, _, not_denied in answers)
    kept = either(*(both(permitted, undenied) for _, permitted, _ in answers))
    origin = {window: version for version, permitted, _ in reversed(answers) for window in both(permitted, undenied)}
    return frozenset((low, high, origin[low, high]) for low, high in kept)


def _consent_windows(consent: Terms, cell: _Cell) -> tuple[Family, Family]:
    """Which clinical intervals a Consent permits, and which it does not deny."""
    if consent.since > cell.now:
        return NEVER, ALWAYS
    path = ALWAYS if consent.grants else NEVER
    if consent.closed is not None:
        stopped = cell.action == "collect" and cell.now >= consent.closed
        path = NEVER if stopped else both(path, ((FOREVER_BEFORE, consent.closed),))
    return _evaluate(consent.root, cell, 1, path, linked=False)


def _evaluate(provision: Provision, cell: _Cell, level: int, path: Family, linked: bool) -> tuple[Family, Family]:
    """The windows a provision permits and those it does not deny; `path` is where all ancestors surely match."""
    surely = match_values(provision, cell.organisation, cell.domain, cell.action, cell.purpose)
    if surely is Match.NO or not in_force(provision, cell.now):
        return NEVER, ALWAYS
    path = both(path, inside(provision.data)) if surely is Match.CERTAIN else NEVER
    linked = linked or provision.study is Match.CERTAIN
    below = [_evaluate(child, cell, level + 1, path, linked) for child in provision.children]
    undenied = every(not_denied for _, not_denied in below)
    permitted = both(either(*(given for given, _ in below)), undenied)
    untouched = outside(provision.data)
    if provision.permits:
        own = both(path, undenied) if linked and level <= MAX_LEVELS else NEVER
        return either(permitted, own), either(undenied, untouched)
    if level == 1 and is_baseline(provision):
        return permitted, either(undenied, untouched)
    return permitted, either(permitted, untouched)


def grant_compiler(studies: Mapping[str, Study]) -> Callable[[str, str, Sequence[Resource]], tuple[Grant, ...]]:
    """What the store calls when a Consent changes: (study, subject, all current Consents) -> boxes."""
    policies = {study.id: ConsentPolicy.of(study) for study in studies.values()}

    def compile_for(study: str, subject: str, consents: Sequence[Resource]) -> tuple[Grant, ...]:
        return compile_grants(subject, consents, policies[study])

    return compile_for
