"""Ingests the export that the command names, landed, mapped, validated and stored; prints seconds, resources and the
peak of memory as JSON.

The study is the demo study with a source for the export, laid over the product's own assets.
"""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from gateway.app import Gateway, build
from gateway.core.assets import asset_root
from gateway.ingest import enrol
from gateway.settings import Settings

STUDY = "stream-01"
SOURCE = "apple-health"
USER = "benchmark-user"


def main(path: Path) -> None:
    """Ingests the file into a new database beside it; raises RuntimeError when not all of it was stored."""
    gateway = _gateway(path.parent / "ingest")
    start, made = time.perf_counter(), 0
    principal = gateway.studies[STUDY].principal_of(SOURCE)
    for receipt, _ in gateway.ingest.bring(STUDY, SOURCE, path, {"vendorUserId": USER}, principal):
        if receipt.status != "stored":
            raise RuntimeError(f"{receipt.name} is {receipt.status}: {[found.rule for found in receipt.issues]}")
        made += receipt.counts.created
    seconds = time.perf_counter() - start
    gateway.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "resources": made, "megabytes": peak}))


def _gateway(folder: Path) -> Gateway:
    _overlay(folder / "assets" / "profiles" / "studies" / STUDY)
    database = SecretStr(f"sqlite:///{folder / 'gateway.db'}")
    gateway = build(Settings(data_dir=folder, database_url=database, asset_dirs=(folder / "assets",)))
    study = gateway.studies[STUDY]
    enrol(gateway.access.door(study.principal(study.clients["registrar"])), study, gateway.engines.definitions)
    return gateway


def _overlay(folder: Path) -> None:
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / "hf-dct-01", folder)
    source = f"{SOURCE}: {{name: Apple Health, mappings: [wearable.apple-health.export]}}"
    client = f"{SOURCE}: {{organisation: sponsor, role: source, purpose: HRESCH, source: {SOURCE}}}"
    for file in folder.rglob("*.*"):
        text = file.read_text("utf-8").replace("hf-dct-01", STUDY)
        if file.name == "study.yaml":
            text = text.replace("\n  withings: {name", f"\n  {source}\n  withings: {{name")
            text = text.replace("\n  withings: {organisation", f"\n  {client}\n  withings: {{organisation")
        if file.name == "participants.yaml":
            text = text.replace("    identities:\n", f'    identities:\n      "urn:apple:health": {USER}\n', 1)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
