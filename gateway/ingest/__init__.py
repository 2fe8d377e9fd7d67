"""Payloads in: durable first, then decoded, mapped, checked and stored; what became of each is its receipt.

`Ingest.receive` lands the bytes and answers a receipt, `process` brings them into the store one unit (one subject,
one transaction) at a time, with Provenance. What fails is quarantined whole and tried again by `replay`; what a dead
process left is finished by `resume`. Resources are written through a Door whose principal is the source.
Start with `service.Ingest`.
"""

from gateway.ingest.enrolment import enrol
from gateway.ingest.landing import Landing
from gateway.ingest.readiness import readiness
from gateway.ingest.reading import Reading, choose, read
from gateway.ingest.service import Ingest, Replay

__all__ = ["Ingest", "Landing", "Reading", "Replay", "choose", "enrol", "read", "readiness"]
