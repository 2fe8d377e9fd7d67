"""What the terminology operations do not know, they ask of the server that is set, and tell it the least."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.errors import NotFound
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.rest.operation.declaration import Inputs
from gateway.rest.operation.terminology_inputs import or_asked
from gateway.rest.operations.expand import expanded
from gateway.rest.operations.lookup import looked_up
from gateway.rest.operations.subsumes import related
from gateway.rest.operations.validate_code import in_value_set
from gateway.terminology import LocalTerminology, Terminology
from tests.unit.terminology.test_fallback import SNOMED, Server, parameters

FINDINGS = "http://hl7.org/fhir/ValueSet/clinical-findings"
GENDER = "http://hl7.org/fhir/administrative-gender"


def inputs(**values: Any) -> Inputs:
    return Inputs({name.replace("_", "-"): [value] for name, value in values.items()})


Answer = Callable[[Inputs], Resource]
OPERATIONS: dict[str, tuple[tuple[str, ...], Answer, Inputs]] = {
    "CodeSystem/$lookup": (
        ("system", "code"),
        lambda given: looked_up(r4(), given, ""),
        inputs(system=SNOMED, code="22298006", property="*"),
    ),
    "CodeSystem/$subsumes": (
        ("system", "codeA", "codeB"),
        lambda given: related(r4(), given),
        inputs(system=SNOMED, codeA="22298006", codeB="404684003"),
    ),
    "ValueSet/$validate-code": (
        ("url", "system", "code"),
        lambda given: in_value_set(r4(), given, ""),
        inputs(url=FINDINGS, system="urn:nowhere", code="22298006", display="CANARY"),
    ),
    "ValueSet/$expand": (
        ("url", "count"),
        lambda given: expanded(r4(), given, ""),
        inputs(url="urn:nowhere", count=10),
    ),
}


def asked(name: str, terminology: Terminology, given: Inputs | None = None) -> Resource:
    names, answer, usual = OPERATIONS[name]
    question = given or usual
    return or_asked(terminology, question, name, names, lambda: answer(question))


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_not_here_is_asked(name: str) -> None:
    kind = "ValueSet" if name.endswith("expand") else "Parameters"
    server = Server({"resourceType": kind, "id": "of-the-server"})
    assert asked(name, server.terminology())["id"] == "of-the-server"
    [(path, sent)] = server.asked
    assert path == f"/r4/{name}"
    assert set(sent) == set(OPERATIONS[name][0])
    assert "CANARY" not in str(sent)


@pytest.mark.parametrize("name", ["CodeSystem/$lookup", "CodeSystem/$subsumes", "ValueSet/$expand"])
def test_without_an_answer_it_is_as_without_a_server(name: str) -> None:
    refusing = Server({"resourceType": "OperationOutcome"}, 404).terminology()
    strange = Server({"resourceType": "Patient"}).terminology()
    for terminology in (refusing, strange, LocalTerminology(r4())):
        with pytest.raises(NotFound):
            asked(name, terminology)


def test_what_is_here_is_not_asked() -> None:
    server = Server(parameters(result=False))
    found = asked("CodeSystem/$lookup", server.terminology(), inputs(system=GENDER, code="male"))
    assert found["parameter"]
    assert server.asked == []


def test_a_request_with_resources_of_its_own_is_not_asked() -> None:
    server = Server({"resourceType": "ValueSet"})
    own = {"resourceType": "ValueSet", "compose": {"include": [{"valueSet": ["urn:nowhere"]}]}}
    with pytest.raises(NotFound):
        asked("ValueSet/$expand", server.terminology(), inputs(url="urn:nowhere", tx_resource=own))
    assert server.asked == []
