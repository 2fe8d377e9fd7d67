"""A process may die before or after each durable step: nothing is lost, nothing doubled, the receipt counts right."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.core.codec import loads
from gateway.core.receipt import Receipt
from gateway.ingest import Ingest
from gateway.search import Query
from gateway.study import Study
from tests.unit.ingest.conftest import STUDY, Sender, laboratory

PEOPLE = (("101", "101-001"), ("101", "101-002"), ("301", "301-001"))


class Death(BaseException):
    """What no handler of the product catches, like a kill."""


class Fate:
    """Lets `steps` durable steps happen, then dies: before the next one, or right after it."""

    def __init__(self, steps: int, *, after: bool) -> None:
        self.left = steps
        self.after = after

    def step(self, work: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise Death
        result = work()
        if self.left < 0:
            raise Death
        return result


class Mortal:
    """A landing or a door whose durable steps are a matter of fate."""

    STEPS = ("land", "save", "commit")

    def __init__(self, real: object, fate: Fate) -> None:
        self._real = real
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self.STEPS:
            return found
        return lambda *given, **named: self._fate.step(lambda: found(*given, **named))


def laboratory_file(number: int) -> bytes:
    """Three participants' results: three units of work."""
    return laboratory(*PEOPLE, prefix=f"A{number}-")


def kept(gateway: Gateway, number: int) -> dict[str, list[str]]:
    """Versions of the resources of one file, and the targets of its Provenances."""
    found: dict[str, list[str]] = {"resources": [], "targets": []}
    for kind in ("Observation", "Specimen"):
        for row in gateway.store.stream(Query(kind), STUDY, None):
            if f"A{number}-".encode() in row.body:
                found["resources"].append(f"{row.key.reference}/_history/{row.version}")
    for row in gateway.store.stream(Query("Provenance"), STUDY, None):
        targets = [target["reference"] for target in loads(row.body)["target"]]
        found["targets"] += [target for target in targets if target in found["resources"]]
    return {name: sorted(values) for name, values in found.items()}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("steps", range(5))
def test_dying_at_a_step(gateway: Gateway, study: Study, steps: int, after: bool) -> None:
    number = steps * 2 + after
    fate = Fate(steps, after=after)
    mortal = Ingest(
        Mortal(gateway.store, fate),  # type: ignore[arg-type]
        lambda principal: Mortal(gateway.access.door(principal), fate),  # type: ignore[arg-type,return-value]
        gateway.registry,
        gateway.engines.validator,
        gateway.studies,
        gateway.clock,
    )
    landed: Receipt | None = None
    with suppress(Death):
        landed = Sender(mortal, study).send("central-lab", laboratory_file(number))

    def later() -> datetime:
        return gateway.clock() + timedelta(minutes=5)

    reborn = Ingest(
        gateway.store,
        gateway.access.door,
        gateway.registry,
        gateway.engines.validator,
        gateway.studies,
        later,
    )
    finished = [receipt for receipt in reborn.resume(STUDY) if receipt.source == "central-lab"]
    if landed is None and not finished:
        finished = [Sender(gateway.ingest, study).send("central-lab", laboratory_file(number))]

    found = kept(gateway, number)
    digest = (landed or finished[-1]).sha256
    receipts = [entry for entry in gateway.store.receipts(STUDY, source="central-lab") if entry.sha256 == digest]
    assert {entry.status for entry in receipts} <= {"stored", "known"}
    assert sum(entry.counts.created for entry in receipts) == len(found["resources"]) == 6
    assert {entry.counts.mapped for entry in receipts} == {6}
    assert all(entry.endswith("/_history/1") for entry in found["resources"])
    assert found["targets"] == found["resources"], "each version has exactly one Provenance"
    again = Sender(gateway.ingest, study).send("central-lab", laboratory_file(number))
    assert again.status == "known"
    assert kept(gateway, number) == found
