"""Whether Consents permit to collect: as they are stored, as enrolments lead to them, as they are written beside."""

from typing import Any

import pytest

from gateway.access.collecting import MAX_CONSENTS, Collecting
from gateway.consent import ConsentPolicy
from gateway.core.errors import Forbidden
from gateway.core.instants import micros, parse_interval
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.core.types import Resource
from gateway.study import withdraw
from tests.unit.access.conftest import World

NEW = "newcomer"
MARCH = parse_interval("2026-03-01")
assert MARCH


def placed(world: World, *subjects: str, domains: tuple[str, ...] = ("wearable",)) -> Placement:
    assert MARCH
    return Placement(subjects, domains, low=MARCH.low, high=MARCH.high)


class Given:
    """The rule over the store of a world, for a source."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.collecting = Collecting(world.store, {world.study.id: ConsentPolicy.of(world.study)})

    def permits(
        self, *subjects: str, beside: tuple[Resource, ...] = (), domains: tuple[str, ...] = ("wearable",)
    ) -> bool:
        principal = self.world.door("google-health").principal
        changes = [self.change(one) for one in beside]
        try:
            asked = [placed(self.world, *subjects, domains=domains)]
            self.collecting.require(principal, micros(self.world.now), asked, changes)
        except Forbidden as refused:
            assert refused.issues[0].rule == "consent.collection-not-permitted"
            return False
        return True

    def change(self, resource: Resource) -> Change:
        key = Key(self.world.study.id, resource["resourceType"], resource["id"])
        return Change(key, resource, Placement((NEW,), ("participant",)))

    def store(self, *resources: Resource) -> None:
        self.world.store.commit(Unit(self.world.study.id, tuple(map(self.change, resources))))


@pytest.fixture
def given(world: World) -> Given:
    return Given(world)


def patient(world: World, id: str = "101-001") -> str:
    return world.person(id).patient


def consent(world: World, *, silent: bool = False, subject: str = NEW, **changes: Any) -> Resource:
    """The newcomer's, by the template for all; `silent` says nothing of the study."""
    found: dict[str, Any] = world.consent_of(world.person("101-001"))
    root = {name: value for name, value in found["provision"].items() if not silent or name != "extension"}
    about = {"id": "new", "patient": {"reference": f"Patient/{subject}"}, "provision": root}
    return found | about | changes


def enrolment(world: World, **changes: Any) -> Resource:
    return {
        "resourceType": "ResearchSubject",
        "id": "s",
        "status": "on-study",
        "study": {"reference": f"ResearchStudy/{world.study.id}"},
        "individual": {"reference": f"Patient/{NEW}"},
        "consent": {"reference": "Consent/new"},
        **changes,
    }


def test_each_participant_of_each_placement_must_permit(given: Given) -> None:
    first, second = patient(given.world), patient(given.world, "201-001")
    assert given.permits(first)
    assert given.permits(first, second)
    assert not given.permits(first, NEW)
    assert not given.permits(NEW)
    signed = given.world.consent_of(given.world.person("201-001"))
    given.world.give(withdraw(signed, "no-further-use", "2026-05-01T00:00:00Z"))
    assert given.permits(first)
    assert not given.permits(first, second)


def test_every_placement_counts(given: Given) -> None:
    principal, now = given.world.door("google-health").principal, micros(given.world.now)
    good, bad = placed(given.world, patient(given.world)), placed(given.world, NEW)
    given.collecting.require(principal, now, [good, good])
    for asked in ([good, bad], [bad, good]):
        with pytest.raises(Forbidden):
            given.collecting.require(principal, now, asked)


def test_a_consent_counts_from_its_own_version_on(given: Given) -> None:
    person = given.world.person("101-001")
    assert given.permits(person.patient, domains=("lab",))
    assert given.permits(person.patient, domains=("lab",))
    given.world.give(given.world.consent_of(person, "wearables-only"))
    assert not given.permits(person.patient, domains=("lab",))
    assert given.permits(person.patient)
    given.world.give(given.world.consent_of(person))
    assert given.permits(person.patient, domains=("lab",))


