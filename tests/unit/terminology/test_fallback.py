"""The terminology server: asked only what is open, remembered, and left alone when it fails."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.core import dumps, loads
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.settings import Settings
from gateway.terminology import LocalTerminology
from gateway.terminology.fallback import FallbackTerminology
from gateway.terminology.server import KEPT_SECONDS, PAUSE_SECONDS, TerminologyServer
from tests.architecture.sources import product_sources

SNOMED = "http://snomed.info/sct"
GENDER = "http://hl7.org/fhir/administrative-gender"
FINDINGS = "http://hl7.org/fhir/ValueSet/clinical-findings"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"


class Server:
    """A terminology server that answers with `answer`, and what it was asked."""

    def __init__(self, answer: Resource | bytes, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.now = 0.0

    def _handle(self, request: httpx.Request) -> httpx.Response:
        entries = loads(request.content)["parameter"]
        inputs = {entry["name"]: next(value for name, value in entry.items() if name != "name") for entry in entries}
        self.asked.append((request.url.path, inputs))
        body = self.answer if isinstance(self.answer, bytes) else dumps(self.answer)
        return httpx.Response(self.status, content=body)

    def terminology(self, handle: Callable[[httpx.Request], httpx.Response] | None = None) -> FallbackTerminology:
        """R4 with this server behind it."""
        transport = httpx.MockTransport(handle or self._handle)
        server = TerminologyServer("http://tx.test/r4/", clock=lambda: self.now, transport=transport)
        return FallbackTerminology(LocalTerminology(r4()), server.ask)


def parameters(**values: Any) -> Resource:
    entries = [
        {"name": name, "valueBoolean" if isinstance(v, bool) else "valueString": v} for name, v in values.items()
    ]
    return {"resourceType": "Parameters", "parameter": entries}


def test_what_is_known_here_is_never_asked() -> None:
    server = Server(parameters(result=False))
    terminology = server.terminology()
    assert terminology.validate_code(GENDER, "male", GENDERS).result is True
    assert terminology.validate_code(GENDER, "man", GENDERS).result is False
    assert terminology.validate_code(None, "404684003", FINDINGS).result is None
    assert terminology.lookup(GENDER, "male") is not None
    assert terminology.subsumes(GENDER, "male", "female") == "not-subsumed"
    assert server.asked == []


def test_what_is_open_is_asked_once() -> None:
    server = Server(parameters(result=True, display="Clinical finding"))
    terminology = server.terminology()
    for _ in range(2):
        check = terminology.validate_code(SNOMED, "404684003", FINDINGS)
        assert (check.result, check.display) == (True, "Clinical finding")
    inputs = {"url": FINDINGS, "system": SNOMED, "code": "404684003"}
    assert server.asked == [("/r4/ValueSet/$validate-code", inputs)]
    server.now = KEPT_SECONDS + 1
    terminology.validate_code(SNOMED, "404684003", FINDINGS)
    assert len(server.asked) == 2


def test_lookup_subsumes_and_expand() -> None:
    concept = Server(parameters(display="Disorder")).terminology().lookup(SNOMED, "64572001")
    assert concept is not None
    assert concept.display == "Disorder"
    subsumed = Server(parameters(outcome="subsumes")).terminology().subsumes(SNOMED, "404684003", "64572001")
    assert subsumed == "subsumes"
    expansion = {"total": 1, "contains": [{"system": SNOMED, "code": "64572001", "display": "Disorder"}]}
    found = Server({"resourceType": "ValueSet", "expansion": expansion}).terminology().expand(FINDINGS)
    assert found is not None
    assert [coding.code for coding in found.codings] == ["64572001"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (parameters(result=True), 500),
        (parameters(result=True), 302),
        (parameters(result=True), 401),
        (b"<html>", 200),
        (b"[" * 100_000, 200),
        (b'"text"', 200),
    ],
)
def test_a_server_that_fails_leaves_the_question_open_and_is_left_alone(
    answer: Resource | bytes, status: int
) -> None:
    server = Server(answer, status)
    terminology = server.terminology()
    for code in ("1", "2", "3"):
        assert terminology.validate_code(SNOMED, code, FINDINGS).result is None
    assert len(server.asked) == 1
    server.now = PAUSE_SECONDS + 1
    assert terminology.validate_code(SNOMED, "4", FINDINGS).result is None
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"parameter": 3},
        {"parameter": [{"name": "result", "valueString": "true"}]},
        {"resourceType": "OperationOutcome", "issue": []},
        parameters(result=False)
        | {"parameter": [{"name": "result", "valueBoolean": False}, {"name": "x-unknown-system"}]},
    ],
)
def test_strange_answers_leave_the_question_open(answer: Resource) -> None:
    assert Server(answer).terminology().validate_code(SNOMED, "1", FINDINGS).result is None


def test_a_slow_server_leaves_the_question_open() -> None:
    def slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    assert Server({}).terminology(slow).validate_code(SNOMED, "1", FINDINGS).result is None


def test_there_is_no_server_unless_one_is_set() -> None:
    from gateway.app import engines

    assert isinstance(engines(Settings()).terminology, LocalTerminology)
    asked = engines(Settings(terminology_url="https://tx.example.org/r4")).terminology
    assert isinstance(asked, FallbackTerminology)
    with pytest.raises(ValueError, match="http"):
        Settings(terminology_url="tx.example.org")


def test_no_engine_knows_the_server() -> None:
    importers = [path.name for path in product_sources() if "terminology.server import" in path.read_text("utf-8")]
    assert importers == ["app.py"]
