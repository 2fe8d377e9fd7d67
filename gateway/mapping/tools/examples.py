"""The examples beside a mapping: `examples/<reason>/payload.*` goes in, `expected.json` and `issues.json` come out.

`envelope.json` is what came with the payload. The participants of the examples are made up: an identifier that ends
in `SSS-NNN`, where SSS is the site 101 (New York), 201 (Madrid) or 301 (Kolkata), is one of theirs; any other is
nobody's, which is how a participant who is not enrolled is shown.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources.abc import Traversable
from typing import Any, Final

import msgspec

from gateway.core import Issue, Resource, dumps, issue, loads
from gateway.core.errors import FhirError
from gateway.core.ids import sha256
from gateway.formats import Decoded, decode
from gateway.mapping.facts import Facts, Subject
from gateway.mapping.mapping import Mapping
from gateway.mapping.tools.compare import changes
from gateway.mapping.tools.selftest import issues_of

RECEIVED: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STUDY: Final = {"id": "hf-dct-01", "zone": "UTC"}

NAMES: Final = ("expected.json", "issues.json")

_ZONES: Final = {"101": "America/New_York", "201": "Europe/Madrid", "301": "Asia/Kolkata"}
_BIRTH_DATES: Final = {
    "101-001": "1957-03-14",
    "201-001": "1951-09-08",
    "301-001": "1955-08-19",
    "301-003": "1953-10-06",
}
_PERSON: Final = re.compile(r"(\d{3})-\d{3}\Z")


@dataclass(frozen=True, slots=True)
class Example:
    """What an example makes: the resources that may be stored, and all issues."""

    name: str
    resources: tuple[Resource, ...]
    issues: tuple[Issue, ...]

    @property
    def files(self) -> dict[str, str]:
        """The text of `expected.json` and `issues.json`; "" for none."""
        told = [{"severity": one.severity, "rule": one.rule, "source": one.source} for one in self.issues]
        return {
            "expected.json": as_text(self.resources) if self.resources else "",
            "issues.json": json.dumps(told, indent=2) + "\n" if told else "",
        }


def participant(system: str, value: str) -> Subject | None:
    """The made-up participant with this identifier; None for nobody."""
    found = _PERSON.search(value)
    if not found or found.group(1) not in _ZONES:
        return None
    site = found.group(1)
    facts = {"id": site, "zone": _ZONES[site]}
    return Subject(f"patient-{found.group()}", _ZONES[site], facts, _BIRTH_DATES.get(found.group()))


def cases(folder: Traversable) -> Iterator[Traversable]:
    """The folders of a mapping's examples, by name."""
    root = folder.joinpath("examples")
    if root.is_dir():
        found = (case for case in root.iterdir() if case.is_dir() and _payload(case) is not None)
        yield from sorted(found, key=lambda case: case.name)


def given(mapping: Mapping, case: Traversable) -> tuple[Decoded, Facts]:
    """The decoded payload of an example and what is known of it; raises `FhirError` where it cannot be decoded."""
    payload, envelope = _payload(case), case.joinpath("envelope.json")
    body = payload.read_bytes() if payload else b""
    told = json.loads(envelope.read_text("utf-8")) if envelope.is_file() else {}
    facts = Facts(STUDY, told, RECEIVED, sha256(body), participant)
    return decode(body, mapping.format, mapping.source.options), facts


def run_example(mapping: Mapping, case: Traversable) -> Example:
    """What the mapping makes of the example's payload."""
    try:
        decoded, facts = given(mapping, case)
    except FhirError as error:
        return Example(case.name, (), error.issues)
    if not mapping.takes(decoded.tree):
        return Example(case.name, (), (issue("mapping.no-match", tried=mapping.id),))
    mapped = mapping.map(decoded, facts)
    kept = tuple(resource for unit in mapped.units if not unit.blocked for resource in unit.resources)
    return Example(case.name, kept, issues_of(mapped))


def problems(example: Example, case: Traversable) -> list[str]:
    """How what an example makes differs from the files that lie beside it: elements and findings, no values."""
    found = []
    wanted = {name: case.joinpath(name).read_text("utf-8") if case.joinpath(name).is_file() else "" for name in NAMES}
    made = example.files
    if made["issues.json"] != wanted["issues.json"]:
        found += _issues_differ(*(json.loads(text or "[]") for text in (wanted["issues.json"], made["issues.json"])))
    if made["expected.json"] != wanted["expected.json"]:
        old: Any = loads(wanted["expected.json"].encode()) if wanted["expected.json"] else []
        found += [f"differs: {one.path}" for one in changes(old, example.resources)] or ["expected.json differs"]
    return found


def as_text(resources: tuple[Resource, ...]) -> str:
    """Resources as indented JSON that keeps every number's text."""
    return msgspec.json.format(dumps(list(resources)), indent=2).decode() + "\n"


def _issues_differ(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[str]:
    gone = [f"no issue {one['rule']} at {one['source']}" for one in old if one not in new]
    more = [f"unexpected issue {one['rule']} at {one['source']}" for one in new if one not in old]
    return gone + more or ["the issues come in another order, or another number of times"]


def _payload(case: Traversable) -> Traversable | None:
    found = [file for file in case.iterdir() if file.name.startswith("payload.")]
    return found[0] if len(found) == 1 else None
