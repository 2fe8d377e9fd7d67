"""kill -9 at any point of an ingest loses nothing and doubles nothing."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from gateway.app import Gateway, build
from gateway.core.codec import loads
from gateway.ingest.service import LONGER
from gateway.search import Query
from gateway.settings import Settings
from tests import warm
from tests.e2e import sender

KILLS = 5


def start(folder: Path, names: list[str]) -> warm.Process:
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(folder)}
    return warm.start("tests.e2e.sender", *names, environment=environment)


def open_gateway(folder: Path) -> Gateway:
    return build(Settings(data_dir=folder))


def kept(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """Every current resource by reference, without the time of its writing."""
    found = {}
    for kind in ("Observation", "Device"):
        for row in gateway.store.stream(Query(kind), sender.STUDY, None):
            tree = loads(row.body)
            del tree["meta"]["lastUpdated"]
            found[row.key.reference] = tree
    return found


def targets(gateway: Gateway) -> list[str]:
    """The versions that Provenance speaks of, each as often as it does."""
    rows = gateway.store.stream(Query("Provenance"), sender.STUDY, None)
    return sorted(target["reference"] for row in rows for target in loads(row.body)["target"])


def run_to_end(folder: Path, names: list[str]) -> None:
    process = start(folder, names)
    assert process.stdout
    assert process.stdout.read().endswith("done\n")
    assert process.wait(timeout=120) == 0


def run_and_kill(folder: Path, names: list[str], after: float) -> list[str]:
    """Kills the sender `after` seconds from its readiness; the names that were not acknowledged."""
    process = start(folder, names)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    return [name for name in names if f"landed {name}" not in rest]


def test_a_killed_ingest_loses_and_doubles_nothing(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    gateway = open_gateway(whole)
    names = [entry.name for entry in sender.payloads(gateway.studies[sender.STUDY])]
    run_to_end(whole, names)
    expected, expected_targets = kept(gateway), targets(gateway)
    assert len(expected) > 1000

    chance = random.Random(20260328)
    left = names
    for _ in range(KILLS):
        left = run_and_kill(killed, left, chance.uniform(0, 0.35))
    time.sleep(sender.LEASE_SECONDS * LONGER + 2)
    run_to_end(killed, left)

    gateway = open_gateway(killed)
    assert kept(gateway) == expected
    assert targets(gateway) == expected_targets
    receipts = gateway.store.receipts(sender.STUDY)
    assert {receipt.status for receipt in receipts} <= {"stored", "known"}
    assert sum(receipt.counts.created for receipt in receipts) == len(expected)
    assert sum(receipt.counts.updated for receipt in receipts) == 0
    assert not gateway.trail.verify(sender.STUDY)
