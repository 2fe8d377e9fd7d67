"""Parameters to queries: what is understood, and that everything else is refused by name."""

import pytest

from gateway.core.errors import BadRequest
from gateway.core.instants import parse_interval
from gateway.definitions import r4
from gateway.search import Parameters, Query, parse
from gateway.search.query import DateClause, IdClause, ReferenceClause, Token, TokenClause

PARAMETERS = Parameters(r4())
BASE = "https://here.example/studies/s/fhir"


def one(name: str, value: str, type: str = "Observation") -> object:
    """The only clause of a search."""
    (clause,) = parse(type, [(name, value)], PARAMETERS).clauses
    return clause


def refused(type: str, *params: tuple[str, str]) -> list[str]:
    """The rules by which a search is refused."""
    with pytest.raises(BadRequest) as error:
        parse(type, params, PARAMETERS)
    return [found.rule for found in error.value.issues]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8867-4", [Token(None, "8867-4")]),
        ("http://loinc.org|8867-4", [Token("http://loinc.org", "8867-4")]),
        ("|8867-4", [Token("", "8867-4")]),
        ("http://loinc.org|", [Token("http://loinc.org", None)]),
        ("a,b,a", [Token(None, "a"), Token(None, "b")]),
        (r"a\,b,c\|d", [Token(None, "a,b"), Token(None, "c|d")]),
        ("\\\\", [Token(None, "\\")]),
        (r"a\\,b", [Token(None, "a\\"), Token(None, "b")]),
    ],
)
def test_tokens(text: str, values: list[Token]) -> None:
    assert one("code", text) == TokenClause("code", tuple(values))


@pytest.mark.parametrize(
    ("name", "text", "targets"),
    [
        ("patient", "p1", ["Patient/p1"]),
        ("patient", "Patient/p1", ["Patient/p1"]),
        ("subject", "p1", ["Device/p1", "Group/p1", "Location/p1", "Patient/p1"]),
        ("subject", "Group/g,Patient/p", ["Group/g", "Patient/p"]),
        ("subject", "https://elsewhere.example/fhir/Patient/1", ["https://elsewhere.example/fhir/Patient/1"]),
        ("subject", f"{BASE}/Patient/1", ["Patient/1", f"{BASE}/Patient/1"]),
        ("encounter", f"Encounter/2,{BASE}/Encounter/1", ["Encounter/2", "Encounter/1", f"{BASE}/Encounter/1"]),
        ("subject", "urn:uuid:5", ["urn:uuid:5"]),
    ],
)
def test_references(name: str, text: str, targets: list[str]) -> None:
    query = parse("Observation", [(name, text)], PARAMETERS, f"{BASE}/")
    assert query.clauses == (ReferenceClause(name, tuple(targets)),)


@pytest.mark.parametrize("text", [f"{BASE}/1", f"{BASE}/Device/1", f"{BASE}/Encounter/1/_history/1", f"{BASE}/"])
def test_an_address_here_names_the_type(text: str) -> None:
    with pytest.raises(BadRequest):
        parse("Observation", [("encounter", text)], PARAMETERS, BASE)


