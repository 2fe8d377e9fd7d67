"""2,000 generated pairs that fhirpathpy and we both answer: the answers are the same, or the difference is explained.

`fhirpathpy_differences.tsv` has a line a difference: expression, resource, our answer, theirs, and the number of the
reason, which is explained at its top. `python -m tests.compliance.suite_fhirpathpy` prints the differences.
"""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.reference.fhirpath_data import decimals
from benchmarks.reference.fhirpath_peer import FOLDER, VERSION, Peer
from gateway.fhirpath import FhirPathError, compile
from tests.compliance.fhirpath_pairs import pairs

NAME = "fhirpath-vs-fhirpathpy"
WANTED = 2000
DIFFERENCES = Path(__file__).with_name("fhirpathpy_differences.tsv")

Difference = tuple[str, str, str, str]
"""Expression, id of the resource, our answer and theirs as JSON."""


def is_ready() -> bool:
    """Whether the peer is installed already, so that asking it needs no network."""
    return (FOLDER / f"installed-{VERSION}").is_file()


def explained() -> dict[Difference, str]:
    """The known differences, each with the number of its reason."""
    rows = [line.split("\t") for line in DIFFERENCES.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


def differences() -> tuple[list[Difference], int]:
    """What differs among the pairs that both answer, and how many pairs those are.

    Raises FileNotFoundError where the peer cannot be installed.
    """
    try:
        peer = Peer()
    except (OSError, subprocess.SubprocessError) as missing:
        raise FileNotFoundError(f"no fhirpathpy: {missing}") from missing
    found, total = [], 0
    with peer:
        for text, tree in pairs():
            answer = _both(peer, text, tree)
            if answer is None:
                continue
            total += 1
            ours, theirs = answer
            if ours != theirs:
                found.append((text, str(tree["id"]), json.dumps(ours), json.dumps(theirs)))
            if total == WANTED:
                break
    return found, total


def _both(peer: Peer, text: str, tree: dict[str, Any]) -> tuple[Any, Any] | None:
    """Both answers as plain JSON; None where one of us has none."""
    try:
        ours = compile(text).evaluate(decimals(tree))
        theirs = peer.ask(do="evaluate", expression=text, resource=tree)
    except (FhirPathError, RuntimeError):
        return None
    return _plain(ours), _plain(theirs)


def _plain(value: Any) -> Any:
    """Numbers by their value to ten digits, so that only a real difference is one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal | int | float):
        return float(f"{value:.10g}")
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value if value is None or isinstance(value, str) else str(value)


def run() -> tuple[int, int, list[str]]:
    """Same or explained, of all; a miss is a difference without a reason, or a reason without its difference."""
    found, total = differences()
    known = explained()
    misses = [f"unexplained: {' | '.join(difference)}" for difference in found if difference not in known]
    misses += [f"no longer so: {' | '.join(difference)}" for difference in known if difference not in found]
    return total - len(misses), total, misses


if __name__ == "__main__":
    for row in differences()[0]:
        sys.stdout.write("\t".join(row) + "\n")
