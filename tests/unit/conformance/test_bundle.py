"""Rules of Bundles, narratives and attachments."""

import base64
from typing import Any

from gateway.conformance import Validator
from gateway.core import Resource
from gateway.definitions import r4
from gateway.terminology import LocalTerminology

VALIDATOR = Validator(r4(), LocalTerminology(r4()))
BASE = "http://example.org/fhir/"


def errors(resource: Resource) -> list[tuple[str, str]]:
    return [
        (found.rule.removeprefix("conformance."), found.expression)
        for found in VALIDATOR.validate(resource)
        if found.blocks
    ]


def searchset(*entries: dict[str, Any]) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries)}


def test_search_results_have_ids_and_modes_that_fit() -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "code-invalid"}]}
    matched = {"fullUrl": BASE + "Patient/p", "resource": patient, "search": {"mode": "match"}}
    assert errors(searchset(matched, {"resource": outcome, "search": {"mode": "outcome"}})) == []
    found = {"fullUrl": "urn:uuid:0b3ba4a7-bc77-4b8f-9a7c-5b0d1f5a4a4a", "resource": {"resourceType": "Patient"}}
    assert errors(searchset({**found, "search": {"mode": "match"}})) == [("search-id", "Bundle.entry[0].resource")]
    assert errors(searchset({**matched, "search": {"mode": "outcome"}})) == [
        ("search-outcome", "Bundle.entry[0].resource")
    ]


def test_pages_belong_to_searches() -> None:
    bundle = searchset()
    bundle["link"] = [{"relation": "next", "url": BASE}]
    del bundle["entry"]
    assert errors(bundle) == []
    bundle["type"] = "collection"
    assert errors(bundle) == [("bundle-link", "Bundle.link[0].relation")]


def document(*references: str) -> Resource:
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "x"},
        "date": "2026-01-01",
        "author": [{"display": "x"}],
        "title": "x",
        "section": [{"title": "x", "entry": [{"reference": text} for text in references]}],
    }
    observations = [
        {"resourceType": "Observation", "id": "o", "meta": {"versionId": version}, "status": "final",
         "code": {"text": "x"}, "valueInteger": 1}
        for version in ("1", "2")
    ]  # fmt: skip
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:x", "value": "1"},
        "timestamp": "2026-01-01T00:00:00Z",
        "entry": [
            {"fullUrl": BASE + "Composition/c", "resource": composition},
            *({"fullUrl": BASE + "Observation/o", "resource": observation} for observation in observations),
        ],
    }


def test_references_of_a_document_lead_to_one_entry() -> None:
    place = "Bundle.entry[0].resource.section[0].entry[0]"
    assert ("reference-missing", place) in errors(document("Observation/other"))
    assert ("reference-ambiguous", place) in errors(document("Observation/o"))
    assert [found for found in errors(document("Composition/c")) if found[0].startswith("reference")] == []


def test_links_of_a_narrative_lead_somewhere() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p id="here">x</p><a href="#{}">x</a></div>'
    patient: Resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div.format("here")}}
    assert errors(patient) == []
    patient["text"]["div"] = div.format("nowhere")
    assert errors(patient) == [("narrative-link", "Patient.text.div")]
    patient["name"] = [{"id": "nowhere", "family": "x"}]
    assert errors(patient) == []


def test_the_size_of_an_attachment_is_that_of_its_data() -> None:
    photo = {"contentType": "image/png", "data": base64.b64encode(b"12345").decode(), "size": 5}
    assert errors({"resourceType": "Patient", "photo": [photo]}) == []
    photo["size"] = 6
    assert errors({"resourceType": "Patient", "photo": [photo]}) == [("attachment-size", "Patient.photo[0]")]
