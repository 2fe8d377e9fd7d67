"""One study's line from a landed payload to stored resources: read, check, commit unit by unit, settle."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.access import Door, Write
from gateway.core.clock import Clock
from gateway.core.errors import FhirError, NotFound, Unavailable
from gateway.core.instants import format_instant, parse_interval
from gateway.core.issues import Issue, any_blocks, issue
from gateway.core.principal import Principal
from gateway.core.receipt import Receipt
from gateway.core.resources import Committed
from gateway.core.types import Resource
from gateway.ingest.admission import Admission
from gateway.ingest.drift import Watch
from gateway.ingest.facts import StoredFacts
from gateway.ingest.landing import Landing
from gateway.ingest.parking import Awaited, waits
from gateway.ingest.provenance import provenances
from gateway.ingest.reading import Reading, read
from gateway.ingest.subjects import Subjects
from gateway.ingest.tally import Tally, begin
from gateway.mapping import MappedUnit, MappingRegistry
from gateway.mapping.assets import Asset
from gateway.study import Study


@dataclass(frozen=True, slots=True)
class Work:
    """One unit to commit: its position among the payload's units, and its issues, none of which blocks.

    `makers` are those of the reading.
    """

    index: int
    unit: MappedUnit
    issues: tuple[Issue, ...]
    last: bool
    makers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What the payloads of one study pass through."""

    study: Study
    landing: Landing
    doors: Callable[[Principal], Door]
    registry: MappingRegistry
    admission: Admission
    clock: Clock
    watch: Watch = field(default_factory=Watch)
    awaited: dict[str, Awaited] = field(default_factory=dict)

    def process(self, receipt: Receipt) -> Receipt:
        """The finished receipt: each unit of the payload is in the store, or in quarantine, whole.

        A failure that nobody foresaw keeps out the unit, or the payload, and is told by the type of the error alone,
        since its text may hold data. `Unavailable` is passed on.
        """
        awaited = Awaited()
        reading = self.read(receipt, watch=self.watch, awaited=awaited)
        receipt = replace(receipt, mapping=reading.mapping)
        tally, saved = _opening(receipt, reading), False
        for index, (unit, issues) in enumerate(self._checked(receipt, reading, awaited)):
            if any_blocks(issues):
                tally = self._keep_out(receipt, tally, unit, issues)
            elif not unit.resources:
                tally = tally.store(unit.records, (), issues)
            else:
                work = Work(index, unit, issues, index == len(reading.units) - 1, reading.makers)
                tally, saved = self._commit(receipt, tally, work)
        finished = tally.onto(receipt, finished=True)
        if not saved:
            self.landing.save(finished)
        self.awaited.pop(receipt.id, None)
        if finished.status == "parked":
            self.awaited[receipt.id] = awaited
        return finished

    def ready(self, receipt: Receipt) -> bool:
        """Whether a parked receipt is worth another try: something that it waits for has come, or its time is over.

        A receipt that another process parked is tried once, to learn what it waits for.
        """
        awaited = self.awaited.get(receipt.id)
        if awaited is None or self.clock() >= self._until(receipt):
            return True
        try:
            return awaited.has_come(Subjects(self.study, self._door(receipt)), self._stored(receipt))
        except Unavailable:
            raise
        except FhirError:
            return True

    def _keep_out(self, receipt: Receipt, tally: Tally, unit: MappedUnit, issues: tuple[Issue, ...]) -> Tally:
        """The tally with a unit that waits, where it may, or is in quarantine."""
        until = self._until(receipt)
        if not waits(issues) or self.clock() >= until:
            return tally.quarantine(unit.records, len(unit.resources), issues)
        told = () if tally.parked else (issue("ingest.parked", source=unit.label, until=format_instant(until)),)
        return tally.park(unit.records, len(unit.resources), (*issues, *told))

    def _until(self, receipt: Receipt) -> datetime:
        return receipt.received + timedelta(days=self.study.parking.days)

    def _stored(self, receipt: Receipt) -> StoredFacts:
        return StoredFacts.of_writer(self.doors, self.study.principal_of(receipt.source))

    def read(
        self, receipt: Receipt, *, trace: bool = False, watch: Watch | None = None, awaited: Awaited | None = None
    ) -> Reading:
        """What the payload of a receipt says, read with the study's mappings of today.

        `awaited` is told which participants are not known.
        """
        payload = self.landing.payload(receipt.study, receipt.id)
        try:
            subjects = Subjects(self.study, self._door(receipt))
            found = read(payload, receipt.sha256, self.study, self.registry, subjects, trace=trace, watch=watch)
            if awaited is not None:
                awaited.identifiers = subjects.unknown
            return found
        except Unavailable:
            raise
        except FhirError as error:
            return Reading("", issues=error.issues)
        except Exception as error:
            return Reading("", issues=(_internal(error, "reading"),))

    def _door(self, receipt: Receipt) -> Door:
        if receipt.source not in self.study.sources:
            raise NotFound(issue("ingest.unknown-source", known=", ".join(self.study.sources)))
        return self.doors(self.study.principal_of(receipt.source))

    def _checked(
        self, receipt: Receipt, reading: Reading, awaited: Awaited
    ) -> Iterator[tuple[MappedUnit, tuple[Issue, ...]]]:
        """Each unit with its issues; where the study takes payloads whole, one that is refused refuses the others."""
        if not reading.units:
            return
        stored = self._stored(receipt)
        if self.study.validation.policy != "reject":
            yield from ((unit, self._check(unit, stored, awaited)) for unit in reading.units)
            return
        checked = [(unit, self._check(unit, stored, awaited)) for unit in reading.units]
        refused = [issues for _, issues in checked if any_blocks(issues)]
        parks = self.clock() < self._until(receipt)
        healing = parks and all(map(waits, refused))
        rule = "ingest.others-wait" if healing else "ingest.payload-rejected"
        for unit, issues in checked:
            sound = not any_blocks(issues) or (parks and not healing and waits(issues))
            yield unit, (*issues, *((issue(rule),) if refused and sound else ()))

    def _check(self, unit: MappedUnit, stored: StoredFacts, awaited: Awaited) -> tuple[Issue, ...]:
        """The unit's own issues, then those of its resources; one without a payload position gets the unit's."""
        if any_blocks(unit.issues):
            return unit.issues
        found = list(unit.issues)
        try:
            for resource in unit.resources:
                found += [
                    replace(entry, source=entry.source or unit.label)
                    for entry in self.admission.check(resource, unit.resources, stored=stored)
                ]
            if self.study.parking.days:
                found += awaited.missing(unit, self.study.profiles, stored)
        except Exception as error:
            found.append(_internal(error, "checking"))
        return tuple(found)

    def _assets(self, mapping: str) -> tuple[Asset, ...]:
        return self.registry.get(mapping.partition("|")[0]).assets

    def _commit(self, receipt: Receipt, tally: Tally, work: Work) -> tuple[Tally, bool]:
        """The tally after one unit, and whether its transaction has settled the receipt for good."""
        unit, now = work.unit, self.clock()

        def accompany(committed: tuple[Committed, ...]) -> tuple[Resource, ...]:
            return provenances(receipt, work.index, committed, now, self._assets, work.makers)

        def settle(committed: tuple[Committed, ...]) -> Receipt:
            return _stored(tally, work, committed).onto(receipt, finished=work.last)

        try:
            committed = self._door(receipt).commit(_writes(unit), accompany=accompany, settle=settle)
        except Unavailable:
            raise
        except FhirError as error:
            refused = error.issues
        except Exception as error:
            refused = (_internal(error, "storing"),)
        else:
            return _stored(tally, work, committed), work.last
        located = tuple(replace(entry, source=entry.source or unit.label) for entry in refused)
        return tally.quarantine(unit.records, len(unit.resources), (*work.issues, *located)), False


