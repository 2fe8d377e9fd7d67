"""Mapping alone: a heart-rate sample beside hand-written Python, a point of a series, an ORU beside hl7apy."""

import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from benchmarks.at_rest import Rested, rested
from benchmarks.figure import ROUNDS, Figure, paired
from benchmarks.reference.heart_rate_mapping import observations, series
from benchmarks.reference.lab_messages import LabMessage, lab_messages
from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.formats import decode
from gateway.mapping import Facts, Mapped, Mapping, MappingRegistry
from gateway.mapping.tools.selftest import facts_of

NAME = "mapping"
POINTS = 1000
MESSAGES = 200
WARM_UP = 2
SERIES = 20
"""How many series a round at rest has: one alone takes less than a millisecond."""

WEARABLE = {"envelope": {"vendorUserId": "u"}, "subject": {"id": "p1", "zone": "UTC"}}
LAB = {"site": {"zone": "UTC"}, "subject": {"id": "p1", "zone": "UTC"}}
PEER = "hl7apy==1.3.5"
FOLDER = Path(__file__).resolve().parents[1] / ".venv-peers" / "hl7apy"
PARSE = Path(__file__).parent / "reference" / "mapping_hl7apy.py"


def run() -> Iterator[Figure]:
    """Each figure a sample, a point, a message; hl7apy is installed into `.venv-peers` first."""
    registry = MappingRegistry.load((asset_root("mappings"),), r4())
    heart_rate, facts = registry.get("wearable.google-health.heart-rate"), facts_of(WEARABLE)
    points, minutes = _payload(1), _payload(60)
    hand = _same(lambda: heart_rate.apply(points, facts), lambda: observations(points, facts.study["id"], "p1"))
    yield Figure("mapping/heart-rate", *_each(hand), "lower", limit=1.5)
    in_series = facts_of({**WEARABLE, "study": {"series": "minutes"}})
    run = _same(lambda: heart_rate.apply(minutes, in_series), lambda: series(minutes, facts.study["id"], "p1"))
    yield Figure("mapping/series", *_each(run), "lower")
    one_after_another = repeat(lambda: [heart_rate.apply(minutes, in_series) for _ in range(SERIES)])
    yield _at_rest("mapping/series-at-rest", rested(one_after_another), SERIES * POINTS, bound=0.5)
    yield from _laboratory(next(found for found in registry.all() if found.format == "hl7v2"))


def _laboratory(mapping: Mapping) -> Iterator[Figure]:
    """A message of ten results, decoded and mapped: others in each round, so that none comes twice."""
    feed = lab_messages(seed=1)
    rounds = [_received(feed) for _ in range(ROUNDS + WARM_UP)]
    known = iter(rounds)
    seconds, _ = paired(lambda: _mapped(mapping, next(known)), lambda: None, warmup=WARM_UP)
    peer = _peer(b"\0".join(body for body, _ in rounds[-1]))
    yield Figure("oru", seconds / MESSAGES * 1e6, "us", peer, "lower", 0.05)
    others = (partial(_mapped, mapping, _received(feed)) for _ in repeat(None))
    yield _at_rest("oru-at-rest", rested(others), MESSAGES, bound=150)


def _at_rest(bench: str, told: Rested, parts: int, *, bound: float) -> Figure:
    """The microseconds of a part of a round on a machine at rest."""
    print(f"{bench}: {told.at_rest} of {told.rounds} rounds were on a machine at rest", file=sys.stderr)
    return Figure(bench, told.seconds / parts * 1e6, "us", None, "lower", bound=bound)


def _peer(messages: bytes) -> float | None:
    """The microseconds that hl7apy takes for a message; None, and why on stderr, where it cannot be installed."""
    try:
        if not [*FOLDER.glob("lib/*/site-packages/hl7apy")]:
            venv.create(FOLDER, with_pip=True)
            subprocess.run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", PEER], check=True)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{PEER} cannot be installed ({error}): oru is told without its reference", file=sys.stderr)
        return None
    told = subprocess.run([FOLDER / "bin" / "python", PARSE], input=messages, capture_output=True, check=True)
    return float(told.stdout) * 1e6


def _received(feed: Iterator[LabMessage]) -> Sequence[tuple[bytes, Facts]]:
    """The next messages, each with what the gateway knows of its participant."""
    return [
        (message.body, facts_of({**LAB, "subject": {**LAB["subject"], "birthDate": message.birth_date}}))
        for message in islice(feed, MESSAGES)
    ]


def _same(ours: Callable[[], Mapped], reference: Callable[[], list[dict[str, Any]]]) -> tuple[float, float]:
    """The median seconds of both; raises `RuntimeError` when they do not make the same resources."""
    if sorted(map(repr, ours().resources)) != sorted(map(repr, reference())):
        raise RuntimeError("the mapping and the code by hand make different resources")
    return paired(ours, reference)


def _each(seconds: tuple[float, float]) -> tuple[float, str, float]:
    return seconds[0] / POINTS * 1e6, "us", seconds[1] / POINTS * 1e6


def _mapped(mapping: Mapping, messages: Sequence[tuple[bytes, Facts]]) -> None:
    for message, facts in messages:
        _whole(mapping, message, facts)


def _whole(mapping: Mapping, message: bytes, facts: Facts) -> int:
    decoded = decode(message, "hl7v2", mapping.source.options)
    made = len(mapping.apply_to(decoded, facts).resources)
    if not made:
        raise RuntimeError("nothing was mapped")
    return made


def _payload(step: int) -> dict[str, Any]:
    """Samples `step` seconds apart."""
    seconds = [number * step for number in range(POINTS)]
    times = [f"2026-01-0{at // 86400 + 1}T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}Z" for at in seconds]
    device = {"device": {"displayName": "Charge 6", "manufacturer": "Google"}}
    samples = [
        {"sampleTime": {"physicalTime": at, "utcOffset": "7200s"}, "beatsPerMinute": str(60 + number * 7 % 41)}
        for number, at in enumerate(times)
    ]
    return {"dataPoints": [{"heartRate": sample, "dataSource": device} for sample in samples]}
