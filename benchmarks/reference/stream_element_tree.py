"""Parses the export that the command names with the standard library's iterparse; prints seconds as JSON."""

import json
import sys
import time
from pathlib import Path
from xml.etree.ElementTree import iterparse


def main(path: Path) -> None:
    """Reads element by element and clears each."""
    start = time.perf_counter()
    events = iterparse(path, events=("start", "end"))
    _, root = next(events)
    for event, element in events:
        if event == "end" and element.tag == "Record":
            root.clear()
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
