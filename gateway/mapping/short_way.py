"""The short way of a payload: few records of one participant, mapped at once where there is nothing to report.

It decides nothing. Where anything is not as usual (a participant who is not known, or not as the payload says; a
finding; a limit; something made twice that differs) it keeps nothing and gives None, and `subjects` and `unit` take
the same records from the beginning and tell what is right. Most payloads are one message or one sample: to them a
walk, its positions and its groups, which nobody asks, would cost as much as what is made.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from gateway.fhirpath import FhirPathError
from gateway.formats import Decoded
from gateway.mapping.budget import TooLarge
from gateway.mapping.explaining.positions import Positions
from gateway.mapping.facts import Facts, MappedUnit, Place, Subject
from gateway.mapping.fast.compiled import REFERENCE, RESOURCE, FastPlan, Generated, Known, Parts
from gateway.mapping.given import default_zone, missing_context, unit_facts
from gateway.mapping.loose import ODDITIES, Odd
from gateway.mapping.plan import Plan
from gateway.mapping.references import References
from gateway.mapping.scope import Fault, Scope, Seen, Spent, Work, current
from gateway.mapping.subjects import known_of
from gateway.mapping.unit import MAX_RESOURCES, orders_of

FEW: Final = 8
"""How many records take the short way at most: with more the state costs little, and a second attempt much."""

_UNUSUAL: Final = (*ODDITIES, Fault, FhirPathError, Spent, TooLarge)


def short_way(plan: Plan, fast: FastPlan | None) -> "ShortWay | None":
    """The short way of a mapping; None for one that has none: only records, and what comes before them, take it."""
    if fast is None or fast.record is None or plan.after:
        return None
    return ShortWay(plan, fast, fast.record)


class ShortWay(Struct, frozen=True, eq=False):
    """The short way of one mapping. Safe to use from several threads."""

    plan: Plan
    fast: FastPlan
    record: Generated

    def unit(
        self, payload: Decoded, records: list[Any], base: Mapping[str, Any], facts: Facts, work: Work
    ) -> MappedUnit | None:
        """The unit of the records; None where it is not told in short. `base` is what `base_facts` gives."""
        scope = Scope(work=work, rows=payload.rows, fill=payload.fill)
        token = current.set(scope)
        try:
            return self._unit(payload, records, base, facts, scope)
        except _UNUSUAL:
            return None
        finally:
            current.reset(token)

    def _unit(
        self, payload: Decoded, records: list[Any], base: Mapping[str, Any], facts: Facts, scope: Scope
    ) -> MappedUnit:
        plan, whole = self.plan, payload.bare
        focuses, path = (records, self.fast.records) if plan.subject.per_record else ([whole], ())
        subject = self._subject(focuses, base, scope, facts)
        variables = unit_facts(base, subject, records)
        if plan.context and missing_context(plan, variables):
            raise Odd
        study, env = str(facts.study["id"]), Seen(variables).env
        scope.zone = default_zone(plan, subject, variables, env)
        scope.ambiguous, scope.gap = plan.zone.ambiguous, plan.zone.gap
        scope.reference = References(plan, study, variables).to
        known = variables, scope, env, study
        made = self._before(whole, known) if plan.before else []
        of_rows = self.record.of_rows if scope.rows else None
        run = (of_rows or self.record.usual())(*known)
        for index, record in enumerate(records):
            variables["index"], done = index, scope.work.done
            try:
                made += run(record)
            except ODDITIES:
                variables["index"], scope.work.done = index, done
                made += self._in_general(record, known)
        references = dict.fromkeys(map(REFERENCE, made))
        if len(made) > MAX_RESOURCES or (scope.wanted and not scope.wanted <= references.keys()):
            raise Odd
        if len(references) < len(made):
            made = _once(made)
        place = Place(lambda: Positions(whole, payload.locate).at_path(focuses[0], path) or "payload")
        return MappedUnit(subject, place, len(records), tuple(map(RESOURCE, made)), (), orders_of(references, made))

    def _subject(self, focuses: list[Any], base: Mapping[str, Any], scope: Scope, facts: Facts) -> Subject:
        """The participant whom all of them name, and whom none contradicts; raises `Odd` where that is not so."""
        variables = {**base}
        env, subject = Seen(variables).env, None
        named: tuple[str, str] | None = None
        for focus in focuses:
            variables["record"] = focus
            found, told = self.fast.whose(focus, variables, scope, env)
            if subject is None:
                named, subject = found, facts.resolve(*found)
            if subject is None or found != named:
                raise Odd
            for name, text in told:
                if text is not None and (text.__class__ is not str or text != known_of(subject, name)):
                    raise Odd
        if subject is None:
            raise Odd
        return subject

    def _in_general(self, record: Any, known: Known) -> list[Parts]:
        """What the function for all data makes of a record; raises `Odd` where another one is to be asked first."""
        bind = None if known[1].rows else self.record.general()
        if bind is None:
            raise Odd
        return bind(*known)(record)

    def _before(self, whole: Any, known: Known) -> list[Parts]:
        """What the emits before the records make."""
        variables, scope, _, _ = known
        made: list[Parts] = []
        for emit, function in zip(self.plan.before, self.fast.before, strict=True):
            variables["item"] = variables["record"] = whole
            scope.made[emit.id] = []
            made += function.usual()(*known)(whole)
        return made


def _once(made: list[Parts]) -> list[Parts]:
    """The first that was made for each reference; raises `Odd` where another one differs."""
    kept: dict[str, Parts] = {}
    for new in made:
        if RESOURCE(kept.setdefault(REFERENCE(new), new)) != RESOURCE(new):
            raise Odd
    return [*kept.values()]
