"""A kick-off's parameters, and the searches that an export comes to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.core.export_job import ExportJob
from gateway.definitions import r4
from gateway.export.bulk.kickoff import Asked, Level, Offer, filter_reader, read_kickoff
from gateway.export.bulk.plan import PATIENTS_AT_ONCE, steps_of
from gateway.export.bulk.request import ExportRequest, State, encode, request_of, state_of
from gateway.search import Parameters
from gateway.terminology import LocalTerminology

PARAMETERS = Parameters(r4())
READ = filter_reader(PARAMETERS, "http://gateway.test/fhir", LocalTerminology(r4()))
TYPES = frozenset({"Observation", "Patient", "Location"})
NOW = datetime(2026, 6, 1, tzinfo=UTC)
REQUEST = ExportRequest("http://gateway.test/fhir/$export", ("Observation",), ("system/*.rs",), "")


def read(*pairs: tuple[str, str], level: Level = "system", posted: bool = False, lenient: bool = False) -> Asked:
    return read_kickoff(pairs, Offer(level, TYPES, posted, lenient, lambda text: READ(text, 0)))


def steps(request: ExportRequest) -> int:
    job = ExportJob("s", "j", "c", "running", NOW, NOW + timedelta(days=1), encode(request))
    return len(steps_of(job, request, PARAMETERS, READ))


def test_commas_part_searches_and_not_their_values() -> None:
    text = "Observation?category=a,b,Patient?gender=male,female,Observation?status=final"
    expected = ("Observation?category=a,b", "Patient?gender=male,female", "Observation?status=final")
    assert read(("_typeFilter", text)).filters == expected


def test_types_come_in_one_text_or_several() -> None:
    assert read(("_type", "Patient, Observation"), ("_type", "Patient")).types == ("Patient", "Observation")
    assert read().types is None


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadRequest) as error:
        read(("_since", "x"), ("_until", "x"), ("_outputFormat", "csv"), ("_elements", "1"), ("other", "y"))
    assert len(error.value.issues) == 5


@given(
    st.lists(st.tuples(st.sampled_from(["_type", "_since", "_typeFilter", "_elements", "patient", "x"]), st.text()))
)
def test_whatever_is_sent_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    for lenient in (True, False):
        try:
            asked = read(*pairs, level="Patient", posted=True, lenient=lenient)
        except BadRequest as error:
            assert error.issues
        else:
            assert set(asked.types or ()) <= TYPES
            request = asked.request("u", asked.types or ("Patient",), asked.patients, (), "")
            assert request_of(encode(request)) == request


def test_many_patients_are_asked_for_in_groups() -> None:
    people = tuple(f"p{number}" for number in range(2 * PATIENTS_AT_ONCE + 1))
    assert steps(REQUEST) == 1
    assert steps(replace(REQUEST, patients=people)) == 3
    assert steps(replace(REQUEST, patients=())) == 0
    assert steps(replace(REQUEST, patients=people, types=("Location", "Patient"))) == 3  # no Location is a patient's
    assert steps(replace(REQUEST, patients=people, filters=("Observation?status=final", "Observation?code=x"))) == 6


def test_who_changed_a_consent_is_asked_for_from_the_beginning() -> None:
    assert steps(replace(REQUEST, since="2026-01-01T00:00:00Z")) == 1
    assert steps(replace(REQUEST, since="2026-01-01T00:00:00Z", changed=("p1", "p2"))) == 2
    assert steps(replace(REQUEST, changed=("p1",))) == 1


def test_a_state_begins_with_nothing() -> None:
    assert state_of(b"") == State()