def _writes(unit: MappedUnit) -> list[Write]:
    """The resources of a unit, those of messages that have an order with it."""
    found = []
    for resource in unit.resources:
        order = unit.orders.get(f"{resource['resourceType']}/{resource['id']}")
        instant = parse_interval(order) if order else None
        found.append(Write(resource, order=instant.low if instant else None))
    return found


def _stored(tally: Tally, work: Work, committed: tuple[Committed, ...]) -> Tally:
    """The tally with a unit that is in the store; what newer messages said before stays and is told."""
    older = sum(entry.outcome == "superseded" for entry in committed)
    told = (issue("ingest.superseded", source=work.unit.label, count=older),) if older else ()
    return tally.store(work.unit.records, committed, (*work.issues, *told))


def _opening(receipt: Receipt, reading: Reading) -> Tally:
    tally = begin(receipt)
    if any_blocks(reading.issues):
        return tally.quarantine(0, 0, reading.issues)
    if not reading.units:
        return replace(tally, issues=(*reading.issues, issue("ingest.no-records")))
    made = any(unit.resources or unit.issues for unit in reading.units)
    count = sum(unit.records for unit in reading.units)
    told = () if made or reading.issues else (issue("ingest.nothing-made", count=count),)
    return replace(tally, issues=(*reading.issues, *told))


def _internal(error: Exception, where: str) -> Issue:
    return issue("ingest.internal", error=type(error).__name__, where=where)
