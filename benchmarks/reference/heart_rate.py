"""The heart-rate job written by hand: decode, build the dicts, encode, insert the rows; one transaction a payload.

It makes the same resources and as many rows in the same tables as the gateway does, with the same durability
(write-ahead log, `synchronous=FULL`). It checks nothing: no schema, no validation, no Consent, no lineage.
"""

import hashlib
import itertools
import json
import sqlite3
import struct
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import msgspec

CATEGORY_SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"
CATEGORY = [{"coding": [{"system": CATEGORY_SYSTEM, "code": "vital-signs", "display": "Vital Signs"}]}]
CODE = {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "Heart rate"}
META = {"profile": ["http://hl7.org/fhir/StructureDefinition/heartrate"]}
decoder = msgspec.json.Decoder(float_hook=Decimal)
encoder = msgspec.json.Encoder(decimal_format="number")
SUBJECT, DEVICE, VALUE, UNIT, FACET = 101, 102, 103, 104, 105
"""Hashes of parameters, of the unit, and of the set of common values: all the samples have the same."""
UNORDERED = -(2**62)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 (as a script would say it)


def digest(*parts: str) -> str:
    """The hex id of a key."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def term(*parts: str) -> int:
    """The 64-bit hash of an index value."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest(), "big", signed=True)


