"""Whether files are what an event tells of: by references and versions, all of them and nothing else."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.audit import held, is_all, resource
from gateway.core.event import Event, digest_of, versions_of
from tests.unit.audit.events import EVENT

REFERENCES = st.lists(st.tuples(st.text("abc-.", min_size=1), st.integers(0, 12)), unique=True, max_size=12)


def shown(id: str, version: str = "1", kind: str = "Observation") -> dict[str, Any]:
    return {"resourceType": kind, "id": id} | ({"meta": {"versionId": version}} if version else {})


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "id": "page", "entry": [{"resource": one} for one in resources] + [{}]}


def event(ids: str, versions: tuple[int, ...] = (), *, named: int = 100) -> Event:
    """Of Observations with ids of a letter each, of which so many are named."""
    targets = tuple(f"Observation/{one}" for one in ids)
    digest = digest_of(versions_of(targets, versions)) if len(ids) > named else ""
    told = structs.replace(EVENT, count=len(ids), digest=digest)
    return structs.replace(told, targets=targets[:named], versions=versions[:named])


def test_what_is_held_of_bundles_and_resources() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": []}
    found = held([bundle(shown("a"), outcome, bundle(shown("b", "7"))), shown("c", ""), shown("d", kind="Device")])
    there = ["Observation/a/_history/1", "Observation/b/_history/7", "Observation/c", "Device/d/_history/1"]
    assert list(found) == there
    assert list(held([{"resourceType": "Bundle"}])) == []


@pytest.mark.parametrize("named", [100, 2])
@pytest.mark.parametrize("versions", [(), (1, 1, 1)])
def test_the_same_and_not_the_same(named: int, versions: tuple[int, ...]) -> None:
    told = event("abc", versions, named=named)
    assert is_all(told, held([bundle(shown("c"), shown("a")), shown("b"), shown("b")]))
    for others in ("ab", "abcd", "abd", ""):
        assert not is_all(told, held(map(shown, others)))
    assert is_all(told, held([shown("a"), shown("b", "2"), shown("c")])) is (versions == ())


@given(REFERENCES, REFERENCES)
def test_two_digests_are_one_for_the_same_set_alone(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> None:
    def digest(pairs: list[tuple[str, int]]) -> str:
        return digest_of(versions_of([name for name, _ in pairs], [version for _, version in pairs]))

    assert digest(one) == digest(one[::-1])
    assert (digest(one) == digest(other)) is (set(one) == set(other))


def test_the_digest_is_of_lines_sorted() -> None:
    lines = b"Observation/a/_history/1\nObservation/b\n"
    assert (
        digest_of(["Observation/b", "Observation/a/_history/1", "Observation/b"]) == hashlib.sha256(lines).hexdigest()
    )


def test_an_audit_event_shows_it_beside_the_count() -> None:
    [entity] = [one for one in resource(event("abc", named=2), "e1")["entity"] if one.get("name") == "all"]
    assert {one["type"]: one["valueString"] for one in entity["detail"]} == {
        "count": "3",
        "sha256-of-all": digest_of(["Observation/a", "Observation/b", "Observation/c"]),
    }
    assert not [one for one in resource(event("abc"), "e1")["entity"] if one.get("name") == "all"]
