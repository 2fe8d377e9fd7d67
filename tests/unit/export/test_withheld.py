"""What is kept back, and why: the counts are those of the store, and small ones are not told in any way."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import Write
from gateway.access.reading.redaction import redaction_of
from gateway.access.reading.withholding import LIMIT, SCOPE, Kept, Withheld
from gateway.app import Gateway
from gateway.core.codec import loads
from gateway.core.principal import Principal
from gateway.core.receipt import Counts
from gateway.export.report import Gathered, write_report
from gateway.export.report.withheld import FEWEST, HIDDEN, REASONS, has_small, rows_of_reasons, rows_of_types
from gateway.study import Study, withdraw

TYPES = ("Consent", "Observation", "Patient", "ResearchSubject")


def principal(study: Study, client: str) -> Principal:
    return study.principal(study.clients[client])


def test_every_resource_is_counted_once(filled: Gateway, study: Study) -> None:
    """For each reader: what leaves and what is kept back is what there is."""
    for client in ("research", "norte-research", "data-manager", "ehr-app"):
        kept = filled.access.withholding(principal(study, client)).of(TYPES)
        door = filled.access.door(principal(study, client))
        for kind in TYPES:
            found, rows = kept[kind], [loads(row.body) for row in filled.store.stream(kind, study.id, None)]
            assert found.stored == len(rows)
            leaves = {row.key.id for row in door.stream(kind)} if door.may(kind, "r", "s") else set()
            assert found.leaves == len(leaves)
            assert sum(one.resources for one in found.withheld.values()) == found.stored - found.leaves
            owners = Counter(subject(row) for row in rows if row["id"] not in leaves)
            assert {who for one in found.withheld.values() for who in one.participants} == set(owners)


def subject(resource: dict) -> str:  # type: ignore[type-arg]
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    owner = resource.get("subject") or resource.get("patient") or resource["individual"]
    return str(owner["reference"]).removeprefix("Patient/")


def test_the_reason_is_told(filled: Gateway, study: Study) -> None:
    research = filled.access.withholding(principal(study, "research")).of(TYPES)
    assert set(research["Patient"].withheld) == {SCOPE}
    assert set(research["Observation"].withheld) <= {"consent.not-permitted", "consent.denied"}
    only = {one.patient for one in study.participants if one.consent == "norte-research-only" and not one.withdrawn}
    kept = research["Observation"].withheld["consent.not-permitted"].participants
    consents = [loads(row.body) for row in filled.store.stream("Consent", study.id, None)]
    withdrawn = {subject(one) for one in consents if one.get("extension")}  # other tests let people withdraw
    assert only <= kept <= only | withdrawn
    norte = filled.access.withholding(principal(study, "norte-research")).of(TYPES)
    assert not only & {who for one in norte["Observation"].withheld.values() for who in one.participants}
    assert set(REASONS) >= {reason for found in research.values() for reason in found.withheld}
    narrow = replace(principal(study, "data-manager"), scopes=("system/Observation.rs?status=amended",))
    found = filled.access.withholding(narrow).of(["Observation"])["Observation"]
    assert (found.leaves, LIMIT in found.withheld) == (0, True)


def test_what_a_role_does_not_see_is_counted(filled: Gateway, study: Study) -> None:
    made = filled.access.withholding(principal(study, "data-manager"))
    assert made.of(["Patient"])["Patient"].redacted == 0
    blind = replace(made, redaction=redaction_of(("identity", "arm")))
    kept = blind.of(["Patient", "Observation"])
    assert kept["Patient"].redacted == kept["Patient"].leaves > 0
    assert kept["Observation"].redacted == 0


def test_it_is_on_record(filled: Gateway, study: Study) -> None:
    before = filled.store.last(study.id)
    filled.access.withholding(principal(study, "research")).of(["Patient"])
    rows = filled.store.rows(study.id, before.sequence if before else 0)
    assert [json.loads(row.event)["operation"] for row in rows] == ["report-withheld"]


CELLS = st.dictionaries(
    st.sampled_from(sorted(REASONS)), st.tuples(st.integers(1, 99), st.integers(0, 9)), max_size=4
)


def kept_of(cells: dict[str, tuple[int, int]], leaves: int = 3) -> Kept:
    withheld = {
        reason: Withheld(resources, {f"p{number}" for number in range(people)})
        for reason, (resources, people) in cells.items()
    }
    return Kept(leaves + sum(one.resources for one in withheld.values()), leaves, 0, withheld)


@given(st.dictionaries(st.sampled_from(["Observation", "Patient"]), CELLS))
def test_small_counts_are_not_told_nor_what_gives_them_away(cells: dict[str, dict[str, tuple[int, int]]]) -> None:
    kept = {kind: kept_of(own) for kind, own in cells.items()}
    small = {kind: [one for one in own.values() if 0 < one[1] < FEWEST] for kind, own in cells.items()}
    assert has_small(kept) == any(small.values())
    for kind, there, _, _ in rows_of_types(kept):
        assert (there == HIDDEN) == bool(small[kind])
    told = list(rows_of_reasons(kept))
    assert sum(row[2] == HIDDEN for row in told) == sum(map(len, small.values()))
    assert len(told) == sum(map(len, cells.values()))
    for _, _, resources, people in told:
        assert (resources == HIDDEN) == (not isinstance(people, int))
        assert people == 0 or not isinstance(people, int) or people >= FEWEST


@pytest.mark.parametrize("people", [1, FEWEST])
def test_what_payloads_brought_is_left_out_beside_small_counts(
    filled: Gateway, study: Study, tmp_path: Path, people: int
) -> None:
    receipts = filled.store.receipts(study.id)
    marked = [replace(one, counts=Counts(records=987654)) for one in receipts[:1]]
    kept = {"Observation": kept_of({"consent.denied": (7, people)})}
    write_report(tmp_path / "r.html", "T", "c", datetime(2026, 2, 1, tzinfo=UTC), marked, Gathered(), kept)
    page = (tmp_path / "r.html").read_text()
    assert ("987654" in page) == (people >= FEWEST)
    assert "a Consent denies it" in page
    assert bool(re.search(r"<th>Observation</th><td>10</td><td>3</td>", page)) == (people >= FEWEST)


def test_a_withdrawal_is_a_denial(filled: Gateway, study: Study) -> None:
    person = next(one for one in study.participants if one.id == "101-001")
    registrar = filled.access.door(principal(study, "registrar"))
    before = filled.access.withholding(principal(study, "data-manager")).of(["Observation"])["Observation"]
    given = study.consent_of(person)
    registrar.commit([withdraw(given, "no-further-use", "2026-06-01T00:00:00Z")])
    after = filled.access.withholding(principal(study, "data-manager")).of(["Observation"])["Observation"]
    registrar.commit([Write(given, if_match=2)])
    gone = {who for one in after.withheld.values() for who in one.participants}
    assert gone - {who for one in before.withheld.values() for who in one.participants} == {person.patient}
