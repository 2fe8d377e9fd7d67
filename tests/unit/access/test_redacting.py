"""What a redaction takes away, element by element and clause by clause, and what a store behind it still answers."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.access.reading.redacting import RedactingStore
from gateway.access.reading.redaction import Redaction, redaction_of
from gateway.core.codec import dumps, loads
from gateway.core.errors import Forbidden
from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Stored, Unit, Visibility
from gateway.search import Query
from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    HasClause,
    IdClause,
    Include,
    MissingClause,
    NotClause,
    ReferenceClause,
    ReferenceIdentifierClause,
    SortKey,
    StringClause,
    TextClause,
    Token,
    TokenClause,
)
from gateway.store import Page
from tests.unit.access.conftest import NOON, World
from tests.unit.access.observations import observation

BLIND, UNARMED = Redaction(frozenset({"identity"})), Redaction(frozenset({"arm"}))
SUBJECT = "urn:trial-fhir-gateway:study:st:subject"
PSEUDONYM, VENDOR = {"system": SUBJECT, "value": "1"}, {"system": "urn:vendor", "value": "1"}

META = ("id", "meta", "implicitRules")
ARMS = ("assignedArm", "actualArm", "_assignedArm", "_actualArm", "extension")
SHARED = ("active", "gender", "managingOrganization", "patient")
EVERY = (*META, *ARMS, *SHARED, "text", "name", "birthDate", "sourceAttachment", "language", "status")


def seen(redaction: Redaction, kind: str) -> set[str]:
    """The names that stay of a resource that has every element."""
    found = redaction.resource({"resourceType": kind, **dict.fromkeys(EVERY, "x")})
    assert found["resourceType"] == kind
    return set(found) - {"resourceType"}


def without(*names: str) -> set[str]:
    return set(EVERY) - {"text", *names}


@pytest.mark.parametrize(
    ("redaction", "kind", "stays"),
    [
        (BLIND, "Patient", {*META, "active", "gender", "managingOrganization"}),
        (BLIND, "Person", {*META, "active", "gender"}),
        (BLIND, "RelatedPerson", {*META, "active", "gender", "patient"}),
        (BLIND, "Consent", without("sourceAttachment")),
        (BLIND, "ResearchSubject", without()),
        (BLIND, "Observation", without()),
        (UNARMED, "Patient", without()),
        (UNARMED, "Consent", without()),
        (UNARMED, "ResearchSubject", without(*ARMS)),
        (UNARMED, "Observation", without()),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_the_elements_that_stay(redaction: Redaction, kind: str, stays: set[str]) -> None:
    assert seen(redaction, kind) == stays


@pytest.mark.parametrize(
    ("kind", "identifiers", "stays"),
    [
        *((kind, [VENDOR, PSEUDONYM], [PSEUDONYM]) for kind in ("Patient", "ResearchSubject")),
        *((kind, [VENDOR], None) for kind in ("Patient", "ResearchSubject")),
        ("Person", [PSEUDONYM], None),
        ("Device", [VENDOR], [VENDOR]),
        ("Patient", [{"system": f"{SUBJECT}:x"}, {"system": "urn:x:subject"}, {"value": "1"}, {"system": 1}], None),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_the_identifiers_that_stay(kind: str, identifiers: list[Any], stays: list[Any] | None) -> None:
    tree = {"resourceType": kind, "identifier": identifiers}
    assert BLIND.resource(tree) == {"resourceType": kind} | ({"identifier": stays} if stays else {})
    assert UNARMED.resource(tree) == tree
    nothing = {"resourceType": kind, "active": True}
    assert BLIND.resource(nothing) == nothing


WHOLE = {"type": "Patient", "display": "Zz", "identifier": {"value": "1"}}


@pytest.mark.parametrize("to", ["Patient/p", "Person/p", "RelatedPerson/p", "Patient/p/_history/1"])
def test_references_to_persons_say_no_more_than_to_whom(to: str) -> None:
    tree = {"resourceType": "Observation", "performer": [{"reference": to, **WHOLE}]}
    assert BLIND.resource(tree)["performer"] == [{"reference": to, "type": "Patient"}]
    assert UNARMED.resource(tree) == tree


@pytest.mark.parametrize(
    "other", [{"reference": "Practitioner/p"}, {"reference": "https://x.example/Device/1"}, {"type": "Device"}]
)
def test_other_references_stay(other: dict[str, Any]) -> None:
    tree = {"resourceType": "Observation", "performer": [{**other, "display": "Dr"}], "note": [{"text": "x"}, 1]}
    assert BLIND.resource(tree) == tree


@pytest.mark.parametrize("odd", [7, ["Patient/p"], None])
def test_of_a_reference_that_is_none_nothing_is_told(odd: object) -> None:
    tree = {"resourceType": "Observation", "performer": [{"reference": odd, "display": "Zz"}]}
    assert BLIND.resource(tree)["performer"] == [{"reference": odd}]


def test_a_role_without_redactions_has_none() -> None:
    assert redaction_of(()) is None
    assert redaction_of(["identity"]) == BLIND
    assert redaction_of(("arm", "arm")) == UNARMED


def test_a_version_that_is_deleted_or_empty_stays_as_it_is() -> None:
    body = dumps({"resourceType": "Patient", "name": [{"text": "Zz"}]})
    for deleted, given, left in (
        (False, body, b'{"resourceType":"Patient"}'),
        (True, body, body),
        (True, b"", b""),
        (False, b"", b""),
    ):
        stored = Stored(Key("st", "Patient", "p"), 1, NOON, deleted, given)
        assert BLIND.shown(stored) == Stored(stored.key, 1, NOON, deleted, left)


NAME, CODE = StringClause("name", ("x",)), TokenClause("code", (Token(None, "x"),))


def numbers(*systems: str | None, parameter: str = "identifier") -> TokenClause:
    return TokenClause(parameter, tuple(Token(system, "1") for system in systems))


SHOWN = ("_id", "_lastUpdated", "_profile", "_tag", "active", "gender", "organization", "patient")
PLAIN: list[tuple[str, Clause, bool]] = [
    *((kind, MissingClause(name, False), True) for kind in ("Patient", "Person", "RelatedPerson") for name in SHOWN),
    *((kind, NAME, False) for kind in ("Patient", "Person", "RelatedPerson")),
    ("Patient", IdClause(("p",)), True),
    ("Practitioner", NAME, True),
    ("Observation", CODE, True),
    ("Patient", numbers(SUBJECT), True),
    ("Patient", numbers(SUBJECT, SUBJECT), True),
    ("Patient", numbers(SUBJECT, "urn:vendor"), False),
    ("Patient", numbers(None), False),
    ("Patient", numbers(), False),
    ("Patient", numbers(SUBJECT, parameter="phone"), False),
    ("Patient", ReferenceClause("identifier", ("Patient/1",)), False),
    ("ResearchSubject", numbers(SUBJECT), True),
    ("ResearchSubject", numbers("urn:vendor"), False),
    ("ResearchSubject", TokenClause("status", (Token(None, "x"),)), True),
    ("Observation", numbers("urn:vendor"), True),
    ("Observation", ReferenceIdentifierClause("subject", ()), False),
    ("Patient", NotClause(NAME), False),
    ("Patient", NotClause(IdClause(("p",))), True),
    ("Patient", AnyClause((IdClause(("p",)), NAME)), False),
    ("Patient", AnyClause(()), True),
    ("Observation", ChainClause("subject", ("Group", "Patient"), NAME), False),
    ("Observation", ChainClause("performer", ("Practitioner",), NAME), True),
    ("Observation", ChainClause("subject", ("Patient",), numbers(SUBJECT)), True),
    ("Practitioner", HasClause("Patient", "general-practitioner", NAME), False),
    ("Patient", HasClause("Observation", "subject", CODE), True),
    ("Patient", ChainClause("general-practitioner", ("Organization",), IdClause(("x",))), False),
    ("Patient", ChainClause("organization", ("Organization",), NAME), True),
    ("Organization", HasClause("Patient", "general-practitioner", IdClause(("p",))), False),
    ("Organization", HasClause("Patient", "organization", IdClause(("p",))), True),
]


def is_refused(redaction: Redaction, query: Query) -> bool:
    try:
        redaction.require(query)
    except Forbidden as error:
        assert [one.rule for one in error.issues] == ["consent.redacted-search"]
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "clause", "allowed"), PLAIN, ids=lambda found: found if isinstance(found, str) else ""
)
def test_the_searches_that_may_be_asked(kind: str, clause: Clause, allowed: bool) -> None:
    assert is_refused(BLIND, Query(kind, (clause,))) is not allowed
    assert is_refused(BLIND, Query("", (IdClause(("x",)), clause), types=("Goal", kind))) is not allowed
    assert not is_refused(UNARMED, Query(kind, (clause,)))


def test_who_may_be_named_in_a_text_may_not_be_asked_for_by_any_redaction() -> None:
    for redaction in (BLIND, UNARMED):
        assert is_refused(redaction, Query("Observation", (TextClause("_content", (("x",),)),)))


def test_what_a_study_asks_of_subjects_itself_may_be_the_arm() -> None:
    for name, refused in (("arm", True), ("status", False), ("identifier", False)):
        assert is_refused(UNARMED, Query("ResearchSubject", (MissingClause(name, False),))) is refused
        assert is_refused(UNARMED, Query("ResearchSubject", sort=(SortKey(name),))) is refused
    assert not is_refused(BLIND, Query("ResearchSubject", (MissingClause("arm", False),)))


def test_a_compartment_is_asked_like_a_clause() -> None:
    for name, refused in (("general-practitioner", True), ("organization", False)):
        within = ("Patient", ReferenceClause(name, ("Organization/x",)))
        assert is_refused(BLIND, Query("", within=(within,), types=("Goal",))) is refused


def test_references_that_are_not_seen_are_not_followed() -> None:
    own, other = Include("Patient", "organization"), Include("Observation", "performer")
    hidden = [Include(kind, "general-practitioner", reverse=way) for kind in PERSONS for way in (False, True)]
    query = Query("Observation", includes=(own, *hidden, other))
    assert BLIND.narrowed(query) == Query("Observation", includes=(own, other))
    assert UNARMED.narrowed(query) == query


PERSONS = ("Patient", "Person", "RelatedPerson")


def test_people_come_in_no_order_of_birth() -> None:
    newest = (SortKey("_lastUpdated", True),)
    for kind in PERSONS:
        assert BLIND.narrowed(Query(kind)).sort == newest
        assert BLIND.narrowed(Query(kind, sort=(SortKey("_id"),))).sort == (SortKey("_id"),)
        assert BLIND.narrowed(Query("", types=("Goal", kind))).sort == newest
        assert not UNARMED.narrowed(Query(kind)).sort
    assert BLIND.narrowed(Query("")).sort == newest
    assert not BLIND.narrowed(Query("Observation")).sort
    assert not BLIND.narrowed(Query("", types=("Goal",))).sort


def test_people_that_come_along_tell_no_order_either() -> None:
    keys = [("Patient", "b"), ("Device", "z"), ("Patient", "a"), ("Device", "a")]
    found = [Stored(Key("st", kind, identity), 1, NOON, False, b"") for kind, identity in keys]
    assert [(one.key.type, one.key.id) for one in BLIND.included(found)] == [keys[1], keys[3], keys[2], keys[0]]
    assert [(one.key.type, one.key.id) for one in UNARMED.included(found)] == keys


def test_a_search_of_every_type_is_one_of_persons_too() -> None:
    assert is_refused(BLIND, Query("", (NAME,)))
    assert not is_refused(BLIND, Query("", (NAME,), types=("Practitioner",)))
    assert not is_refused(BLIND, Query("", (IdClause(("x",)),)))


def test_the_order_would_tell_too() -> None:
    for name, refused in (("birthdate", True), ("_lastUpdated", False), ("gender", False)):
        assert is_refused(BLIND, Query("Patient", sort=(SortKey("_id"), SortKey(name)))) is refused
        assert not is_refused(UNARMED, Query("Patient", sort=(SortKey(name),)))
    assert not is_refused(BLIND, Query("Observation", sort=(SortKey("birthdate"),)))


PAGE = Page(5)


@pytest.fixture
def blind(world: World) -> RedactingStore:
    """The store of a world with an Observation that names its participant, as a role sees it without identities."""
    person = world.person("101-001")
    about = {"reference": f"Patient/{person.patient}", "display": "Zz"}
    world.door("registrar").commit([observation(person, subject=about)])
    return RedactingStore(world.store, BLIND)


Ask = Callable[[RedactingStore, World, Query], list[bytes]]
KEY = Key("hf-dct-01", "Observation", "o1")


def eyes(world: World) -> Visibility:
    return Visibility(world.study.id, "telecare", "access", "TREAT", micros(world.now))


def body(found: Stored | None) -> list[bytes]:
    return [found.body] if found else []


READS: dict[str, Ask] = {
    "read": lambda store, *_: body(store.read(KEY, None)),
    "version": lambda store, *_: body(store.read(KEY, None, 1)),
    "history": lambda store, *_: [one.body for one in store.history(KEY, None)],
    "changes": lambda store, world, _: [
        one.body for one in store.changes(world.study.id, None, type="Observation", page=PAGE).rows
    ],
}
SEARCHES: dict[str, Ask] = {
    "search": lambda store, world, query: [one.body for one in store.search(query, world.study.id, None, PAGE).rows],
    "newest": lambda store, world, query: [one.body for one in store.newest(query, world.study.id, None, 1)],
    "stream": lambda store, world, query: [one.body for one in store.stream(query, world.study.id, None)],
    "batches": lambda store, world, query: [
        body for batch in store.batches(query, world.study.id, None) for body in batch.bodies
    ],
}


@pytest.mark.parametrize("ask", [*READS.values(), *SEARCHES.values()], ids=[*READS, *SEARCHES])
def test_every_way_of_reading_is_redacted(blind: RedactingStore, world: World, ask: Ask) -> None:
    [found] = ask(blind, world, Query("Observation"))
    assert loads(found)["subject"] == {"reference": f"Patient/{world.person('101-001').patient}"}


@pytest.mark.parametrize("ask", SEARCHES.values(), ids=SEARCHES)
def test_every_way_of_searching_is_refused_what_would_tell(blind: RedactingStore, world: World, ask: Ask) -> None:
    with pytest.raises(Forbidden, match=r"consent\.redacted-search"):
        ask(blind, world, Query("Patient", (NAME,)))


def test_how_the_database_answers_is_told_of_the_same_searches(blind: RedactingStore, world: World) -> None:
    assert blind.explain(Query("Observation"), world.study.id, eyes(world), PAGE)
    assert blind.search_briefly(Query("Observation"), world.study.id, eyes(world), PAGE) is None
    with pytest.raises(Forbidden, match=r"consent\.redacted-search"):
        blind.explain(Query("Patient", (NAME,)), world.study.id, eyes(world), PAGE)


def test_a_whole_type_is_streamed_and_what_is_not_there_is_not(blind: RedactingStore, world: World) -> None:
    assert [row.key for row in blind.stream("Observation", world.study.id, None)] == [KEY]
    assert blind.read(Key(world.study.id, "Observation", "nothing"), None) is None


def test_nothing_is_written_or_looked_up(blind: RedactingStore, world: World) -> None:
    unit = Unit(world.study.id, (Change(KEY, None),))
    for call in (lambda: blind.commit(unit), lambda: blind.find(world.study.id, "Patient", "identifier", "s", "v")):
        with pytest.raises(Forbidden, match=r"consent\.redacted-write"):
            call()
    first, second = blind.commit_all([unit, unit])
    for one in (first, second):
        assert isinstance(one, Forbidden)
        assert one.issues[0].rule == "consent.redacted-write"
    found = world.store.read(KEY, None)
    assert found
    assert (found.version, found.deleted) == (1, False)


def test_grants_are_those_of_the_store(blind: RedactingStore, world: World) -> None:
    patient = world.person("101-001").patient
    assert blind.regrant(world.study.id) == world.store.regrant(world.study.id) > 0
    before = blind.consent_epoch(world.study.id, patient)
    world.give(world.consent_of(world.person("101-001"), "wearables-only"))
    assert blind.consent_epoch(world.study.id, patient) == world.store.consent_epoch(world.study.id, patient) > before
