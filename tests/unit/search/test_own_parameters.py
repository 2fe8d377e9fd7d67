"""SearchParameters of a study's folder: found, searched by, replaced, and told when they cannot be compiled."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import BadRequest
from gateway.definitions import Definitions, r4
from gateway.search import Parameters, extract, matches, parse
from gateway.search.query import StringEntry

URL = "https://study.example/SearchParameter/"


def parameter(code: str, kind: str, expression: str, base: str = "Patient", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "url": URL + code,
        "name": code,
        "status": "active",
        "code": code,
        "base": [base],
        "type": kind,
        "expression": expression,
        **more,
    }


def loaded(folder: Path, *resources: dict[str, Any]) -> Parameters:
    for number, resource in enumerate(resources):
        (folder / f"SearchParameter-{number}.json").write_text(json.dumps(resource))
    return Parameters(Definitions.load(folder))


ARM = {"url": "https://study.example/arm", "valueCode": "placebo"}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "extension": [ARM],
    "name": [{"given": ["Ann"]}],
    "contact": [{"name": {"family": "Kin"}}],
}


def test_an_extension_is_searched_by_its_value(tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("arm", "token", "Patient.extension('https://study.example/arm')"))
    query = parse("Patient", [("arm", "placebo"), ("arm:not", "active")], own)
    assert matches(query, PATIENT, own)
    assert not matches(query, {**PATIENT, "extension": []}, own)


@pytest.mark.parametrize(
    ("kind", "expression", "text"),
    [
        ("string", "Patient.contact.name", "kin"),
        ("string", "Patient.name.given.first()", "ann"),
        ("number", "Patient.name.given.count()", "1"),
        ("token", "Patient.contact.exists()", "true"),
        ("string", "Patient.name.select(given.first() + '')", "ann"),
        ("token", "Patient.name.given[0].upper()", "ANN"),
    ],
)
def test_any_expression_may_be_searched_by(kind: str, expression: str, text: str, tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("own", kind, expression))
    assert matches(parse("Patient", [("own", text)], own), PATIENT, own)
    assert not matches(parse("Patient", [("own", "77")], own), PATIENT, own)


def test_a_reference_without_targets_may_lead_anywhere(tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("sponsor", "reference", "Patient.managingOrganization"))
    patient = {**PATIENT, "managingOrganization": {"reference": "Organization/o"}}
    assert matches(parse("Patient", [("sponsor", "o")], own), patient, own)
    organisation = {"resourceType": "Organization", "id": "o", "name": "Acme"}
    chained = parse("Patient", [("sponsor:Organization.name", "acme")], own)
    assert matches(chained, patient, own, [organisation])


def test_one_with_a_known_code_replaces_that_of_r4(tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("family", "string", "Patient.contact.name.family"))
    assert [one for one in extract(PATIENT, own) if one.parameter == "family"][1:] == [
        StringEntry("family", "kin", "Kin")
    ]


def test_a_wrong_expression_is_told_and_searches_by_it_are_refused(tmp_path: Path) -> None:
    own = loaded(
        tmp_path, parameter("bad", "string", "Patient.nothing.here("), parameter("odd", "string", "Patient.nam")
    )
    assert own.faults() == [("Patient", "bad"), ("Patient", "odd")]
    with pytest.raises(BadRequest) as refused:
        parse("Patient", [("bad", "a")], own)
    assert [found.rule for found in refused.value.issues] == ["search.unknown-parameter"]
    extract(PATIENT, own)


def test_an_expression_that_fails_on_a_resource_finds_nothing(tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("one", "string", "Patient.name.single().given"))
    assert [one for one in extract({**PATIENT, "name": [{"given": ["a"]}, {"given": ["b"]}]}, own)
            if one.parameter == "one"] == []  # fmt: skip


def test_the_digest_tells_sets_apart(tmp_path: Path) -> None:
    own = loaded(tmp_path, parameter("arm", "token", "Patient.extension('https://study.example/arm')"))
    digests = {own.digest, Parameters(r4()).digest, Parameters(r4(), without=["_content"]).digest}
    assert len(digests) == 3
    assert Parameters(r4()).digest == Parameters(Definitions.load()).digest
