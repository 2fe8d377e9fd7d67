"""Mapping alone: a heart-rate sample beside hand-written Python, a point of a series, an ORU beside hl7apy."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, paired
from benchmarks.reference.heart_rate_mapping import observations, series
from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.formats import decode
from gateway.mapping import Mapped, Mapping, MappingRegistry
from gateway.mapping.selftest import facts_of

NAME = "mapping"
POINTS = 1000
MESSAGES = 20
WEARABLE = {"envelope": {"vendorUserId": "u"}, "subject": {"id": "p1", "zone": "UTC"}}
LAB = {"site": {"zone": "UTC"}, "subject": {"id": "p1", "zone": "UTC", "birthDate": "1957-03-14"}}
PEER = Path(__file__).resolve().parents[1] / ".venv-peers" / "hl7apy"
PARSE = Path(__file__).parent / "reference" / "mapping_hl7apy.py"


def run() -> Iterator[Figure]:
    """Each figure a sample, a point, a message; the last only where hl7apy is installed in its own environment."""
    registry = MappingRegistry.load((asset_root("mappings"),), r4())
    heart_rate, facts = registry.get("wearable.google-health.heart-rate"), facts_of(WEARABLE)
    points, minutes = _payload(1), _payload(60)
    hand = _same(lambda: heart_rate.apply(points, facts), lambda: observations(points, facts.study["id"], "p1"))
    yield Figure("mapping/heart-rate", *_each(hand), "lower", limit=1.5)
    in_series = facts_of({**WEARABLE, "study": {"series": "minutes"}})
    run = _same(lambda: heart_rate.apply(minutes, in_series), lambda: series(minutes, facts.study["id"], "p1"))
    yield Figure("mapping/series", *_each(run), "lower", bound=0.5)
    if PEER.exists():
        message = _message()
        mapping = next(found for found in registry.all() if found.format == "hl7v2")
        known = facts_of(LAB)
        seconds, _ = paired(lambda: [_whole(mapping, message, known) for _ in range(MESSAGES)], lambda: None)
        told = subprocess.run([PEER / "bin" / "python", PARSE], input=message, capture_output=True, check=True)
        yield Figure("oru", seconds / MESSAGES * 1e6, "us", float(told.stdout) * 1e6, "lower", 0.05, bound=150)


def _same(ours: Callable[[], Mapped], reference: Callable[[], list[dict[str, Any]]]) -> tuple[float, float]:
    """The median seconds of both; raises `RuntimeError` when they do not make the same resources."""
    if sorted(map(repr, ours().resources)) != sorted(map(repr, reference())):
        raise RuntimeError("the mapping and the code by hand make different resources")
    return paired(ours, reference)


def _each(seconds: tuple[float, float]) -> tuple[float, str, float]:
    return seconds[0] / POINTS * 1e6, "us", seconds[1] / POINTS * 1e6


def _whole(mapping: Mapping, message: bytes, facts: Any) -> int:
    decoded = decode(message, "hl7v2", mapping.source.options)
    made = len(mapping.apply(decoded.tree, facts, locate=decoded.locate).resources)
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


def _message() -> bytes:
    """An ORU^R01 with ten numeric results."""
    head = ["MSH|^~\\&|LAB|S|GW|T|20260102080000+0000||ORU^R01^ORU_R01|1|P|2.5.1",
            "PID|1||1^^^A^MR||A^B||19570314|M",
            "OBR|1|P1|F1|24317-0^Panel^LN|||20260102070000+0000|||||||||||||||20260102075000+0000|||F"]  # fmt: skip
    results = [f"OBX|{n}|NM|718-7^Hb^LN|{n}|13.{n}|g/dL^^UCUM|12-16||||F|||20260102" for n in range(1, 11)]
    return "\r".join([*head, *results, ""]).encode()
