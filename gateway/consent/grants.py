"""Consents compiled into boxes of permission, with every deny subtracted.

The question space of a subject is cut along each axis at the values that its Consents name; inside one cell
(organisation, domain, action, purpose, span of validity) the answer depends on the clinical interval alone and is
a family of windows. Cells with equal answers are merged again into boxes. That a row lies in some box is then the
same as `decide` permitting it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import TypeAlias

from gateway.consent.boxes import ANY, OTHERS
from gateway.consent.criterion import BROADER, Criterion
from gateway.consent.decision import MAX_LEVELS, Asked, in_force, is_baseline, match_values, narrowed, window_of
from gateway.consent.narrowing import instances_of, provisions, tests_of
from gateway.consent.reading import read_consents
from gateway.consent.request import ACTIONS, ConsentPolicy
from gateway.consent.retention import retained_grants
from gateway.consent.terms import Provision, Terms
from gateway.consent.windows import ALWAYS, NEVER, Family, both, either, every, inside, outside
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval
from gateway.core.kinds import KindRule, KindTest, Match
from gateway.core.resources import Grant
from gateway.core.types import Resource
from gateway.study import Study

_OTHER = "\x00"
_Box: TypeAlias = tuple[tuple[str, ...], Grant]


_Boxes: TypeAlias = frozenset[_Box]
_Outcomes: TypeAlias = Mapping[KindTest, Match]


@dataclass(frozen=True, slots=True)
class _Cell:
    now: int
    asked: Asked
    span: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Axis:
    """The values at which answers can change, and what stands for all the others."""

    atoms: tuple[str, ...]
    others: tuple[str, ...]


def compile_grants(subject: str, consents: Sequence[Resource], policy: ConsentPolicy) -> tuple[Grant, ...]:
    """The boxes of `subject` (a Patient id) from all current versions of its Consents and ResearchSubjects, in a
    stable order, and those of what is retained.

    A row may lie in several boxes. Values that the policy does not know are granted by "*" only.
    """
    terms = read_consents(consents, subject, policy)
    kept = retained_grants(consents, subject, policy)
    if not any(found.grants for found in terms):
        return tuple(sorted(kept, key=_order))
    named = instances_of(terms)
    spans = _spans(terms)
    made: dict[tuple[int, ...], _Boxes] = {}
    tests = tests_of(terms)
    for outcome in product(*tests.values()):
        outcomes = dict(zip(tests, outcome, strict=True))
        for direct in (True, False) if named else (None,):
            axes = (*_axes(terms, policy), _instances(named, direct))
            key = tuple(map(int, outcome if direct is None else (*outcome, direct)))
            made[key] = _cut(axes, terms, subject, outcomes, spans)
    rule = KindRule(tuple(tests), tuple(tests.values()), bool(named), frozenset())
    grants = (replace(box, others=named if box.instance == OTHERS else ()) for box in _ruled(made, rule))
    return tuple(sorted((*grants, *kept), key=_order))


def _cut(
    axes: tuple["_Axis", ...],
    terms: Sequence[Terms],
    subject: str,
    outcomes: _Outcomes,
    spans: Sequence[tuple[int, int]],
) -> _Boxes:
    """The boxes for content with the given outcomes."""

    def answer(values: tuple[str, ...]) -> frozenset[Grant]:
        grantee, domain, action, purpose, instance = values
        asked = Asked(grantee, domain, action, purpose, instance, outcomes.__getitem__)
        return frozenset(_boxes(terms, subject, asked, spans))

    return _merge(axes, (), answer)


def _ruled(made: Mapping[tuple[int, ...], _Boxes], rule: KindRule) -> Iterable[Grant]:
    """Each box once, with the rule of the outcomes that have it; one that all have needs none."""
    holders: dict[_Box, set[tuple[int, ...]]] = {}
    for outcome, boxes in made.items():
        for box in boxes:
            holders.setdefault(box, set()).add(outcome)
    for (values, windowed), outcomes in holders.items():
        grantee, domain, action, purpose, instance = values
        placed = replace(windowed, grantee=grantee, domain=domain, action=action, purpose=purpose, instance=instance)
        everywhere = len(outcomes) == len(made)
        yield placed if everywhere else replace(placed, rule=replace(rule, outcomes=frozenset(outcomes)))


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
        grant.instance,
        grant.rule.text if grant.rule else "",
    )


def _axes(terms: Sequence[Terms], policy: ConsentPolicy) -> tuple[_Axis, ...]:
    """Organisations, domains, actions and purposes, in the order of `Asked`."""
    found = [provision for consent in terms for provision in provisions(consent.root)]
    purposes = _named(provision.purposes for provision in found)
    narrower = {purpose for purpose in BROADER if purposes.intersection(_ancestors(purpose))}
    return (
        _axis(_named(provision.actors for provision in found), policy.organisations),
        _axis(_named(provision.domains for provision in found), policy.domains),
        _Axis(ACTIONS, ()),
        _axis(purposes | narrower, policy.purposes),
    )


def _instances(named: Sequence[str], direct: bool | None) -> _Axis:
    """The instances that are told apart; content that may be of several is of none that is known."""
    if not named:
        return _Axis((_OTHER,), ())
    return _Axis((*named, _OTHER), (OTHERS,)) if direct else _Axis(("",), ())


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
        cuts.update(cut for cut in (consent.closed, consent.until, consent.withdrawn) if cut is not None)
        for provision in provisions(consent.root):
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


def _boxes(terms: Sequence[Terms], subject: str, asked: Asked, spans: Sequence[tuple[int, int]]) -> Iterable[Grant]:
    """The windows of one cell over all spans of validity, adjacent spans with equal windows joined."""
    start = FOREVER_BEFORE
    previous: frozenset[tuple[int, int, str]] = frozenset()
    for low, _ in [*spans, (FOREVER_AFTER, FOREVER_AFTER)]:
        current = _windows(terms, _Cell(low, asked)) if low < FOREVER_AFTER else frozenset()
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
    if consent.since > cell.now or (consent.until is not None and consent.until <= cell.now):
        return NEVER, ALWAYS
    path = ALWAYS if consent.grants_at(cell.now) else NEVER
    if consent.closed is not None:
        stopped = cell.asked.action == "collect" and cell.now >= consent.closed
        path = NEVER if stopped else both(path, ((FOREVER_BEFORE, consent.closed),))
    permitted, undenied = _evaluate(consent.root, cell, 1, path, linked=False)
    if consent.retains and cell.asked.action != "collect":
        span = Interval(consent.since, FOREVER_AFTER)
        still, _ = _evaluate(consent.root, replace(cell, span=span), 1, path, linked=False)
        permitted = either(permitted, both(still, undenied))
    return permitted, undenied


def _evaluate(provision: Provision, cell: _Cell, level: int, path: Family, linked: bool) -> tuple[Family, Family]:
    """The windows a provision permits and those it does not deny; `path` is where all ancestors surely match."""
    surely = match_values(provision, cell.asked)
    if surely is Match.NO or not in_force(provision, cell.now, cell.span):
        return NEVER, ALWAYS
    path = both(path, inside(provision.data)) if surely is Match.CERTAIN else NEVER
    if cell.span is not None:
        cell = replace(cell, span=narrowed(cell.span, provision))
        path = both(path, inside(window_of(cell.span)))
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
