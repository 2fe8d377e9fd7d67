"""The demo's payloads: the examples beside the mappings, an echo report and a day of heart rate for everybody."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from gateway.cli._demo.echo_report import echo_report
from gateway.core.codec import dumps, loads
from gateway.study import Participant, Study

DAY = datetime(2026, 3, 28, tzinfo=UTC)
"""The generated day; Madrid's clocks change on the next."""

EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload as its sender would push it."""

    source: str
    name: str
    body: bytes
    envelope: dict[str, str] = field(default_factory=dict)


def deliveries(study: Study, mappings: Iterable[Traversable]) -> Iterator[Delivery]:
    """Every payload of the demo, in the order of the study's sources; the last ones come a second time."""
    roots = tuple(mappings)
    for source in study.sources.values():
        for mapping in source.mappings:
            yield from _examples(source.key, mapping, roots)
    for person in study.participants:
        yield Delivery("imaging-reports", f"echo-{person.id}.dcm", echo_report(person))
    days = [heart_rate_day(person) for person in study.participants]
    yield from days
    yield Delivery(days[0].source, f"again-{days[0].name}", days[0].body, days[0].envelope)
    yield _overlap(days[0])


def _examples(source: str, mapping: str, roots: tuple[Traversable, ...]) -> Iterator[Delivery]:
    """The payloads in `examples/<case>/` of a mapping, with the envelope of each case."""
    vendor, kind = mapping.split(".")[1:3]
    for root in roots:
        folder = root.joinpath(vendor, kind, "examples")
        for case in sorted(folder.iterdir() if folder.is_dir() else (), key=lambda entry: entry.name):
            yield from _case(source, case)


def _case(source: str, case: Traversable) -> Iterator[Delivery]:
    beside = case.joinpath("envelope.json")
    envelope = loads(beside.read_bytes()) if beside.is_file() else {}
    for entry in sorted(case.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith("payload."):
            yield Delivery(source, f"{case.name}/{entry.name}", entry.read_bytes(), envelope)


def heart_rate_day(person: Participant) -> Delivery:
    """A day of heart rate of a participant, midnight to midnight where the participant lives."""
    zone = ZoneInfo(person.zone)
    start = DAY.replace(tzinfo=zone)
    points = [_point(person.id, start + index * EVERY) for index in range(int(timedelta(days=1) / EVERY))]
    envelope = {"vendorUserId": person.identities["urn:google:health:user"]}
    return Delivery("google-health", f"day-{person.id}.json", dumps({"dataPoints": points}), envelope)


def _point(person: str, at: datetime) -> dict[str, object]:
    offset = at.utcoffset() or timedelta(0)
    return {
        "heartRate": {
            "sampleTime": {
                "physicalTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "utcOffset": f"{int(offset.total_seconds())}s",
            },
            "beatsPerMinute": str(_beats(person, at)),
        },
        "dataSource": {"device": {"displayName": "Charge 6", "manufacturer": "Google"}},
    }


def _beats(person: str, at: datetime) -> int:
    """A plausible rate, the same at every run: slow at night, with a little noise from the time itself."""
    noise = blake2b(f"{person} {at.isoformat()}".encode(), digest_size=1).digest()[0] % 9
    return 58 + noise + (14 if 7 <= at.hour < 22 else 0)


def _overlap(day: Delivery) -> Delivery:
    """The same measurements in another payload: the first half of the day, as a poll with overlap brings them."""
    points = loads(day.body)["dataPoints"]
    return Delivery(
        day.source, f"overlap-{day.name}", dumps({"dataPoints": points[: len(points) // 2]}), day.envelope
    )
