"""Looking into landed payloads: where a stored value came from, and what another mapping would change.

A payload is participants' data: each look is on record before a byte of it is read, or does not happen. Who looks
is a client of the study whose scopes let it read every type; what it is told of stored resources is what its door
shows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from msgspec import structs

from gateway.access import Door, Page
from gateway.auth import scope_allows
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.event import Event
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.receipt import Receipt
from gateway.core.resources import Stored
from gateway.formats import Decoded, decode
from gateway.ingest.landing import Landing
from gateway.ingest.reading import Reading, declared, read
from gateway.ingest.subjects import Subjects
from gateway.mapping import Mapping, MappingRegistry, part_of
from gateway.search import Parameters, parse
from gateway.study import Study

RECEIPT = "urn:trial-fhir-gateway:receipt"

EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class Landed:
    """A payload that was looked at; `decoded` is None where the mapping's format does not read it."""

    receipt: Receipt
    decoded: Decoded | None
    reading: Reading = field(default_factory=lambda: Reading(""))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one client of a study may see of its landed payloads.

    `doors` gives the door of a principal, `record` writes an audit event durably or raises `Unavailable`.
    """

    study: Study
    principal: Principal
    landing: Landing
    doors: Callable[[Principal], Door]
    registry: MappingRegistry
    parameters: Parameters
    record: Callable[[Event], None]
    clock: Clock

    def read(self, reference: str) -> Stored:
        """The stored resource `Type/id`, or its version `Type/id/_history/n`, as the client's door shows it.

        Raises as the door does, and `NotFound` for a version that is no number.
        """
        plain, _, version = reference.partition("/_history/")
        kind, _, identity = plain.partition("/")
        if version and not (version.isascii() and version.isdigit() and len(version) < 10):
            raise NotFound(issue("auth.not-found"))
        return self.doors(self.principal).read(kind, identity, int(version) if version else None)

    def receipt_of(self, reference: str) -> Receipt:
        """The receipt of the payload that wrote the current version of `Type/id`, or that of `Type/id/_history/n`.

        Raises `NotFound` where no payload did, else as the door does.
        """
        unversioned = reference.partition("/_history/")[0]
        wanted = f"{unversioned}/_history/{self.read(reference).version}"
        for row in self._written_with(unversioned):
            provenance = loads(row.body)
            if any(target.get("reference") == wanted for target in provenance.get("target", ())):
                names = [entity["what"].get("identifier", {}) for entity in provenance.get("entity", ())]
                named = next((name["value"] for name in names if name.get("system") == RECEIPT), "")
                found = self.landing.receipt(self.study.id, named)
                if found is not None:
                    return found
        raise NotFound(issue("ingest.unknown-receipt"))

    def trace(self, receipt: Receipt, reference: str = "") -> Reading:
        """Reads a landed payload again with today's mappings, telling where each element came from."""
        self._look("explain", receipt, reference)
        return self._read(receipt, self.registry, trace=True)

    def payloads(self, mapping: Mapping, operation: str) -> Iterator[Landed]:
        """The payloads that any version of the mapping has read, oldest first, read and traced with this one.

        Raises `Forbidden`, on record, for who may not read every type.
        """
        for receipt in self._receipts(mapping, operation):
            self._look(operation, receipt)
            registry, others = MappingRegistry((mapping,)), self._others(receipt, mapping)
            reading = self._read(receipt, registry, trace=True, others=others)
            yield Landed(receipt, self._decode(receipt, mapping, others), reading)

    def pairs(self, old: Mapping, new: Mapping, operation: str) -> Iterator[tuple[Receipt, Reading, Reading]]:
        """What either mapping makes of the payloads that any version of the old one has read, oldest first."""
        registries = MappingRegistry((old,)), MappingRegistry((new,))
        for receipt in self._receipts(old, operation):
            self._look(operation, receipt)
            others = self._others(receipt, old)
            before, after = (self._read(receipt, registry, others=others) for registry in registries)
            yield receipt, before, after

    def _receipts(self, mapping: Mapping, operation: str) -> list[Receipt]:
        self._require_all(operation)
        return self.landing.receipts(self.study.id, mapping=mapping.id)

    def _others(self, receipt: Receipt, mapping: Mapping) -> frozenset[str]:
        """The members of the payload that other mappings read; what it was landed for tells."""
        names = {found.partition("|")[0] for found in receipt.mapping.split(",")} - {mapping.id}
        known = [other for other in self.registry.all() if other.id in names]
        return frozenset(member for other in known for member in other.source.members)

    def _read(
        self,
        receipt: Receipt,
        registry: MappingRegistry,
        *,
        trace: bool = False,
        others: frozenset[str] = frozenset(),
    ) -> Reading:
        source = self.study.sources.get(receipt.source)
        if source is None:
            return Reading("", issues=(issue("ingest.unknown-source", known=", ".join(self.study.sources)),))
        known = {mapping.id for mapping in registry.all()}
        allowed = tuple(name for name in source.mappings if name in known) or tuple(sorted(known))
        study = replace(self.study, sources={**self.study.sources, source.key: replace(source, mappings=allowed)})
        subjects = Subjects(self.study, self.doors(self.study.principal_of(receipt.source)))
        payload = self.landing.payload(receipt.study, receipt.id)
        return read(payload, receipt.sha256, study, registry, subjects, trace=trace, others=others)

    def _decode(self, receipt: Receipt, mapping: Mapping, others: frozenset[str]) -> Decoded | None:
        try:
            payload = self.landing.payload(receipt.study, receipt.id)
            options = {**declared(payload), **mapping.source.options}
            return part_of(mapping, decode(payload.body, mapping.format, options), others).decoded
        except FhirError:
            return None

    def _written_with(self, reference: str) -> Iterator[Stored]:
        """The Provenances of a resource's versions, as far as the client sees them."""
        query, door = parse("Provenance", [("target", reference)], self.parameters), self.doors(self.principal)
        page = Page(100)
        while True:
            found = door.search(query, page)
            yield from found.rows
            if found.next is None:
                return
            page = Page(100, found.next)

    def _require_all(self, operation: str) -> None:
        """A payload may hold whatever the study takes: who reads payloads may read every type."""
        if not scope_allows(self.principal.scopes, EVERY_TYPE, "r"):
            error = Forbidden(issue("auth.scope", interaction="read", type=EVERY_TYPE))
            self.record(structs.replace(self._event(operation), outcome="denied", reason=error.issues[0].rule))
            raise error

    def _look(self, operation: str, receipt: Receipt, reference: str = "") -> None:
        self._require_all(operation)
        targets = tuple(filter(None, (reference, f"{RECEIPT}:{receipt.id}")))
        self.record(structs.replace(self._event(operation), targets=targets, count=1))

    def _event(self, operation: str) -> Event:
        who = self.principal
        return Event(
            at=self.clock(),
            study=self.study.id,
            action="R",
            operation=operation,
            outcome="success",
            client=who.client,
            organisation=who.organisation,
            role=who.role,
            purpose=who.purpose,
            token=who.token,
        )
