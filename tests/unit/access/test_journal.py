"""What an event tells of who, what and why; and what a writer's words make of a write."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Delete, Write
from gateway.access.journal import Journal, refused
from gateway.access.placing.subjects import participants, references, relative
from gateway.access.writing.writes import key_of, operation_of
from gateway.core.errors import BadRequest, Conflict, FhirError, Forbidden, NotFound
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Committed, Key, Stored
from tests.unit.access.conftest import World

WHO = Principal("c", "st", "org", "role", "TREAT", token="t0", user="Practitioner/1")
KEY = Key("st", "Observation", "o1")


def journal(world: World, who: Principal = WHO) -> Journal:
    return Journal(world.trail, who, "r1", "a reason")


def stored(world: World, version: int = 3, body: bytes = b"new") -> Stored:
    return Stored(KEY, version, world.now, not body, body)


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def test_an_event_tells_who(world: World) -> None:
    for event in (
        journal(world).event(world.now, "E", "search"),
        journal(world).served(world.now, "search", (), ()),
    ):
        assert (event.at, event.study, event.action, event.operation) == (world.now, "st", "E", "search")
        assert (event.client, event.organisation, event.role) == ("c", "org", "role")
        assert (event.purpose, event.token, event.request, event.outcome) == ("TREAT", "t0", "r1", "success")
        assert (event.count, tuple(event.targets), tuple(event.versions)) == (0, (), ())
        assert (tuple(event.before), tuple(event.after), tuple(event.patients), event.why) == ((), (), (), "")


def test_versions_are_told_when_all_are_known(world: World) -> None:
    made = journal(world)
    event = made.event(world.now, "R", "history", [stored(world), stored(world, 4)], 2, ("p1",))
    assert (event.targets, event.versions, event.count) == (("Observation/o1",) * 2, (3, 4), 2)
    assert event.patients == ("p1",)
    mixed = made.event(world.now, "R", "history", [stored(world), "Patient"])
    assert (mixed.targets, mixed.versions) == (("Observation/o1", "Patient"), ())
    assert (mixed.before, mixed.after, event.before, event.after) == ((), (), (), ())
    words = made.event(world.now, "E", "search", ["Patient"], 1)
    assert (words.targets, words.versions, words.before, words.after) == (("Patient",), (), (), ())


def test_what_nobody_gave_is_empty(world: World) -> None:
    made = Journal(world.trail, replace(WHO, broken="p1"), "r1")
    for event in (made.event(world.now, "U", "write"), made.served(world.now, "read", (), ())):
        assert (event.why, event.network, event.query, event.reason) == ("", "", "", "")
    given = Journal(world.trail, WHO, "r1", "", "192.0.2.1")
    asked = (
        given.event(world.now, "E", "search", query="code=x"),
        given.served(world.now, "search", (), (), query="code=x"),
    )
    assert [(event.network, event.query, event.user) for event in asked] == [
        ("192.0.2.1", "code=x", "Practitioner/1")
    ] * 2


@pytest.mark.parametrize("pairs", [(("p1", "lab"), ("p2", "lab")), (), None], ids=str)
def test_whose_data_it_is_is_known_or_looked_up(world: World, pairs: Any) -> None:
    """The store looks for participants only where the statement that read did not tell them."""
    person = world.person("101-001")
    made = Journal(world.trail, replace(WHO, study=world.study.id), "held")
    ticket = made.hold(world.now, "read", (f"Patient/{person.patient}",), (1,), pairs)
    world.trail.wake()
    ticket.result()
    [event] = [one for one in world.events() if one.request == "held"]
    assert list(event.patients) == ([person.patient] if pairs is None else [patient for patient, _ in pairs])


@pytest.mark.parametrize(
    ("outcome", "before", "after", "digests"),
    [
        ("created", b"", b"new", (("",), (digest(b"new"),))),
        ("updated", b"old", b"new", ((digest(b"old"),), (digest(b"new"),))),
        ("deleted", b"old", b"", ((digest(b"old"),), ("",))),
        ("unchanged", b"old", b"new", ((), ())),
        ("superseded", b"old", b"new", ((), ())),
    ],
)
def test_digests_are_of_what_changed(world: World, outcome: Any, before: bytes, after: bytes, digests: Any) -> None:
    done = Committed(stored(world, body=after), outcome, before)
    event = journal(world).event(world.now, "U", "write", [done])
    assert ((event.before, event.after), event.versions) == (digests, (3,))
    assert event.targets == ("Observation/o1",)


@pytest.mark.parametrize(("action", "told"), [("C", True), ("U", True), ("D", True), ("R", False), ("E", False)])
def test_reasons_are_of_changes_and_of_the_broken_glass(world: World, action: Any, told: bool) -> None:
    assert journal(world).event(world.now, action, "x").why == ("a reason" if told else "")
    broken = journal(world, replace(WHO, broken="p1"))
    assert broken.event(world.now, action, "x").why == "a reason"
    assert broken.served(world.now, "read", ("Patient/p1",), (1,)).why == "a reason"


@pytest.mark.parametrize(("operation", "action"), [("search", "E"), ("read", "R"), ("vread", "R")])
def test_what_is_served_is_a_search_or_a_read(world: World, operation: str, action: str) -> None:
    event = journal(world).served(world.now, operation, ("Patient/p1", "Patient/p2"), (1, 2))
    assert (event.action, event.operation, event.count) == (action, operation, 2)
    assert (event.targets, event.versions) == (("Patient/p1", "Patient/p2"), (1, 2))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Forbidden(issue("auth.not-found")), "denied"),
        (NotFound(issue("auth.not-found")), "denied"),
        (Conflict(issue("auth.not-found")), "failure"),
        (FhirError(), "failure"),
    ],
    ids=lambda found: type(found).__name__ if isinstance(found, FhirError) else found,
)
def test_a_refusal_is_denied_or_failed(world: World, error: FhirError, outcome: str) -> None:
    event = refused(journal(world).event(world.now, "R", "read", ("Patient/p1",), 4), error)
    assert (event.outcome, event.count, event.targets) == (outcome, 0, ("Patient/p1",))
    assert event.reason == ("auth.not-found" if error.issues else "")


WRITE, DELETE = Write({"resourceType": "Patient", "id": "p"}), Delete("Patient", "p")


@pytest.mark.parametrize(
    ("writes", "delivered", "called"),
    [
        ([WRITE], True, ("C", "ingest")),
        ([DELETE], True, ("C", "ingest")),
        ([WRITE], False, ("U", "write")),
        ([WRITE, DELETE], False, ("D", "delete")),
        ([], False, ("U", "write")),
    ],
)
def test_what_the_audit_trail_calls_writes(writes: list[Any], delivered: bool, called: tuple[str, str]) -> None:
    assert operation_of(writes, delivered=delivered) == called


def test_the_key_of_a_write() -> None:
    assert key_of("st", WRITE) == key_of("st", DELETE) == Key("st", "Patient", "p")
    assert key_of("st", Delete("Patient", "A-z.0" + "x" * 59)).id == "A-z.0" + "x" * 59
    odd: list[Any] = [
        {"resourceType": "Patient"},
        {"id": "p"},
        {"resourceType": "", "id": "p"},
        {"resourceType": 7, "id": "p"},
        {"resourceType": "Patient", "id": 7},
        {"resourceType": "Patient", "id": ""},
        {"resourceType": "Patient", "id": "p/q"},
        {"resourceType": "Patient", "id": "p\n"},
        {"resourceType": "Patient", "id": "x" * 65},
    ]
    asked: list[Write | Delete] = [*map(Write, odd), Delete("", "p"), Delete("Patient", ""), Delete("Patient", "a b")]
    for one in asked:
        with pytest.raises(BadRequest, match=r"auth\.identity"):
            key_of("st", one)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patient/p", ("Patient", "p")),
        ("Patient/p/_history/2", ("Patient", "p")),
        ("Patient/p/_history/", None),
        ("Patient/", None),
        ("patient/p", None),
        ("P/p", None),
        ("/Patient/p", None),
        ("Patient/p\n", None),
        ("https://a.test/Patient/p", None),
        (f"Patient/{'x' * 65}", None),
        ("#p", None),
        (None, None),
        (7, None),
        (["Patient/p"], None),
    ],
    ids=str,
)
def test_what_is_a_relative_reference(text: Any, found: Any) -> None:
    assert relative(text) == found


@pytest.mark.parametrize(
    ("elements", "found"),
    [
        ({}, ()),
        ({"subject": {"reference": "Patient/b"}, "performer": [{"reference": "Patient/a"}]}, ("a", "b")),
        ({"subject": {"reference": "Group/g"}}, ()),
        ({"subject": {"reference": "https://a.test/Group/g"}}, None),
        ({"subject": {}}, None),
        ({"patient": {"display": "x"}}, None),
        ({"individual": {"reference": 7}}, None),
        ({"subject": "Patient/a"}, ()),
        ({"subject": [{"display": "x"}]}, ()),
        ({"note": {"reference": "https://a.test/Patient/a"}}, None),
        ({"note": {"reference": "https://a.test/Device/a"}}, ()),
        ({"resourceType": "Patient"}, ("x",)),
        ({"resourceType": "Patient", "link": {"other": {"reference": "Patient/y"}}}, ("x", "y")),
    ],
    ids=str,
)
def test_whose_data_a_resource_is(elements: dict[str, Any], found: Any) -> None:
    assert participants({"resourceType": "Observation", "id": "x", **elements}) == found


def test_every_reference_of_a_tree() -> None:
    tree = [{"reference": "a", "x": [{"reference": "b"}, 7, [{"reference": "c"}]]}, {"reference": 7}, "d", None]
    assert sorted(references(tree)) == ["a", "b", "c"]
    assert list(references("a")) == []
