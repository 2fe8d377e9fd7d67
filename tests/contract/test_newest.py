"""The newest of each set of codes, in one statement: the same as a walk over everything."""

from random import Random

from gateway.core import Resource
from gateway.search import parse
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

CODES = ("8867-4", "8310-5", "2345-7")
MOST = 2


def drawn(chance: Random, number: int) -> Resource:
    """An observation of one of two patients, who may be seen and may not."""
    codings = [{"system": "http://loinc.org", "code": code} for code in chance.sample(CODES, chance.randint(1, 2))]
    day = f"2026-05-{chance.randint(1, 28):02}"
    return observation(
        f"o{number:03}",
        chance.choice(("seen", "unseen")),
        code={"coding": codings},
        status=chance.choice(("final", "amended")),
        effectiveDateTime=f"{day}T08:00:00Z",
    )


def codes(resource: Resource) -> set[str]:
    return {coding["code"] for coding in resource["code"]["coding"]}


def test_the_newest_of_each_code_are_among_the_newest_of_each_facet(store: SqlStore, study: str) -> None:
    chance = Random(20261122)
    resources = [drawn(chance, number) for number in range(80)]
    store.commit(unit(study, consent("c", "seen"), *resources))
    ways = [
        [("patient", "seen")],
        [("patient", "seen,unseen")],
        [("patient", "Patient/seen"), ("date", "ge2026-05-10")],
        [("subject", "Patient/seen"), ("status", "final"), ("code", ",".join(CODES[:2]))],
        [("status", "final")],
    ]
    for pairs in ways:
        query = parse("Observation", pairs, PARAMETERS)
        found = [row.key.id for row in store.newest(query, study, reader(study), MOST)]
        matching = [one for one in resources if is_met(one, pairs)]
        matching.sort(key=lambda one: (one["effectiveDateTime"], one["id"]), reverse=True)
        told = [one for one in matching if one["id"] in found]
        assert [one["id"] for one in told] == found
        for code in CODES:
            assert {one["id"] for one in [one for one in matching if code in codes(one)][:MOST]} <= set(found)
        groups = [(frozenset(codes(one)), one["status"]) for one in told]
        assert all(groups.count(group) <= MOST for group in groups)


def is_met(resource: Resource, pairs: list[tuple[str, str]]) -> bool:
    """The searches of this test, read literally; only one patient is visible."""
    wanted = dict(pairs)
    return (
        resource["subject"]["reference"] == "Patient/seen"
        and wanted.get("status", resource["status"]) == resource["status"]
        and resource["effectiveDateTime"] >= wanted.get("date", "ge").removeprefix("ge")
        and bool(codes(resource) & set(wanted.get("code", ",".join(CODES)).split(",")))
    )
