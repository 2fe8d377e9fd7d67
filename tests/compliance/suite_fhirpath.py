"""The official FHIRPath suite for R4: `run()` gives (passed, total, misses).

Each test is compiled with the resource type of its input as base. See the suite's own notes for its attributes.
"""

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from gateway.conformance import Validator
from gateway.core import loads
from gateway.definitions import r4
from gateway.fhirpath import Env, FhirPathError, Quantity, Temporal, compile
from gateway.fhirpath.runtime import type_info
from gateway.terminology import LocalTerminology
from tests.compliance.official import folder

NAME = "fhirpath-r4"
NAME_OF_DATA = "fhirpath"
NOW = datetime(2026, 6, 29, 22, 0, 5, tzinfo=UTC)


def run() -> tuple[int, int, list[str]]:
    """Passed, total and one line for each miss; raises FileNotFoundError where the suite is missing."""
    tree = ElementTree.parse(folder(NAME_OF_DATA) / "tests-fhir-r4.xml").getroot()
    tests = [test for group in tree.findall("group") for test in group.findall("test")]
    misses = [f"{test.get('name')}: {found}" for test in tests if (found := miss(test))]
    return len(tests) - len(misses), len(tests), misses


def miss(test: ElementTree.Element) -> str:
    """Why a test fails; empty when it passes."""
    node = test.find("expression")
    if node is None:
        return "no expression"
    text = node.text or ""
    must_fail = node.get("invalid") is not None
    try:
        found = _evaluate(test, text)
    except FhirPathError as error:
        return "" if must_fail else f"{text!r} raised {error.rule} ({error.message})"
    if must_fail:
        return f"{text!r} must fail ({node.get('invalid')}) and gave {found!r}"
    return _compare(test, found)


def _evaluate(test: ElementTree.Element, text: str) -> list[Any]:
    name = test.get("inputfile")
    if not name:
        return compile(text).evaluate({}, Env(now=NOW))
    resource = loads((folder(NAME_OF_DATA) / "input" / name).with_suffix(".json").read_bytes())
    env = _validator().environment(resource, now=NOW)
    return compile(text, base=resource["resourceType"]).evaluate(resource, env)


@cache
def _validator() -> Validator:
    return Validator(r4(), LocalTerminology(r4()))


def _compare(test: ElementTree.Element, found: list[Any]) -> str:
    wanted = [(node.get("type"), node.text or "") for node in test.findall("output")]
    if test.get("predicate") == "true":
        found = [bool(found)]
    texts = [_text(value) for value in found]
    expected = [text.removeprefix("@").removeprefix("T") if kind != "string" else text for kind, text in wanted]
    if test.get("ordered") == "false":
        texts, expected = sorted(texts), sorted(expected)
    same = len(texts) == len(expected) and all(map(_same, texts, expected, [kind for kind, _ in wanted]))
    return "" if same else f"expected {expected}, found {texts}"


def _same(found: str, expected: str, kind: str | None) -> bool:
    if kind in ("decimal", "integer"):
        return Decimal(found) == Decimal(expected)
    return found == expected


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Temporal | Quantity | int | str):
        return str(value)
    return str(type_info(value)["name"])
