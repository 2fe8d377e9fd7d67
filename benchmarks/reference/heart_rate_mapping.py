"""The heart-rate mapping written by hand: a decoded payload to the same resources, element by element.

It does what any correct code for this job must do, each in the plain way: the id is a hash over study, mapping, emit
and key with the length of each part, so that no key spells another; the number keeps its text and is held against the
same limits; the time is shown at the subject's own offset; two different resources with one id are an error; each
device is one resource. It does not do what the engine does beside that: schema, findings with positions, lineage.
"""

import hashlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any

from benchmarks.reference.heart_rate import CATEGORY, CODE, META

Resource = dict[str, Any]

MAPPING = "wearable.google-health.heart-rate"
SERIES_CODE = {"coding": [{"system": "urn:google:health:data-type", "code": "heart-rate"}], "text": "Heart rate"}
UNIT = {"unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}
LOW, HIGH = Decimal(20), Decimal(300)
MINUTE = timedelta(minutes=1)


def identity(*parts: str) -> str:
    """The hex id of a key."""
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=100)
def zone(offset: str) -> timezone:
    """The time zone of `7200s`."""
    return timezone(timedelta(seconds=int(offset.removesuffix("s"))))


def shown(at: str, offset: str) -> str:
    """An instant at an offset."""
    return datetime.fromisoformat(at).astimezone(zone(offset)).isoformat()


def observations(payload: Resource, study: str, patient: str) -> list[Resource]:
    """The Devices and, of each point, the Observation."""
    found: dict[str, Resource] = {}
    for device in devices(payload, study, patient):
        found[f"Device/{device['id']}"] = device
    for point in payload["dataPoints"]:
        rate = point.get("heartRate")
        if rate is None:
            continue
        sample, device = rate["sampleTime"], point["dataSource"]["device"]
        at, name, value = sample["physicalTime"], device.get("displayName", ""), Decimal(rate["beatsPerMinute"])
        if not LOW <= value <= HIGH:
            raise ValueError("the rate is out of range")
        resource: Resource = {
            "resourceType": "Observation",
            "id": identity(study, MAPPING, "point", patient, "8867-4", at, name),
            "meta": META,
            "status": "final",
            "category": CATEGORY,
            "code": CODE,
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": shown(at, sample.get("utcOffset", "0s")),
            "valueQuantity": {"value": value, **UNIT},
        }
        if name:
            resource["device"] = {"reference": f"Device/{identity(study, MAPPING, 'device', patient, name)}"}
        reference = f"Observation/{resource['id']}"
        if found.setdefault(reference, resource) != resource:
            raise ValueError("two points have one key")
    return list(found.values())


def devices(payload: Resource, study: str, patient: str) -> list[Resource]:
    """One Device for each that the points name."""
    found: list[Resource] = []
    known: list[Resource] = []
    for point in payload["dataPoints"]:
        device = point.get("dataSource", {}).get("device", {})
        if not device.get("displayName") or device in known:
            continue
        known.append(device)
        resource: Resource = {
            "resourceType": "Device",
            "id": identity(study, MAPPING, "device", patient, device["displayName"]),
        }
        if device.get("manufacturer"):
            resource["manufacturer"] = device["manufacturer"]
        resource["deviceName"] = [{"name": device["displayName"], "type": "model-name"}]
        resource["patient"] = {"reference": f"Patient/{patient}"}
        found.append(resource)
    return found


def series(payload: Resource, study: str, patient: str) -> list[Resource]:
    """The Devices and one Observation of points that are a minute apart, of one device."""
    points = [point for point in payload["dataPoints"] if point.get("heartRate") is not None]
    times = [datetime.fromisoformat(point["heartRate"]["sampleTime"]["physicalTime"]) for point in points]
    if any(later - earlier != MINUTE for earlier, later in pairwise(times)):
        raise ValueError("the points are not a minute apart")
    texts = []
    for point in points:
        value = Decimal(point["heartRate"]["beatsPerMinute"])
        texts.append("L" if value < LOW else "U" if value > HIGH else format(value, "f"))
    (name,) = {point["dataSource"]["device"].get("displayName", "") for point in points}
    first, last = points[0]["heartRate"]["sampleTime"], points[-1]["heartRate"]["sampleTime"]
    start, end = (shown(one["physicalTime"], one.get("utcOffset", "0s")) for one in (first, last))
    head = {"origin": {"value": 0, **UNIT}, "period": 60000, "lowerLimit": LOW, "upperLimit": HIGH, "dimensions": 1}
    resource: Resource = {
        "resourceType": "Observation",
        "id": identity(study, MAPPING, "series", patient, "heart-rate", first["physicalTime"], name),
        "status": "final",
        "category": CATEGORY,
        "code": SERIES_CODE,
        "subject": {"reference": f"Patient/{patient}"},
        "device": {"reference": f"Device/{identity(study, MAPPING, 'device', patient, name)}"},
        "effectivePeriod": {"start": start, "end": end},
        "valueSampledData": {**head, "data": " ".join(texts)},
    }
    return [*devices(payload, study, patient), resource]
