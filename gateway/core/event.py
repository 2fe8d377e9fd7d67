"""An auditable act: who did what to which resources, when, why, and whether it was permitted."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct


class Event(Struct, frozen=True, gc=False):
    """One line of the audit trail, shaped after IHE BALP (https://profiles.ihe.net/ITI/BALP/).

    `action` is C, R, U, D or E (execute, query); `operation` the FHIR interaction or gateway operation (`read`,
    `search`, `ingest`, `export`, `replay`, `token`); `outcome` `success` or `denied` or `failure`; `reason` the
    rule id of a denial or "". `targets` are references (`Observation/1`), at most 100; `count` how many resources
    were touched. Nothing in it is clinical data.

    `versions`, `before` and `after` go with `targets`, one each or none at all: the version that was served or made,
    and the SHA-256 (hex) of the bytes that a write replaced ("" for none) and of those that it made ("" for a
    deletion). `patients` are the ids of the participants whose data it is about, `consents` the versions of the
    Consents that permitted it (`Consent/1/_history/2`), as the store finds them when it writes the event. `why` is
    the reason that a person gave for a change, or for reading past the Consents, or "".

    `network` is the address that the request came from, `user` the person who logged in (`Practitioner/1`, or
    `subject:` and a digest), `query` what a search asked, without values that could name somebody; each "" where
    there is none, as in the events of older releases. `digest` is the `digest_of` all that was touched where that is
    more than `targets` name, else "".

    There is one for all that anybody reads, so it is a Struct of msgspec, which is made and encoded sooner than a
    dataclass; `msgspec.structs.replace` changes a copy.
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
    versions: tuple[int, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    why: str = ""
    network: str = ""
    user: str = ""
    query: str = ""
    digest: str = ""


class Seen(Struct, frozen=True, gc=False):
    """An event, and the (participant, domain) pairs that it is about, each once, as the statement that read the
    resources told them: the store need not look."""

    event: Event
    pairs: tuple[tuple[str, str], ...]

    @property
    def study(self) -> str:
        """The event's."""
        return self.event.study


Told: TypeAlias = Event | Seen
"""An event as it comes to the trail."""


BREAK_GLASS: Final = "BTG"
"""The purpose, of v3-ActReason, of who reads in an emergency past the Consents: no client is registered with it."""

MAX_TARGETS: Final = 100
"""How many references an event names at most; `count`, `patients` and `digest` tell of all."""


def versions_of(references: Sequence[str], versions: Sequence[int]) -> list[str]:
    """References with their versions, `Observation/1/_history/2`; without one where it is 0, or there are none."""
    if not versions:
        return list(references)
    pairs = zip(references, versions, strict=True)
    return [f"{one}/_history/{version}" if version else one for one, version in pairs]


def digest_of(touched: Iterable[str]) -> str:
    """SHA-256 (hex) of what `versions_of` tells, in whatever order: each once, sorted by its bytes, a line each."""
    lines = sorted(one.encode() for one in set(touched))
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


class AuditRow(Struct, frozen=True, gc=False):
    """One link of a study's audit chain as it is kept.

    `sequence` counts from 1 without gaps within the study and is set by the store, `at` is microseconds since the
    epoch, `event` the canonical JSON of the event, `digest` covers `event` and the digest of the row before.
    """

    study: str
    sequence: int
    at: int
    event: bytes
    digest: bytes
