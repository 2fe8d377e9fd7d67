"""An Apple Health export far larger than a part, read part by part: the peak of memory, the time a record.

The export is generated: heart rates and steps, a record each 350 bytes, as the Health app writes them. Each figure
is of a process of its own: memory (the largest resident set, in 10^6 bytes) of reading and mapping, and of a whole
ingest with validation and storing, beside the limit of 200 MB; the time of reading and mapping beside the standard
library's ElementTree on the same records (parse alone, nothing mapped).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure

NAME = "stream"
BYTES = int(os.environ.get("EXPORT_BYTES", "60000000"))
"""How large the export is that is read; 1000000000 for the whole gigabyte, which takes minutes."""
INGESTED = int(os.environ.get("INGEST_BYTES", "20000000"))
"""How large the export is that is stored; a gigabyte takes more than an hour."""
LIMIT_MB = 200

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
]>
<HealthData locale="en_US">
 <ExportDate value="2026-02-09 21:10:00 +0000"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1957-03-14"/>
"""
DEVICE = "&lt;&lt;HKDevice: 0x3020&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch7,1&gt;"


def run() -> Iterator[Figure]:
    """The peak of memory in MB and the time of a record in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xml"
        records = write_export(path, BYTES)
        ours = _measured("benchmarks.reference.stream_apple", path)
        other = _measured("benchmarks.reference.stream_element_tree", path)
        write_export(path, INGESTED)
        stored = _measured("benchmarks.reference.stream_ingest", path)
    yield Figure("stream/apple-memory", ours["megabytes"], "MB", LIMIT_MB, "lower", limit=1.0)
    yield Figure("stream/apple-ingest-memory", stored["megabytes"], "MB", LIMIT_MB, "lower", limit=1.0)
    yield Figure("stream/apple", ours["seconds"] / records * 1e6, "us", other["seconds"] / records * 1e6, "lower")


def write_export(path: Path, size: int) -> int:
    """Writes an export of about `size` bytes; the number of its records."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        while file.tell() < size:
            file.write("".join(_record(number + index) for index in range(1000)))
            number += 1000
        file.write("</HealthData>\n")
    return number


def _record(number: int) -> str:
    day, rest = divmod(number, 86_400)
    at = f"20{20 + day // 336:02}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02} "
    at += f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02} +0000"
    kind, unit, value = (
        ("HeartRate", "count/min", 60 + number % 40) if number % 2 else ("StepCount", "count", number % 90 + 1)
    )
    return (
        f' <Record type="HKQuantityTypeIdentifier{kind}" sourceName="Watch" sourceVersion="11.2" device="{DEVICE}" '
        f'unit="{unit}" creationDate="{at}" startDate="{at}" endDate="{at}" value="{value}"/>\n'
    )


def _measured(module: str, path: Path) -> dict[str, float]:
    told = subprocess.run([sys.executable, "-m", module, path], check=True, capture_output=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found
