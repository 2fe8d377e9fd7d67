"""What stands in meta names participants as anything else does; its codes are of no content."""

from gateway.access.placing.sayings import whose_and_what
from gateway.access.placing.subjects import participants
from gateway.core.types import Resource

PLAIN: Resource = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/one"}}
OTHER = {"url": "urn:x", "valueReference": {"reference": "Patient/other"}}


def test_a_participant_whom_meta_names_is_one() -> None:
    named: Resource = {**PLAIN, "meta": {"extension": [OTHER]}}
    assert whose_and_what(named)[0] == participants(named) == ("one", "other")
    assert whose_and_what(PLAIN)[0] == ("one",)


def test_codes_of_meta_are_no_content() -> None:
    tagged: Resource = {**PLAIN, "meta": {"tag": [{"system": "urn:tags", "code": "t"}]}}
    assert whose_and_what(tagged)[1] == whose_and_what(PLAIN)[1]