def observation(point: dict[str, object], patient: str, device: str) -> tuple[dict[str, object], int]:
    """The Observation of a point, and its instant in microseconds."""
    rate = point["heartRate"]
    at = rate["sampleTime"]["physicalTime"]  # type: ignore[index]
    instant = datetime.fromisoformat(at)
    offset = timedelta(seconds=int(rate["sampleTime"]["utcOffset"][:-1]))  # type: ignore[index]
    name = point["dataSource"]["device"]["displayName"]  # type: ignore[index]
    resource = {
        "resourceType": "Observation",
        "id": digest("hf-dct-01", "heart-rate", "point", patient, "8867-4", at, name),
        "meta": META,
        "status": "final",
        "category": CATEGORY,
        "code": CODE,
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": instant.astimezone(timezone(offset)).isoformat(),
        "valueQuantity": {
            "value": Decimal(rate["beatsPerMinute"]),  # type: ignore[index]
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        "device": {"reference": f"Device/{device}"},
    }
    return resource, (instant - EPOCH) // timedelta(microseconds=1)


class Script:
    """An open database file with the given schema (the statements of another database's `sqlite_master`)."""

    def __init__(self, path: Path, schema: list[str]) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768", "mmap_size=268435456"):
            self.connection.execute(f"PRAGMA {pragma}")
        for statement in schema:
            self.connection.execute(statement)
        self.keys = itertools.count(time.time_ns() // 1000 << 8)
        self.known: set[str] = set()

    def ingest(self, body: bytes, patient: str) -> None:
        """One payload: the raw bytes first, then everything else in one transaction."""
        study, now = "hf-dct-01", time.time_ns() // 1000
        sha, receipt = hashlib.sha256(body).hexdigest(), digest("receipt", str(now))
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("INSERT OR IGNORE INTO payload VALUES (?, ?, ?)", (study, sha, body))
        execute("INSERT INTO receipt (study, id, source, status, received, sha256, size, media_type, name, envelope, "
                "mapping, counts, issues, duplicate_of, attempts, leased_until) "
                "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (study, receipt, "google-health", "received", now, sha, len(body), "application/json", "", b"{}", "",
                 b"{}", b"[]", "", 0, 0))  # fmt: skip
        execute("COMMIT")
        points = decoder.decode(body)["dataPoints"]
        device = digest(study, "device", patient, "Charge 6")
        resources = [observation(point, patient, device) for point in points]
        execute("BEGIN IMMEDIATE")
        self._write(study, now, patient, resources)
        self._write_device_and_provenance(study, now, patient, device, [found["id"] for found, _ in resources], sha)
        execute("UPDATE receipt SET status = 'stored', counts = ? WHERE study = ? AND id = ?",
                (json.dumps({"created": len(resources)}).encode(), study, receipt))  # fmt: skip
        execute("COMMIT")

    def _write(self, study: str, now: int, patient: str, resources: list[tuple[dict[str, object], int]]) -> None:
        heads, versions, terms, references, numbers = [], [], [], [], []
        about, subject, device = self._hashes(patient, resources[0][0])
        for resource, at in resources:
            row = next(self.keys)
            until, key = at + 1_000_000, f"Observation/{resource['id']}"
            body = encoder.encode(
                {**resource, "meta": {**META, "versionId": "1", "lastUpdated": "2026-11-21T00:00:00.000Z"}}
            )
            content = hashlib.blake2b(body, digest_size=16).digest()
            entries = struct.pack("<6q", at, about, subject, device, SUBJECT, DEVICE)
            heads.append((study, "Observation", row, resource["id"], 1, now, False, 2, patient, "wearable", at, until,
                          UNORDERED, at, until, FACET, term(key)))  # fmt: skip
            versions.append((study, row, 1, now, False, 2, patient, "wearable", at, until, content, entries, body))
            terms += [(study, about, at, row), (study, subject, at, row), (study, device, at, row)]
            target = str(resource["device"]["reference"]).partition("/")[2]  # type: ignore[index]
            references += [(study, row, SUBJECT, "Patient", patient), (study, row, DEVICE, "Device", target)]
            rate = float(resource["valueQuantity"]["value"])  # type: ignore[index]
            numbers.append((study, row, VALUE, rate, rate, UNIT, 0, rate / 60, rate / 60))
        self._insert(heads, versions, terms, references, numbers)

    def _hashes(self, patient: str, resource: dict[str, object]) -> tuple[int, int, int]:
        subject = term(f"Patient/{patient}")
        device = term(str(resource["device"]["reference"]))  # type: ignore[index]
        return subject ^ FACET, subject ^ SUBJECT, device ^ DEVICE

    def _insert(  # type: ignore[type-arg]
        self, heads: list, versions: list, terms: list, references: list, numbers: list
    ) -> None:
        many = self.connection.executemany
        many("INSERT INTO resource (study, type, pk, id, version, updated, deleted, level, subject, domain, low, "
             "high, ordered, at, until, facet, reference) "
             "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", heads)  # fmt: skip
        many("INSERT INTO version (study, pk, version, updated, deleted, level, subject, domain, low, high, digest, "
             "entries, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", versions)  # fmt: skip
        many("INSERT INTO search_term (study, hash, at, pk) VALUES (?,?,?,?)", sorted(terms))
        many("INSERT INTO search_reference (study, pk, hash, type, id) VALUES (?,?,?,?,?)", sorted(references))
        many("INSERT INTO search_number (study, pk, hash, low, high, unit, part, canonical_low, canonical_high) "
             "VALUES (?,?,?,?,?,?,?,?,?)", sorted(numbers))  # fmt: skip

    def _write_device_and_provenance(
        self, study: str, now: int, patient: str, device: str, ids: list[object], sha: str
    ) -> None:
        targets = [{"reference": f"Observation/{key}/_history/1"} for key in ids]
        made = [{"resourceType": "Provenance", "id": digest("provenance", sha),
                 "recorded": "2026-11-21T00:00:00.000Z", "target": targets}]  # fmt: skip
        if device not in self.known:
            self.known.add(device)
            made.append({"resourceType": "Device", "id": device, "manufacturer": "Google",
                         "deviceName": [{"name": "Charge 6", "type": "model-name"}],
                         "patient": {"reference": f"Patient/{patient}"}})  # fmt: skip
        for resource in made:
            row, body = next(self.keys), encoder.encode(resource)
            kind = str(resource["resourceType"])
            places = (-(2**62), 2**62)
            head = (study, kind, row, resource["id"], 1, now, False, 2, patient, "wearable", *places, UNORDERED,
                    *places, term(kind), term(f"{kind}/{resource['id']}"))  # fmt: skip
            version = (study, row, 1, now, False, 2, patient, "wearable", *places, b"", b"", body)
            leads = [f"Observation/{key}" for key in ids] if kind == "Provenance" else [f"Patient/{patient}"]
            self._insert(
                [head],
                [version],
                [(study, term(kind, target), places[0], row) for target in leads],
                [(study, row, SUBJECT, *target.split("/")) for target in leads],
                [],
            )
