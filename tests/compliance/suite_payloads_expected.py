"""What other converters make of the same HL7 v2 messages, element by element.

Beside some payloads of the data lies the FHIR output that another converter is known to give (`index.tsv`, role
`expected`). Its Observations and DiagnosticReports are matched with ours by code and order, and these elements are
compared: status, code, value, unit, interpretation, reference range, time. A difference that is meant is a line of
`payloads_expected.decisions.tsv`: file, element, how many differ, reason; another number is a miss. Nobody's data are
written there. A message that names no participant gets one, so that its other elements can be compared.
"""

import csv
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.core.codec import loads
from tests import mapping_runs
from tests.mapping_runs import anybody

NAME = "payloads-expected"
DECISIONS = Path(__file__).with_name("payloads_expected.decisions.tsv")
MAPPING = "lab.hl7v2.oru-r01"

_ENDINGS = (("-expected.json", ".hl7"), ("_2_fhir_transformation.fhir", "_0_initial_message.hl7"), (".fhir", ".hl7"))


def pairs(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Each expected output in FHIR with the message that it is made from."""
    for line in (root / "index.tsv").read_text("utf-8").splitlines()[1:]:
        role, path = line.split("\t")[:2]
        for ending, source in _ENDINGS:
            message = root / (path.removesuffix(ending) + source)
            if role == "expected" and path.startswith("lab/") and path.endswith(ending) and message.is_file():
                yield path, root / path, message
                break


def with_participant(data: bytes) -> bytes:
    """The message, with an invented identifier in PID-3 where it has none."""
    lines = re.split(rb"[\r\n]+", data.strip())
    at = next((index for index, line in enumerate(lines) if line.startswith(b"PID")), None)
    if at is None:
        first = next(index for index, line in enumerate(lines) if line.startswith(b"MSH")) + 1
        lines.insert(first, b"PID|1||nobody^^^^MR")
    else:
        fields = lines[at].split(b"|") + [b""] * 4
        fields[3] = fields[3] or b"nobody^^^^MR"
        lines[at] = b"|".join(fields)
    return b"\r".join(lines)


def compared(kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    """The elements of a resource that are compared, in a form that does not depend on spelling."""
    found = {
        "status": resource.get("status"),
        "code": codes(resource.get("code")),
        "time": resource.get("effectiveDateTime") or resource.get("effectivePeriod", {}).get("start"),
    }
    if kind == "Observation":
        quantity = resource.get("valueQuantity", {})
        found["value"] = value(resource)
        found["unit"] = {quantity[name] for name in ("unit", "code") if name in quantity}
        found["interpretation"] = {code for each in resource.get("interpretation", ()) for code in codes(each)}
        found["referenceRange"] = [limits(each) for each in resource.get("referenceRange", ())]
    return found


def codes(concept: dict[str, Any] | None) -> set[str]:
    """The codes of a concept; its text when it has none."""
    given = {coding["code"] for coding in (concept or {}).get("coding", ()) if "code" in coding}
    return given or {text for text in [(concept or {}).get("text")] if text}


def same_time(theirs: str, ours: str | None) -> bool:
    """True for the same instant, for the same time on the wall (zones are guessed where a message has none), and for
    a part of it."""
    if ours is None:
        return False
    if len(theirs) > 19 and len(ours) > 19 and datetime.fromisoformat(theirs) == datetime.fromisoformat(ours):
        return True
    return ours[:16].startswith(theirs[:16]) or theirs[:16].startswith(ours[:16])


def value(resource: dict[str, Any]) -> Any:
    """Kind and content of the value."""
    for name, given in resource.items():
        if not name.startswith("value"):
            continue
        if name == "valueQuantity":
            number = given.get("value")
            return given.get("comparator", ""), None if number is None else Decimal(str(number))
        if name == "valueCodeableConcept":
            return codes(given)
        return " ".join(str(given).split()) if not isinstance(given, dict) else given
    return None


def limits(range_: dict[str, Any]) -> tuple[Any, ...]:
    """Low, high, text."""
    bounds = [range_.get(name, {}).get("value") for name in ("low", "high")]
    return (*(None if bound is None else Decimal(str(bound)) for bound in bounds), range_.get("text"))


def agrees(element: str, theirs: Any, ours: Any) -> bool:
    """True when ours says what theirs says; ours may say more."""
    if theirs in (None, set(), []):
        return True
    if element == "unit":
        return bool(theirs & ours)
    if isinstance(theirs, set):
        return isinstance(ours, set) and theirs <= ours
    if element == "referenceRange":
        return len(ours or ()) == len(theirs) and all(
            all(a is None or a == b for a, b in zip(their, our, strict=True))
            for their, our in zip(theirs, ours, strict=True)
        )
    if element == "time":
        return same_time(theirs, ours)
    return bool(theirs == ours)


def by_code(resources: list[dict[str, Any]], kind: str) -> dict[tuple[str, int], dict[str, Any]]:
    """The resources of a kind by their first code and its occurrence."""
    seen: Counter[str] = Counter()
    found = {}
    for resource in resources:
        if resource["resourceType"] == kind:
            first = next(iter(sorted(codes(resource.get("code")))), "")
            for code in sorted(codes(resource.get("code"))) or [first]:
                found[code, seen[code]] = resource
                seen[code] += 1
    return found


def differences(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each compared element, `Observation.value`, and how it differs ("" for not)."""
    for kind in ("Observation", "DiagnosticReport"):
        mine = by_code(ours, kind)
        seen: Counter[str] = Counter()
        for resource in theirs:
            if resource["resourceType"] != kind:
                continue
            code = next(iter(sorted(codes(resource.get("code")))), "")
            match = mine.get((code, seen[code]))
            seen[code] += 1
            if match is None:
                yield kind, "is not made"
                continue
            wanted, given = compared(kind, resource), compared(kind, match)
            for element, their in wanted.items():
                same = agrees(element, their, given.get(element))
                yield f"{kind}.{element}", "" if same else f"{their!r:.60} is {given.get(element)!r:.60} here"


def decisions() -> dict[tuple[str, str], int]:
    """How many elements of a file differ on purpose; the reason stands beside it."""
    with DECISIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {(row["file"], row["element"]): int(row["differences"]) for row in rows if row["reason"]}


def run() -> tuple[int, int, list[str]]:
    """Counts elements that agree or whose difference is a decision; raises FileNotFoundError without the data."""
    root = Path(os.environ.get("GATEWAY_PAYLOADS_DIR", "../shared/payloads"))
    if not (root / "index.tsv").is_file():
        raise FileNotFoundError("GATEWAY_PAYLOADS_DIR does not lead to the real payloads")
    known, misses = decisions(), []
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for path, expected, message in pairs(root):
        outcome = mapping_runs.run(with_participant(message.read_bytes()), [MAPPING], {}, anybody)
        theirs = [entry["resource"] for entry in loads(expected.read_bytes()).get("entry", ())]
        counts = table["/".join(path.split("/")[:2])]
        differing: dict[str, list[str]] = defaultdict(list)
        for element, how in differences(theirs, list(outcome.resources)):
            counts["elements"] += 1
            counts["agree"] += not how
            if how:
                differing[element].append(how)
        for element, found in differing.items():
            if known.pop((path, element), 0) == len(found):
                counts["decided"] += len(found)
            else:
                misses += [f"{path}: {element}: {how}" for how in found]
    misses += [
        f"{path}: {element}: {count} differences are stated and not found" for (path, element), count in known.items()
    ]
    for folder, counts in sorted(table.items()):
        told = ", ".join(f"{counts[name]} {name}" for name in ("elements", "agree", "decided"))
        sys.stdout.write(f"{folder:44} {told}\n")
    total = sum(counts["elements"] for counts in table.values())
    return sum(counts["agree"] + counts["decided"] for counts in table.values()), total, misses
