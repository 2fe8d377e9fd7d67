"""What a Consent makes visible anew is in the next export since an instant, though nobody wrote it since."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.access import Write
from gateway.core.resources import Key
from gateway.core.types import Resource
from tests.e2e.http_gateway import observation
from tests.e2e.test_bulk_departures import consent_of, exported, now, served
from tests.e2e.test_bulk_races import REQUEST, Served

__all__ = ["served"]


def write(served: Served, resource: Resource) -> None:
    """Over what is there, as who manages Consents."""
    there = served.gateway.store.read(Key(served.study.id, resource["resourceType"], resource["id"]), None)
    principal = served.study.principal(served.study.clients["registrar"])
    served.gateway.access.door(principal).commit([Write(resource, if_match=there.version if there else 0)])


def given_again(served: Served, consent: Resource) -> None:
    write(served, consent)


def by_another_consent(served: Served, consent: Resource) -> None:
    write(served, consent | {"id": "another", "policy": [{"uri": "urn:another"}]})


def with_somebody_else_named(served: Served, consent: Resource) -> None:
    """It is about two participants, then: who signed is one too."""
    named = {"performer": [{"reference": f"Patient/{served.patients[1]}"}]}
    write(served, consent | {"id": "another", "policy": [{"uri": "urn:another"}]} | named)


def by_the_enrolment(served: Served, consent: Resource) -> None:
    """The Consent names no study; that it is for this one is what the ResearchSubject comes to say, later."""
    silent = {name: value for name, value in consent["provision"].items() if name != "extension"}
    write(served, consent | {"id": "silent", "provision": silent})
    person = consent["patient"]["reference"]
    write(served, {
        "resourceType": "ResearchSubject", "id": "link", "status": "on-study", "individual": {"reference": person},
        "study": {"reference": f"ResearchStudy/{served.study.id}"}, "consent": {"reference": "Consent/silent"},
    })  # fmt: skip


@pytest.mark.parametrize(
    "widen",
    [given_again, by_another_consent, with_somebody_else_named, by_the_enrolment],
    ids=lambda one: one.__name__,
)
def test_what_becomes_visible_comes_with_the_next_export(
    served: Served, widen: Callable[[Served, Resource], None]
) -> None:
    person = served.patients[0]
    consent = consent_of(served, person)
    served.door.commit([observation("old", person), observation("other", served.patients[2])])
    narrow = {"type": "deny", "extension": consent["provision"]["extension"]}
    write(served, consent | {"provision": narrow})
    whole, _, at = exported(served, REQUEST)
    assert "Observation/old" not in whole
    assert exported(served, with_since(at))[:2] == (set(), set())
    if widen is not given_again:  # a dissent would stay one
        write(served, consent | {"status": "inactive"})
    widen(served, consent)
    brought, removed, _ = exported(served, with_since(at))
    assert "Observation/old" in brought
    assert "Observation/other" not in brought
    assert removed == set()


def test_what_an_enrolment_links_comes_though_the_consent_is_older(served: Served) -> None:
    person = served.patients[0]
    consent = consent_of(served, person)
    served.door.commit([observation("old", person)])
    silent = {name: value for name, value in consent["provision"].items() if name != "extension"}
    write(served, consent | {"status": "inactive"})
    write(served, consent | {"id": "silent", "provision": silent})
    enrolled = next(one for one in served.study.participants if one.patient == person)
    [there] = [one for one in served.study.enrolment() if one["id"] == enrolled.research_subject]
    assert exported(served, REQUEST)[0].isdisjoint({"Observation/old"})
    at = now(served)
    write(served, there | {"consent": {"reference": "Consent/silent"}})
    assert "Observation/old" in exported(served, with_since(at))[0]


def test_a_period_that_begins_makes_visible_too(served: Served) -> None:
    person = served.patients[0]
    consent = consent_of(served, person)
    served.door.commit([observation("old", person)])
    write(served, consent | {"provision": consent["provision"] | {"period": {"start": "2026-06-02T00:00:00Z"}}})
    whole, _, at = exported(served, REQUEST)
    assert "Observation/old" not in whole
    clock: Any = served.gateway.clock
    clock.now += timedelta(days=2)
    assert "Observation/old" in exported(served, with_since(at))[0]


def with_since(at: str) -> Any:
    return replace(REQUEST, since=at)
