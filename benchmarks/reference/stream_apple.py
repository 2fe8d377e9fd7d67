"""Streams and maps the export that the command names; prints seconds, resources and the peak of memory as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.formats import stream
from gateway.mapping import MappingRegistry
from gateway.mapping.tools.selftest import facts_of


def main(path: Path) -> None:
    """Reads part by part, maps each, keeps nothing."""
    mapping = MappingRegistry.load((asset_root("mappings"),), r4()).get("wearable.apple-health.export")
    facts = facts_of({"envelope": {"vendorUserId": "u"}})
    start, made = time.perf_counter(), 0
    with path.open("rb") as file:
        for decoded in stream(file, mapping.format, mapping.source.options):
            made += len(mapping.apply(decoded.tree, facts, locate=decoded.locate).resources)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "resources": made, "megabytes": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
