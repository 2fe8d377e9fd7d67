"""Exports the Observations of a database to a folder, given its URL and the folder; prints their number and the peak
of memory (the largest resident set, in 10^6 bytes) as JSON."""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from gateway.app import build
from gateway.core.clock import system_clock
from gateway.export import export
from gateway.settings import Settings

STUDY = "hf-dct-01"


def main(url: str, folder: Path) -> None:
    """Exports with consent and audit."""
    gateway = build(Settings(data_dir=folder, database_url=SecretStr(url)))
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients["research"]))
    count = export(door, folder / "peak", ["Observation"], system_clock()).outputs[0].count
    gateway.close()
    print(json.dumps({"count": count, "megabytes": _peak()}))


def _peak() -> float:
    """What getrusage tells would be the parent's peak where that is larger."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
