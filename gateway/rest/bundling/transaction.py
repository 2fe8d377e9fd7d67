"""The writes of a transaction as one plan: deletions, creations, then updates and patches, all or nothing.

Resources are judged before the transaction begins, since others wait for it. In it, what each entry comes to be is
settled by its conditions; then references among the entries are rewritten, and at last those that are searches.
See https://hl7.org/fhir/R4/http.html#trules.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

from msgspec import Struct

from gateway.access import Delete, Door, Finder, Result, Step, Write
from gateway.core.errors import BadRequest, FhirError
from gateway.core.issues import Issue, issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.bundling.conditional import Outcome
from gateway.rest.bundling.entries import Entry
from gateway.rest.bundling.references import References, Texts
from gateway.rest.bundling.writes import Planned, planned
from gateway.rest.parts import Parts
from gateway.rest.writing.conditions import criteria, lock_of
from gateway.rest.writing.judging import Judge
from gateway.rest.writing.steps import ATTEMPTS
from gateway.search import Query
from gateway.search.query import ReferenceClause
from gateway.study import Study

UNKNOWN = "unknown"
"""Stands for an id that is not known before the transaction begins; it is never written."""

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2}


class Done(Struct, frozen=True):
    """What became of an entry, and the warnings about its resource."""

    result: Result
    issues: Sequence[Issue]


def run(parts: Parts, judge: Judge, study: Study, door: Door, entries: Sequence[Entry]) -> dict[int, Done]:
    """Writes what the entries ask, in one transaction; index of the entry -> what became of it.

    Raises `FhirError` with the place of the entry that is refused; then nothing is written.
    """
    writes = [planned(parts, study, judge, entry) for entry in entries if not entry.is_read]
    writes.sort(key=lambda one: _ORDER[one.entry.method])
    for kind, letter in dict.fromkeys((one.type, one.letter) for one in writes):
        door.require_write(kind, letter)
    transaction = _Writing(parts, judge, study, writes)
    transaction.begin()
    attempts = 1 if any(one.names_version for one in writes) else ATTEMPTS
    results = door.transact(transaction.plan, "transaction", action="E", locks=transaction.locks, attempts=attempts)
    left, found = iter(results), transaction.issues
    return {
        one.entry.index: Done(next(left), found.get(one.entry.index, ()))
        if count == 1
        else _of_several(sum(1 for _ in islice(left, count)))
        for one, count in zip(writes, transaction.counts, strict=True)
    }


def _of_several(count: int) -> Done:
    """What became of an entry that deleted none, or several: their number is told."""
    return Done(None, [issue("rest.deleted", count=count)] if count else [])


class _Writing:
    """The plan of one transaction."""

    def __init__(self, parts: Parts, judge: Judge, study: Study, writes: Sequence[Planned]) -> None:
        self._parts = parts
        self._judge = judge
        self._study = study
        self._writes = writes
        self._conditions: dict[str, Query] = {}
        self._references = {
            one.entry.index: References(one.resource or one.entry.resource or {}, one.entry.full_url)
            for one in writes
        }
        with _Place() as place:
            for one in writes:
                for _, text in self._references[one.entry.index].searches:
                    place.at(one.entry)
                    self._condition(text)
        self._ready: dict[int, Resource] = {}
        self.issues: dict[int, Sequence[Issue]] = {}
        self.counts: Sequence[int] = ()
        self.locks = tuple(
            lock_of(query) for query in (*self._conditions.values(), *(one.where for one in writes)) if query
        )

    def begin(self) -> None:
        """Does what depends on nothing that is stored, before anybody has to wait: above all, judges.

        What a condition will find is not known yet; its type is, and that is what a judgement depends on.
        """
        _refuse_repeated(self._writes, [one.identity for one in self._writes])
        _refuse_repeated(self._writes, [_condition_of(one) for one in self._writes])
        _refuse_entries_in_conditions(self._writes)
        base = self._parts.fhir_base(self._study.id)
        texts = Texts(
            _known(self._writes, [one.identity or f"{one.type}/{UNKNOWN}" for one in self._writes]), _unknown, base
        )
        ready = {
            one.entry.index: self._references[one.entry.index].write(one.resource, texts)
            for one in self._writes
            if one.resource is not None
        }
        around = tuple(ready.values())
        with _Place() as place:
            for one in self._writes:
                made = ready.get(one.entry.index)
                if made is not None:
                    place.at(one.entry, made["resourceType"])
                    self.issues[one.entry.index] = self._judge.require(made, around)
        if all(one.identity for one in self._writes):  # then what an entry comes to be is known already
            self._ready = ready

    def plan(self, find: Finder) -> Sequence[Step]:
        """The steps, references rewritten."""
        steps: list[tuple[Planned, Step]] = []
        counts = []
        with _Place() as place:
            for one in self._writes:
                place.at(one.entry)
                made = one.make(find)
                counts.append(len(made))
                steps += [(one, step) for step in made]
        self.counts = counts
        writes, identities = [one for one, _ in steps], [_identity(one, step) for one, step in steps]
        _refuse_repeated(writes, identities)
        texts = Texts(_known(writes, identities), _unknown, self._parts.fhir_base(self._study.id))
        settled = [self._settled(one, step, texts) for one, step in steps]
        done = [step for step, _ in settled]
        waiting = [(one.entry, found) for one, (_, found) in zip(writes, settled, strict=True) if found]
        if waiting:
            self._resolve(waiting, Outcome(find, self._parts.parameters.of_study(self._study.id), done))
        return done

    def _settled(self, one: Planned, step: Step, texts: Texts) -> tuple[Step, References | None]:
        """The step with its references to other entries written, and where those with a condition are, if any."""
        if not isinstance(step, Write):
            return step, None
        ready, references = self._ready.get(one.entry.index), self._references[one.entry.index]
        if ready is None:
            if one.resource is None:  # what a patch makes is known now
                references = References(step.resource, one.entry.full_url)
            ready = references.write(step.resource, texts)
        step = Write(ready, step.if_match, step.order, step.is_new, step.letter, references.outline)
        return step, references if references.searches else None

    def _resolve(self, waiting: Sequence[tuple[Entry, References]], outcome: Outcome) -> None:
        """Writes the references that have a condition, in place."""
        found = cache(lambda text: outcome.the_one(self._condition(text)))
        with _Place() as place:
            for entry, references in waiting:
                place.at(entry)
                references.settle(found)

    def _condition(self, text: str) -> Query:
        if text not in self._conditions:
            kind, _, query = text.partition("?")
            self._conditions[text] = criteria(self._parts, self._study.id, kind, query)
        return self._conditions[text]


def _unknown(text: str) -> str:
    """A reference of the type that a conditional reference names."""
    return f"{text.partition('?')[0]}/{UNKNOWN}"


def _identity(one: Planned, step: Step) -> str:
    """`Type/id` of what the step is about; "" when that is nothing."""
    if isinstance(step, Write):
        return f"{step.resource['resourceType']}/{step.resource['id']}"
    if isinstance(step, Delete):
        return f"{step.type}/{step.id}"
    return step.key.reference if isinstance(step, Stored) else one.identity


def _known(writes: Sequence[Planned], identities: Sequence[str]) -> dict[str, str]:
    """fullUrl -> `Type/id`; raises `BadRequest` when two entries have the same."""
    found: dict[str, str] = {}
    for one, identity in zip(writes, identities, strict=True):
        if one.entry.full_url and one.entry.method in ("POST", "PUT"):
            if one.entry.full_url in found:
                raise BadRequest(issue("rest.bundle-repeated", expression=f"{one.entry.place}.fullUrl"))
            found[one.entry.full_url] = identity
    return found


def _refuse_repeated(writes: Sequence[Planned], identities: Sequence[str]) -> None:
    """Raises `BadRequest` when two entries write the same resource: their order would decide."""
    seen: set[str] = set()
    for one, identity in zip(writes, identities, strict=True):
        if identity and identity in seen:
            raise BadRequest(issue("rest.bundle-repeated", expression=one.entry.place))
        seen.add(identity)


def _condition_of(one: Planned) -> str:
    """The condition under which an entry creates; "" without one. Two that have the same would create two."""
    return lock_of(one.where) if one.where and one.entry.method in ("POST", "PUT") else ""


def _refuse_entries_in_conditions(writes: Sequence[Planned]) -> None:
    """Raises `BadRequest` for a condition that asks for an entry by its URN: it would find nothing, ever."""
    known = {one.entry.full_url for one in writes if one.entry.full_url.startswith("urn:")}
    for one in writes:
        for clause in one.where.clauses if one.where else ():
            if isinstance(clause, ReferenceClause) and not known.isdisjoint(clause.targets):
                raise BadRequest(issue("rest.condition-entry", expression=one.entry.place))


class _Place:
    """Tells in the issues of a refusal which entry it is about: the one that was named last, if any."""

    __slots__ = ("_entry", "_type")

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._type = ""

    def at(self, entry: Entry, type_name: str = "") -> None:
        """From here on it is about this entry, with a resource of this type."""
        self._entry = entry
        self._type = type_name

    def __enter__(self) -> "_Place":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        entry = self._entry
        if entry is not None and isinstance(error, FhirError):
            places = (replace(found, expression=_place(entry, found, self._type)) for found in error.issues)
            raise type(error)(*places) from None


def _place(entry: Entry, found: Issue, type_name: str) -> str:
    if found.expression.startswith("Bundle."):
        return found.expression
    if type_name and found.expression.startswith(type_name):
        return f"{entry.place}.resource{found.expression.removeprefix(type_name)}"
    return entry.place
