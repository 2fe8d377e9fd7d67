"""Official validator cases: the outcome (valid or not) of each step, and the places of the expected errors.

Steps that need a package that is not here are left out. As in the HL7 validator's own runs, unknown extensions are
refused, but those of the example domains (unless a case's options say otherwise) and of domains that a case allows.
A step passes when we find errors if, and only if, the HL7
validator found some.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.conformance import Validator
from gateway.core import FhirError, Issue, loads
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology
from tests.compliance.fhir_xml import to_json
from tests.compliance.official import folder


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case: what was found, and what was to be found."""

    name: str
    valid: bool
    expressions: tuple[str, ...]
    issues: tuple[Issue, ...]

    @property
    def passed(self) -> bool:
        """True when the outcome is the expected one."""
        return self.valid != any(found.blocks for found in self.issues)


def _read(file: Path) -> Any:
    return to_json(file.read_bytes(), r4()) if file.suffix == ".xml" else loads(file.read_bytes())


class Shelf:
    """The resources that come with a case, as one more source of definitions."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self._resources = [found for found in resources if isinstance(found.get("url"), str)]

    def find(self, url: str) -> list[dict[str, Any]]:
        return [found for found in self._resources if found["url"] == url]

    def all(self) -> Iterator[dict[str, Any]]:
        yield from self._resources

    def has(self, kind: str) -> bool:
        return True


EXAMPLES = ("http://example.org", "https://example.org", "http://acme.com", "http://www.acme.com", "http://nema.org")
PACKAGE = "http://hl7.org/fhir/"
"""Extensions of the HL7 extensions package, which that validator always loads and which is not here."""
STRICT = (
    "conformance.code-unknown",
    "conformance.display",
    "conformance.extension-part",
    "conformance.full-url-id",
    "conformance.identifier-uri",
)
"""Errors to that validator, and warnings to us unless asked otherwise: official examples break some of them."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _validate(
    data: bytes, files: list[Path], profiles: list[str], allowed: tuple[str, ...], options: dict[str, Any]
) -> tuple[Issue, ...]:
    try:
        resource = loads(data)
    except FhirError as refused:
        return refused.issues
    definitions = Definitions.of(r4(), Shelf([_read(file) for file in files]))
    terminology = LocalTerminology(definitions)
    contained = options.get("validateContains") != "IGNORE"
    validator = Validator(
        definitions, terminology, extensions="known", allowed=allowed, strict=STRICT, contained=contained
    )
    return tuple(validator.validate(resource, profiles, now=NOW))


def _steps(case: dict[str, Any], files: Path) -> Iterator[Step]:
    data = (files / case["file"]).read_bytes()
    options = case["opts"]
    domain = options.get("allowed-extension-domain")
    allowed = (PACKAGE, *(EXAMPLES if options.get("examples") is not False else ()), *([domain] if domain else []))
    names = (*case["supporting"], *case["profiles"], *options.get("supporting5", ()))
    supporting = [files / name for name in names if (files / name).is_file()]
    if case["expect"] is not None:
        yield _step(case["name"], case["expect"], _validate(data, supporting, [], allowed, options))
    step = case["profile_step"]
    if step is None or case["expect_profile"] is None or step.get("packages"):
        return
    source = files / step["source"]
    if not source.is_file():
        return
    profile = _read(source)
    more = [source, *(files / name for name in step["supporting"] or ())]
    found = _validate(data, supporting + more, [profile["url"]], allowed, options)
    yield _step(f"{case['name']}+profile", case["expect_profile"], found)


def _step(name: str, expect: dict[str, Any], issues: tuple[Issue, ...]) -> Step:
    expressions = tuple(text for error in expect["errors"] for text in error["expr"])
    return Step(name, expect["valid"], expressions, issues)


def steps() -> list[Step]:
    """Every step that can be run here."""
    root = folder("validator")
    cases = json.loads((root / "cases.json").read_bytes())
    return [step for case in cases if not case["packages"] for step in _steps(case, root / "files")]


def _plain(expression: str) -> str:
    """Without the comments that name resources, `resource/*Patient/1*/.name`."""
    return re.sub(r"/\*.*?\*/", "", expression).rstrip(".")


def outcomes() -> tuple[int, int, list[str]]:
    """Valid or not, as expected."""
    found = steps()
    misses = [
        f"{step.name}: " + (_first_errors(step) if step.valid else "accepted") for step in found if not step.passed
    ]
    return len(found) - len(misses), len(found), misses


def _first_errors(step: Step) -> str:
    return "refused, " + "; ".join(f"{one.rule} {one.expression}" for one in step.issues if one.blocks)


def locations() -> tuple[int, int, list[str]]:
    """The element of each expected error is named by one of our errors."""
    total, misses = 0, []
    for step in steps():
        ours = {found.expression for found in step.issues if found.blocks}
        for expression in step.expressions:
            total += 1
            if _plain(expression) not in ours:
                misses.append(f"{step.name}: {_plain(expression)}")
    return total - len(misses), total, misses


SUITES = {"validator": outcomes, "validator-locations": locations}
