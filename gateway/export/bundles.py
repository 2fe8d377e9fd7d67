"""Writes what a reader may take along as FHIR Bundles: one a type, or one a participant, and a manifest over them.

Bundles are written entry by entry, so that memory does not grow with them. See https://hl7.org/fhir/R4/bundle.html.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from gateway.access import Door
from gateway.core.codec import dumps
from gateway.core.instants import format_instant
from gateway.export.bulk.plan import PATIENT, of_patients
from gateway.export.deidentify import Deidentifier
from gateway.export.deidentify.order import in_order_of_content
from gateway.export.files import whole_file
from gateway.export.folders import Manifest, Output, Progress, earlier
from gateway.search import Parameters, Query

Form = Literal["collection", "searchset", "participants"]
"""One Bundle a type as a collection or a searchset; or a collection for each participant."""

FORMS: Final[dict[str, Form]] = {form: form for form in get_args(Form)}

_OWN: Final = re.compile(r"(?:[A-Z][A-Za-z]+|participant-[0-9]{5,})\.bundle\.json\Z")


class _Known(msgspec.Struct):
    resourceType: str  # noqa: N815
    id: str = ""


_KNOWN = msgspec.json.Decoder(_Known)


@dataclass(frozen=True, slots=True)
class Bundles:
    """Exports through one door; `base` is the root of the entries' addresses, `at` when it was asked for."""

    door: Door
    parameters: Parameters
    base: str
    at: datetime
    progress: Progress | None = None
    deidentifier: Deidentifier | None = None

    def export(self, folder: Path, types: Sequence[str], form: Form) -> Manifest:
        """Writes `<Type>.bundle.json`, or `participant-00001.bundle.json`, then `manifest.json`.

        Files and folder are kept as `gateway.export.export` keeps them. By participant, what is in nobody's record is
        left out, and the reader needs the right to Patients. Raises as `export` does.
        """
        before = earlier(folder, lambda name: _OWN.match(name) is not None)
        kinds = sorted(set(types), key=lambda kind: (kind != PATIENT, kind))
        made = self._participants(folder, kinds) if form == "participants" else self._types(folder, kinds, form)
        outputs = tuple(made)
        policy = self.deidentifier.policy.name if self.deidentifier else ""
        manifest = Manifest(
            self.door.principal.study, self.at, tuple(output for output in outputs if output.count), policy
        )
        manifest.publish(folder, before | {output.name for output in outputs})
        return manifest

    def _types(self, folder: Path, kinds: Sequence[str], form: Form) -> Iterator[Output]:
        for kind in kinds:
            bodies = self._bodies(kind, kind, 0)
            if self.deidentifier:  # whose order would tell what was taken out: see `Deidentifier.apply_batches`
                lines = in_order_of_content(body + b"\n" for body in bodies)
                bodies = (body for some, _ in lines for body in some.split(b"\n")[:-1])
            yield self._written(folder, f"{kind}.bundle.json", bodies, form)

    def _participants(self, folder: Path, kinds: Sequence[str]) -> Iterator[Output]:
        """Named by numbers: a file's name tells nobody's id."""
        counts = dict.fromkeys(kinds, 0)
        patients = (stored.key.id for stored in self.door.stream(PATIENT))
        for number, patient in enumerate(patients, 1):
            yield self._written(
                folder, f"participant-{number:05}.bundle.json", self._record(patient, counts), "collection"
            )

    def _record(self, patient: str, counts: dict[str, int]) -> Iterator[bytes]:
        for kind in counts:
            clauses = of_patients(kind, (patient,), self.parameters)
            if clauses is not None:
                for body in self._bodies(kind, Query(kind, clauses), counts[kind]):
                    counts[kind] += 1
                    yield body

    def _bodies(self, kind: str, query: Query | str, count: int) -> Iterator[bytes]:
        """The bodies that leave; told are those of the type so far."""
        for batch in self.door.batches(query):
            for body in batch.bodies:
                left = self.deidentifier.apply_body(body) if self.deidentifier else body
                if left is not None:
                    count += 1
                    yield left
            if self.progress:
                self.progress(kind, count)

    def _written(self, folder: Path, name: str, bodies: Iterable[bytes], form: Form) -> Output:
        digest, count = hashlib.sha256(), 0

        def write(data: bytes) -> None:
            file.write(data)
            digest.update(data)

        kind = "searchset" if form == "searchset" else "collection"
        with whole_file(folder / name) as part, part.open("wb") as file:
            head = {"resourceType": "Bundle", "type": kind, "timestamp": format_instant(self.at)}
            write(dumps(head)[:-1])
            for count, body in enumerate(bodies, 1):
                write(b',"entry":[' if count == 1 else b",")
                write(self._entry(body, form))
            tail = b"]" if count else b""
            total = b',"total":%d' % count if form == "searchset" else b""
            write(tail + total + b"}\n")
        return Output("Bundle", name, count, digest.hexdigest())

    def _entry(self, body: bytes, form: Form) -> bytes:
        known = _KNOWN.decode(body)
        url = f"{self.base}/{known.resourceType}/{known.id}" if known.id else ""
        search = b',"search":{"mode":"match"}' if form == "searchset" else b""
        full = b'"fullUrl":' + dumps(url) + b"," if url else b""
        return b"{" + full + b'"resource":' + body + search + b"}"