@pytest.mark.parametrize("prefix", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
def test_dates_carry_their_prefix(prefix: str) -> None:
    clause = one("date", f"{prefix}2026-05")
    interval = parse_interval("2026-05")
    assert isinstance(clause, DateClause)
    assert interval is not None
    assert [(value.prefix, value.low, value.high) for value in clause.values] == [
        (prefix, interval.low, interval.high)
    ]


def test_a_plus_that_became_a_space_is_an_offset() -> None:
    assert one("date", "2026-05-01T10:00:00 02:00") == one("date", "2026-05-01T08:00:00Z")


def test_ids_and_results() -> None:
    assert one("_id", "a,b") == IdClause(("a", "b"))
    assert parse("Observation", [("_count", "5")], PARAMETERS) == Query("Observation", count=5)
    assert parse("Observation", [("_count", "0")], PARAMETERS) == Query("Observation", count=0, total="accurate")
    assert parse("Observation", [("_total", "accurate")], PARAMETERS) == Query("Observation", total="accurate")
    assert parse("Observation", [("_total", "none")], PARAMETERS) == Query("Observation")
    assert parse("Observation", [("_summary", "count")], PARAMETERS) == Query(
        "Observation", count=0, total="accurate", summary="count"
    )
    assert parse("Observation", [("_summary", "false")], PARAMETERS) == Query("Observation")


def test_a_repeated_parameter_is_an_and() -> None:
    assert len(parse("Observation", [("date", "ge2026"), ("date", "lt2027")], PARAMETERS).clauses) == 2


@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ([("value-colour", "5")], "search.unknown-parameter"),
        ([("subject.colour", "a")], "search.chain"),
        ([("", "a")], "search.unknown-parameter"),
        ([("code:exact", "a")], "search.modifier"),
        ([("subject:Medication", "a")], "search.modifier"),
        ([("code:", "a")], "search.modifier"),
        ([("unknown:exact", "a")], "search.unknown-parameter"),
        ([("code", "")], "search.empty-value"),
        ([("code", "a,,b")], "search.empty-value"),
        ([("code", "|")], "search.value"),
        ([("code", "a|b|c")], "search.value"),
        ([("date", "yesterday")], "search.value"),
        ([("date", "xx2026")], "search.value"),
        ([("date", "2026-13")], "search.value"),
        ([("date", "ge")], "search.value"),
        ([("_id", "a b")], "search.value"),
        ([("_id", "../x")], "search.value"),
        ([("patient", "Group/1")], "search.value"),
        ([("patient", "a/b/c")], "search.value"),
        ([("subject", "Practitioner/1")], "search.value"),
        ([("_count", "-1")], "search.value"),
        ([("_count", "1" * 10)], "search.value"),
        ([("_count", "٣")], "search.value"),
        ([("_count", "1"), ("_count", "2")], "search.repeated"),
        ([("_total", "maybe")], "search.value"),
        ([("_summary", "maybe")], "search.value"),
        ([("code", ",".join(map(str, range(1001))))], "search.too-many"),
        ([("date", ",".join(["2026"] * 51))], "search.too-many"),
        ([("code", "a")] * 51, "search.too-many"),
        ([("date", ",".join(f"20{year:02}" for year in range(50)))] * 7, "search.too-many"),
        ([("code-value-quantity", ",".join(f"a$gt{n}" for n in range(50)))] * 4, "search.too-many"),
    ],
)
def test_what_is_not_understood_is_refused(params: list[tuple[str, str]], rule: str) -> None:
    assert refused("Observation", *params) == [rule]


def test_what_is_compared_counts_over_the_whole_search() -> None:
    composite = ("code-value-quantity", ",".join(f"a$gt{n}" for n in range(50)))
    codes = ("code", ",".join(map(str, range(1000))))
    assert len(parse("Observation", [composite, composite, composite, codes, codes], PARAMETERS).clauses) == 5
    assert refused("Observation", composite, composite, composite, ("date", "2026")) == ["search.too-many"]


def test_every_type_that_may_refer_to_a_page_is_one_include() -> None:
    found = parse("Patient", [("_revinclude", "*")], PARAMETERS).includes
    assert {one.source for one in found} > {"Observation", "Device", "Consent", "Provenance"}
    assert all(one.reverse and not one.iterate and one.target is None for one in found)
    assert all("Patient" in PARAMETERS.of(one.source)[one.parameter].targets for one in found)
    assert parse("Patient", [("_revinclude", "*"), ("_include", "*")], PARAMETERS).includes[: len(found)] == found


def test_it_is_not_gone_on_with_from_what_it_brings() -> None:
    assert refused("Patient", ("_revinclude:iterate", "*")) == ["search.value"]
    assert refused("", ("_revinclude", "*")) == ["search.value"]


@pytest.mark.parametrize("type", ["Patient", "Device", "ResearchStudy", "Binary"])
def test_who_may_refer_is_the_same_whatever_was_compiled_before(type: str) -> None:
    fresh, compiled = Parameters(r4()), Parameters(r4())
    expected = [
        (source, one.code)
        for source in sorted(compiled.types)
        for one in compiled.of(source).values()
        if one.kind == "reference" and type in one.targets
    ]
    for known in (fresh, compiled):
        found = parse(type, [("_revinclude", "*")], known).includes
        assert [(one.source, one.parameter) for one in found] == expected


def test_functional_lists_are_refused_by_name() -> None:
    assert refused("Condition", ("_list", "$current-problems")) == ["search.value"]


def test_every_fault_is_reported_at_once() -> None:
    faults = refused("Observation", ("code", ""), ("foo", "1"), ("date:exact", "1"))
    assert faults == ["search.empty-value", "search.unknown-parameter", "search.modifier"]


@pytest.mark.parametrize("type", ["Heart", "observation", "Resource/1", "Element", "DomainResource"])
def test_unknown_types_are_refused(type: str) -> None:
    assert refused(type) == ["search.unknown-type"]


def test_messages_name_the_parameter_and_never_the_value() -> None:
    with pytest.raises(BadRequest) as error:
        parse("Observation", [("date", "CANARY-1"), ("CANARY 2=", "x"), ("_id", "CANARY 3")], PARAMETERS)
    said = "".join(found.message + found.hint for found in error.value.issues)
    assert "CANARY" not in said
    assert "date" in said
    assert "_id" in said


def test_a_long_value_is_read_in_one_pass() -> None:
    """What looks at the rest again for each character of a million does not end within the day."""
    text = "x" * 1_000_000
    assert one("code", text) == TokenClause("code", (Token(None, text),))
