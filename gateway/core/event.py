"""An auditable act: who did what to which resources, when, why, and whether it was permitted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail, shaped after IHE BALP (https://profiles.ihe.net/ITI/BALP/).

    `action` is C, R, U, D or E (execute, query); `operation` the FHIR interaction or gateway operation (`read`,
    `search`, `ingest`, `export`, `replay`, `token`); `outcome` `success` or `denied` or `failure`; `reason` the
    rule id of a denial or "". `targets` are references (`Observation/1`), at most 100; `count` how many resources
    were touched. Nothing in it is clinical data.
    """

    at: datetime
    study: str
    action: Literal["C", "R", "U", "D", "E"]
    operation: str
    outcome: Literal["success", "denied", "failure"]
    client: str
    organisation: str
    role: str
    purpose: str
    token: str = ""
    reason: str = ""
    targets: tuple[str, ...] = ()
    count: int = 0
    request: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One link of a study's audit chain as it is kept.

    `sequence` counts from 1 without gaps within the study and is set by the store, `at` is microseconds since the
    epoch, `event` the canonical JSON of the event, `digest` covers `event` and the digest of the row before.
    """

    study: str
    sequence: int
    at: int
    event: bytes
    digest: bytes
