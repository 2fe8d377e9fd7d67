"""Exports the Observations of the database in the folder that the command names; prints their number and the peak of
memory (the largest resident set, in 10^6 bytes) as JSON."""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from gateway.app import build
from gateway.core.clock import system_clock
from gateway.export import export
from gateway.settings import Settings

STUDY = "hf-dct-01"


def main(folder: Path) -> None:
    """Exports to a folder beside the database, with consent and audit."""
    gateway = build(Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder / 'gateway.db'}")))
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
    main(Path(sys.argv[1]))
