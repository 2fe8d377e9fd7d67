"""The tests of the terminology ecosystem: $expand, $validate-code, $lookup, $translate.

`terminology` compares results, codes and parameters; `terminology-texts` the messages of those that have any.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import FhirError
from gateway.core.types import Resource
from gateway.definitions import Definitions, r4
from gateway.rest.discovery.terminology_capability import terminology_statement
from gateway.rest.operation.declaration import Inputs, Operation
from gateway.rest.operation.inputs import inputs_of_parameters
from gateway.rest.operations import expand, found_operations, lookup, translate, validate_code
from gateway.terminology.findings import outcome
from tests.compliance.official import folder
from tests.compliance.tx_template import differences, same_text, texts

NAME = "terminology"

Answer = Callable[[Definitions, Inputs, str], Resource]

OPERATIONS: dict[str, tuple[Operation, Answer]] = {
    "expand": (expand.OPERATIONS[0], expand.expanded),
    "validate-code": (validate_code.VALUE_SET, validate_code.in_value_set),
    "cs-validate-code": (validate_code.CODE_SYSTEM, validate_code.in_code_system),
    "batch-validate": (validate_code.BATCH, validate_code.in_batch),
    "lookup": (lookup.OPERATIONS[0], lookup.looked_up),
    "translate": (
        translate.OPERATIONS[0],
        lambda canonicals, inputs, _language: translate.translated(canonicals, inputs),
    ),
}


@dataclass(frozen=True)
class Case:
    """One test: what is asked, of which resources, and the templates of which one must fit."""

    name: str
    operation: str
    request: Resource
    language: str
    templates: list[Resource]
    refused: bool
    definitions: Definitions


class Setup:
    """The resources of a suite, as a source of definitions."""

    def __init__(self, resources: list[Resource]) -> None:
        self._resources = resources

    def find(self, url: str) -> list[Resource]:
        """The resources with this URL."""
        return [found for found in self._resources if found.get("url") == url]

    def all(self) -> Iterator[Resource]:
        """Every resource."""
        return iter(self._resources)

    def has(self, kind: str) -> bool:
        """True when a resource is of this kind."""
        return any(found["resourceType"] == kind for found in self._resources)


def _load(name: str) -> Any:
    return loads((folder("terminology") / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))


def cases() -> Iterator[Case]:
    """Every test."""
    for suite in _load("test-cases.json")["suites"]:
        definitions = Definitions.of(r4(), Setup([_load(name) for name in suite["setup"]]))
        for test in suite["tests"]:
            names = [test[key] for key in ("response", "response:flat") if key in test]
            yield Case(
                name=test["name"],
                operation=test["operation"],
                request=_load(test["request"]) if "request" in test else {},
                language=test.get("Accept-Language", ""),
                templates=[_load(name) for name in names if (folder("terminology") / name).is_file()],
                refused=test.get("http-code", "2xx").startswith("4"),
                definitions=definitions,
            )


def answer(case: Case) -> tuple[Resource, bool]:
    """What the operation answers, and whether it is a refusal."""
    if case.operation == "term-caps":
        return terminology_statement("http://gateway.test/fhir", found_operations()), False
    if case.operation not in OPERATIONS:
        return {}, False
    operation, function = OPERATIONS[case.operation]
    try:
        return function(case.definitions, inputs_of_parameters(operation, case.request), case.language), False
    except FhirError as error:
        return outcome(error.issues), True


def run() -> tuple[int, int, list[str]]:
    """Results, codes and parameters."""
    total, misses = 0, []
    for case in cases():
        total += 1
        given, refused = answer(case)
        # The statements of a server are asked for a minimum; what else they state is theirs.
        more = case.operation in ("metadata", "term-caps")
        found = [differences(template, given, more=more) for template in case.templates]
        problems = min(found, key=len) if refused == case.refused else ["refused" if refused else "not refused"]
        if problems and refused and not case.refused:
            problems = ["refused: " + "; ".join(texts(given))]
        if problems:
            misses.append(f"{case.name}: {'; '.join(problems[:3])}")
    return total - len(misses), total, misses


def run_texts() -> tuple[int, int, list[str]]:
    """Messages and texts of issues, word for word where the template has words."""
    total, misses = 0, []
    for case in cases():
        expected = texts(case.templates[0])
        if not expected:
            continue
        total += 1
        given = texts(answer(case)[0])
        wrong = [text for text in expected if not any(same_text(text, other) for other in given)]
        if wrong:
            misses.append(f"{case.name}: {wrong[0]!r} not in {given}")
    return total - len(misses), total, misses


SUITES = {NAME: run, "terminology-texts": run_texts}
