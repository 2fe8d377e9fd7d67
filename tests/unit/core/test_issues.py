"""Issues carry their rule, place and hint into an OperationOutcome that R4 models accept."""

import pytest

from gateway.core import Issue, issue, operation_outcome
from gateway.core.issues import any_blocks
from gateway.core.models import to_model


def test_an_outcome_names_rule_place_and_hint() -> None:
    found = issue(
        "payload.too-deep", limit=200, expression="Observation.value", source="/a/0", mapping="mapping.yaml:3:1"
    )
    outcome = operation_outcome([found])
    (entry,) = outcome["issue"]
    assert entry["details"]["coding"][0]["code"] == "payload.too-deep"
    assert "200" in entry["details"]["text"]
    assert entry["expression"] == ["Observation.value"]
    assert {extension["valueString"] for extension in entry["extension"]} == {"/a/0", "mapping.yaml:3:1"}
    assert entry["diagnostics"] == found.hint
    to_model(outcome)


def test_no_issue_is_said_to_be_well() -> None:
    outcome = operation_outcome([])
    assert [entry["severity"] for entry in outcome["issue"]] == ["information"]
    to_model(outcome)


def test_an_unknown_rule_is_a_bug() -> None:
    with pytest.raises(KeyError):
        issue("payload.unheard-of")


def test_warnings_do_not_block() -> None:
    warning = Issue("warning", "value", "payload.number", "")
    assert not any_blocks([warning])
    assert any_blocks([warning, Issue("fatal", "value", "payload.number", "")])