def test_a_consent_is_none_before_it_was_given(given: Given) -> None:
    principal, now = given.world.door("google-health").principal, micros(given.world.now)
    asked = [placed(given.world, patient(given.world))]
    given.collecting.require(principal, now, asked)
    with pytest.raises(Forbidden):
        given.collecting.require(principal, 0, asked)


def test_what_is_written_beside_counts_as_if_it_were_stored(given: Given) -> None:
    assert given.permits(NEW, beside=(consent(given.world),))
    assert not given.permits(NEW)
    given.store(consent(given.world))
    assert given.permits(NEW)
    gone = withdraw(consent(given.world), "no-further-use", "2026-05-01T00:00:00Z")
    assert not given.permits(NEW, beside=(gone,))
    assert given.permits(NEW)


def test_what_is_written_beside_counts_for_its_own_participant(given: Given) -> None:
    stranger = consent(given.world, subject=patient(given.world))
    assert not given.permits(NEW, beside=(stranger,))
    assert given.permits(patient(given.world), beside=(consent(given.world),))


@pytest.mark.parametrize("reference", [None, "Patient/newcomer", {"display": "x"}, {"reference": "Group/newcomer"}])
def test_what_is_about_nobody_is_about_nobody(given: Given, reference: Any) -> None:
    odd = consent(given.world) | {"patient": reference}
    assert not given.permits(NEW, beside=(odd,))
    deleted = Change(Key(given.world.study.id, "Consent", "new"), None)
    given.store(consent(given.world))
    principal = given.world.door("google-health").principal
    with pytest.raises(Forbidden):
        given.collecting.require(principal, micros(given.world.now), [placed(given.world, NEW)], [deleted])


def test_an_enrolment_leads_to_a_consent_that_names_no_study(given: Given) -> None:
    silent, link = consent(given.world, silent=True), enrolment(given.world)
    assert not given.permits(NEW, beside=(silent,))
    assert given.permits(NEW, beside=(silent, link))
    given.store(silent)
    assert not given.permits(NEW)
    assert given.permits(NEW, beside=(link,))
    given.store(link)
    assert given.permits(NEW)
    elsewhere = enrolment(given.world, study={"reference": "ResearchStudy/other"})
    assert not given.permits(NEW, beside=(elsewhere,))
    assert given.permits(NEW)


def test_the_evidence_is_all_that_decides(given: Given) -> None:
    given.store(consent(given.world, silent=True), enrolment(given.world))
    study, first = given.world.study.id, patient(given.world)
    found = given.collecting.evidence(study, (NEW,))
    assert [(one["resourceType"], one["id"]) for one in found] == [("Consent", "new"), ("ResearchSubject", "s")]
    both = given.collecting.evidence(study, (NEW, first))
    assert len(both) == 4
    assert [one["id"] for one in given.collecting.consents(study, NEW)] == ["new"]
    assert given.collecting.evidence(study, ()) == []


def test_with_too_many_rows_nothing_is_permitted(given: Given) -> None:
    """Of another type, as a thousand Consents take long to compile."""
    study, rows = given.world.study.id, []
    for number in range(MAX_CONSENTS + 1):
        row = {"resourceType": "Flag", "id": f"f{number}", "subject": {"reference": f"Patient/{NEW}"}}
        rows.append(Change(Key(study, "Flag", f"f{number}"), row, Placement((NEW,))))
    given.world.store.commit(Unit(study, tuple(rows[:-1])))
    assert len(given.collecting._found(study, "Flag", "patient", NEW)) == MAX_CONSENTS == 1000
    given.world.store.commit(Unit(study, tuple(rows[-1:])))
    with pytest.raises(Forbidden, match=r"consent\.collection-not-permitted"):
        given.collecting._found(study, "Flag", "patient", NEW)


def test_the_last_two_thousand_participants_are_remembered(given: Given) -> None:
    for number in range(2_050):
        assert not given.permits(f"nobody-{number}")
    assert len(given.collecting._known) == 2_048
    assert (given.world.study.id, "nobody-2049") in given.collecting._known
    assert (given.world.study.id, "nobody-1") not in given.collecting._known
