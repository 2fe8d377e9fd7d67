"""What an export is asked for, and how far it came: values that are kept as JSON."""

from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A kick-off that was accepted.

    `url` is the address as it was called. `types` are sorted. `filters` are search queries `Type?...`. `patients` are
    the ids to whose records the export is limited, None for everybody. `since` and `until` are instants as text, or
    "". `changed` are the patients whose Consents changed since `since`: all of theirs counts as changed. `scopes` and
    `token` are those of the caller. `ignored` names the parameters that a lenient kick-off left aside.
    `associated` is the preset of Provenance that goes with the rest, or "". `organized` is the type that files are
    ordered by, or "". `partial`: finished files may be told of while the rest is at work. `reached` are the types of
    other resources that filters ask, by chains and `_has`.
    """

    url: str
    types: tuple[str, ...]
    scopes: tuple[str, ...]
    token: str
    since: str = ""
    until: str = ""
    filters: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    patients: tuple[str, ...] | None = None
    ignored: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    associated: str = ""
    organized: str = ""
    partial: bool = False
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A finished file: what `step` of the plan wrote, `count` resources of a type; of any types when that is "".

    On the disk it is `<stem>.<standing>.ndjson`; `stem` is its own for ever, `standing` tells under which Consents it
    was written. One that `is_deleted` holds Bundles of what the client has to remove.
    """

    step: int
    type: str
    stem: str
    count: int
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How far an export came: `step` is at work, `last` is the id of the last resource in a finished file of it.

    `written` counts resources so far, `type` names the type at work, `reason` is the rule of a failure.
    """

    step: int = 0
    last: str = ""
    parts: tuple[Part, ...] = ()
    written: int = 0
    type: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One entry of the manifest."""

    type: str
    name: str
    count: int = field(default=0)


def encode(value: ExportRequest | State) -> bytes:
    """The value as JSON."""
    return msgspec.json.encode(value)


def request_of(text: bytes) -> ExportRequest:
    """The request that `encode` wrote."""
    return msgspec.json.decode(text, type=ExportRequest)


def state_of(text: bytes) -> State:
    """The state that `encode` wrote; the first one for b""."""
    return msgspec.json.decode(text, type=State) if text else State()
