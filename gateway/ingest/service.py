"""The use cases of ingest: receive, process, replay, resume."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from gateway.access import Door
from gateway.core.clock import Clock
from gateway.core.errors import Forbidden, NotFound, Unavailable, Unprocessable, UnsupportedMediaType
from gateway.core.ids import sha256
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.receipt import Counts, Payload, Receipt
from gateway.formats import FORMATS
from gateway.ingest.admission import Admission, Validates
from gateway.ingest.files import deliveries
from gateway.ingest.landing import Landing
from gateway.ingest.line import Line
from gateway.ingest.readiness import unknown_mappings
from gateway.ingest.tally import all_known, begin
from gateway.mapping import MappingRegistry
from gateway.study import Study

MAX_ATTEMPTS = 20
"""How often a payload whose process died is taken up again."""

BYTES_A_SECOND = 50_000
"""How fast a slow machine gets on, for how long a large payload is leased."""

LONGER = 10
"""How many times longer a receipt is leased that was left behind: its size is not known beforehand."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Which receipts to try again; "" does not restrict.

    By `receipt`: that one. By `mapping` (an id, or `id|version`): all that it has read, stored ones too, since a
    corrected mapping rewrites them. By `source` or `rule`, or without any: those with something in quarantine.
    """

    study: str
    receipt: str = ""
    source: str = ""
    rule: str = ""
    mapping: str = ""


class Ingest:
    """Payloads in, receipts out.

    `receive` makes the bytes durable, `process` brings them into the store; a process that dies between or within
    the two leaves a receipt that `resume` finishes. `doors` gives the door of a source's principal; `lease_seconds`
    is how long other processes keep off a receipt of a small payload that is being worked on. Raises `Unprocessable`
    when a study names a mapping that is not installed, or a FHIRPath expression that does not compile.
    """

    def __init__(
        self,
        landing: Landing,
        doors: Callable[[Principal], Door],
        registry: MappingRegistry,
        validator: Validates,
        studies: Mapping[str, Study],
        clock: Clock,
        *,
        lease_seconds: float = 30.0,
    ) -> None:
        missing = [found for study in studies.values() for found in unknown_mappings(study, registry)]
        if missing:
            raise Unprocessable(*missing)
        self._landing = landing
        self._registry = registry
        self._studies = studies
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._lines = {
            study.id: Line(study, landing, doors, registry, Admission(study, validator, clock), clock)
            for study in studies.values()
        }

    def payload(
        self,
        study: str,
        source: str,
        body: bytes,
        media_type: str,
        envelope: Mapping[str, str] | None = None,
        name: str = "",
    ) -> Payload:
        """A payload received now."""
        return Payload(study, source, body, media_type, self._clock(), dict(envelope or {}), name)

    def receive(self, payload: Payload, principal: Principal) -> Receipt:
        """Makes the payload durable and answers its receipt; status `known` when the same came before and was stored.

        Raises `NotFound` for an unknown study or source, `Forbidden` when the principal does not deliver the source,
        `UnsupportedMediaType` when none of the source's mappings reads such a type.
        """
        self._source_of(payload.study, payload.source)
        if (principal.study, principal.source) != (payload.study, payload.source):
            raise Forbidden(issue("ingest.not-your-source"))
        self._check_media_type(payload)
        digest = sha256(payload.body)
        first = self._duplicated(payload, digest)
        done = first is not None and first.status in ("stored", "known")
        receipt = Receipt(
            id=secrets.token_urlsafe(18),
            study=payload.study,
            source=payload.source,
            status="known" if done else "received",
            received=payload.received,
            sha256=digest,
            size=len(payload.body),
            media_type=payload.media_type,
            name=payload.name,
            mapping=first.mapping if first and done else "",
            counts=all_known(first.counts) if first and done else Counts(),
            duplicate_of=first.id if first else "",
        )
        seconds = self._lease_seconds + receipt.size / BYTES_A_SECOND
        self._landing.land(payload, receipt, None if done else self._clock() + timedelta(seconds=seconds))
        return receipt

    def process(self, receipt: Receipt) -> Receipt:
        """Brings a received payload into the store, unit by unit, and answers what became of it.

        A receipt that is finished already is answered as it is. Raises `Unavailable`, with the receipt given back
        for a later try, when a part that must not be skipped is not there.
        """
        return self._run(_started(receipt)) if receipt.status == "received" else receipt

    def bring(
        self, study: str, source: str, path: Path, envelope: Mapping[str, str], principal: Principal
    ) -> Iterator[tuple[Receipt, int]]:
        """Receives and processes a file, a large one in parts; a receipt for each, and the bytes of the file done.

        Raises as `receive` does, and `BadRequest` or `PayloadTooLarge` when a large file cannot be taken.
        """
        media_type = self.media_types(study, source)[0]
        known = [self._registry.get(name) for name in self._source_of(study, source)]
        formats = [(mapping.format, mapping.source.options) for mapping in known]
        for each in deliveries(path, formats):
            payload = self.payload(study, source, each.body, media_type, {**envelope, **each.facts}, each.name)
            yield self.process(self.receive(payload, principal)), each.done

    def receipt(self, id: str, principal: Principal) -> Receipt:
        """A receipt of the principal's study; a source sees its own only. Raises `NotFound`."""
        found = self._landing.receipt(principal.study, id)
        if found is None or (principal.source and principal.source != found.source):
            raise NotFound(issue("ingest.unknown-receipt"))
        return found

    def replay(self, wanted: Replay) -> list[Receipt]:
        """Tries the wanted receipts again, oldest first, and answers what became of each.

        Raises `NotFound` when the study or the receipt does not exist.
        """
        if wanted.study not in self._studies:
            raise NotFound(issue("ingest.unknown-study"))
        return [self._run(_started(receipt)) for receipt in self._wanted(wanted)]

    def resume(self, study: str | None = None) -> Iterator[Receipt]:
        """Finishes, one by one, the receipts that a process left behind, and those that wait no longer.

        Ends when there is none to take. One that took a process down with it each time is quarantined after
        `MAX_ATTEMPTS`.
        """
        for name in [study] if study else self._studies:
            while (receipt := self._landing.lease(name, self._clock(), self._lease_seconds * LONGER)) is not None:
                yield self._resumed(receipt)
            yield from self._released(name)

    def _released(self, study: str) -> Iterator[Receipt]:
        """The parked receipts whose wait is over, oldest first; what one brings may be what another waits for."""
        line, progress = self._lines[study], True
        while progress:
            progress = False
            for receipt in self._landing.receipts(study, status="parked"):
                if line.ready(receipt) and (done := self._run(_started(receipt))).status != "parked":
                    progress = True
                    yield done

    def _resumed(self, receipt: Receipt) -> Receipt:
        if receipt.attempts < MAX_ATTEMPTS:
            started = _started(receipt)
            self._landing.save(started)
            return self._run(started)
        found = issue("ingest.gave-up", limit=MAX_ATTEMPTS)
        finished = begin(receipt).quarantine(0, 0, [found]).onto(receipt, finished=True)
        self._landing.save(finished)
        return finished

    def media_types(self, study: str, source: str) -> tuple[str, ...]:
        """The media types that the source takes, best first; raises `NotFound`."""
        mappings = self._source_of(study, source)
        found = [kind for name in mappings for kind in FORMATS[self._registry.get(name).format].media_types]
        return tuple(dict.fromkeys(found))

    def _wanted(self, wanted: Replay) -> list[Receipt]:
        if wanted.receipt:
            found = self._landing.receipt(wanted.study, wanted.receipt)
            if found is None:
                raise NotFound(issue("ingest.unknown-receipt"))
            return [found]
        receipts = self._landing.receipts(
            wanted.study,
            source=wanted.source or None,
            rule=wanted.rule or None,
            mapping=wanted.mapping or None,
        )
        failed = ("quarantined", "partial", "parked")
        states = (*failed, "stored", "known") if wanted.mapping else failed
        return [receipt for receipt in receipts if receipt.status in states]

    def _run(self, receipt: Receipt) -> Receipt:
        try:
            return self._lines[receipt.study].process(receipt)
        except Unavailable:
            self._landing.release(receipt.study, receipt.id)
            raise

    def _source_of(self, study: str, source: str) -> tuple[str, ...]:
        found = self._studies.get(study)
        if found is None:
            raise NotFound(issue("ingest.unknown-study"))
        if source not in found.sources:
            raise NotFound(issue("ingest.unknown-source", known=", ".join(found.sources)))
        return found.sources[source].mappings

    def _check_media_type(self, payload: Payload) -> None:
        given = payload.media_type.partition(";")[0].strip().lower()
        known = self.media_types(payload.study, payload.source)
        if given not in known:
            raise UnsupportedMediaType(issue("ingest.media-type", known=", ".join(known)))

    def _duplicated(self, payload: Payload, digest: str) -> Receipt | None:
        """The first receipt of the same bytes with the same facts beside them.

        The same bytes for another participant are another payload.
        """
        first = self._landing.first_with(payload.study, payload.source, digest)
        if first is None or self._landing.payload(payload.study, first.id).envelope != payload.envelope:
            return None
        return first


def _started(receipt: Receipt) -> Receipt:
    return replace(receipt, status="received", attempts=receipt.attempts + 1)
