"""Valid official examples, each broken in one way: the fault is found at its element.

A mutation passes when the validator reports an error at the element that was broken, or at its parent where the
element is gone; the examples themselves have no errors. The choice of files and elements is the same in every run.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from gateway.conformance import Validator
from gateway.core import loads
from gateway.definitions import r4
from gateway.terminology import LocalTerminology
from tests.compliance.official import folder
from tests.compliance.suite_r4_examples import INVALID
from tests.compliance.typed_walk import Spot, walk

NAME = "mutations"

PER_FILE = 4
"""How many of the mutations that fit a file are made; the first one made moves on from file to file."""

BIRTH_TIME = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "2000-01-01"}

Mutation = Callable[[Spot], str | None]
"""Breaks the value at a spot and returns where the fault is; None when it does not fit there."""


def drop_required(spot: Spot) -> str | None:
    if spot.element.min < 1 or spot.index not in (None, 0):
        return None
    del spot.holder[spot.key]
    return spot.parent if spot.holder else "*"


def wrong_json_type(spot: Spot) -> str | None:
    if not r4().is_primitive(spot.type) or spot.type in ("xhtml", "boolean"):
        return None
    spot.put({"id": "x"} if isinstance(spot.value, str) else "text")
    return spot.path


def object_as_text(spot: Spot) -> str | None:
    if not isinstance(spot.value, dict):
        return None
    spot.put("text")
    return spot.path


def bad_code(spot: Spot) -> str | None:
    binding = spot.element.binding
    if spot.type != "code" or binding is None or binding.strength != "required" or "mime" in str(binding.value_set):
        return None
    spot.put("no-such-code")
    return spot.path


def bad_date(spot: Spot) -> str | None:
    if spot.type not in ("date", "dateTime", "instant"):
        return None
    spot.put("2021-02-30T10:00:00Z" if spot.type != "date" else "2021-13-01")
    return spot.path


def extra_element(spot: Spot) -> str | None:
    if not isinstance(spot.value, dict):
        return None
    spot.value["surplusElement"] = "x"
    return spot.path


def array_for_one(spot: Spot) -> str | None:
    if spot.index is not None or spot.type in ("xhtml",):
        return None
    spot.put([spot.value])
    return spot.path


def one_for_array(spot: Spot) -> str | None:
    if spot.index is None:
        return None
    spot.holder[spot.key] = spot.holder[spot.key][0]
    return spot.path.rpartition("[")[0]


def empty_array(spot: Spot) -> str | None:
    if spot.index is None:
        return None
    spot.holder[spot.key] = []
    return spot.path.rpartition("[")[0]


def null_value(spot: Spot) -> str | None:
    if spot.index is not None or "_" + spot.key in spot.holder:
        return None
    spot.put(None)
    return spot.path


def two_choices(spot: Spot) -> str | None:
    other = {"string": "code", "boolean": "string"}.get(spot.type, "string")
    types = {entry.code for entry in spot.element.types}
    if not spot.element.is_choice or other not in types:
        return None
    spot.holder[spot.element.name[:-3] + other.capitalize()] = "x"
    return spot.parent


def wrong_target(spot: Spot) -> str | None:
    allowed = {url for entry in spot.element.types for url in entry.target_profiles}
    if spot.type != "Reference" or not allowed or any(url.endswith("/Resource") for url in allowed):
        return None
    wrong = "Slot" if not any(url.endswith("/Slot") for url in allowed) else "Basic"
    spot.put({"reference": f"{wrong}/x"})
    return spot.path


def missing_contained(spot: Spot) -> str | None:
    if spot.type != "Reference":
        return None
    spot.put({"reference": "#no-such-resource"})
    return spot.path


def backward_period(spot: Spot) -> str | None:
    if spot.type != "Period":
        return None
    spot.put({"start": "2021-01-02", "end": "2021-01-01"})
    return spot.path


def empty_object(spot: Spot) -> str | None:
    if not isinstance(spot.value, dict):
        return None
    spot.put({})
    return spot.path


def misplaced_extension(spot: Spot) -> str | None:
    if not isinstance(spot.value, dict) or "extension" in spot.value or spot.type == "Extension":
        return None
    spot.value["extension"] = [BIRTH_TIME]
    return f"{spot.path}.extension[0]"


def extension_without_value(spot: Spot) -> str | None:
    if not isinstance(spot.value, dict) or "extension" in spot.value or spot.type == "Extension":
        return None
    spot.value["extension"] = [{"url": "http://example.org/x"}]
    return f"{spot.path}.extension[0]"


def blank_text(spot: Spot) -> str | None:
    if spot.type not in ("string", "code", "uri", "id", "markdown"):
        return None
    spot.put("")
    return spot.path


MUTATIONS: tuple[Mutation, ...] = (
    drop_required, wrong_json_type, object_as_text, bad_code, bad_date, extra_element, array_for_one, one_for_array,
    empty_array, null_value, two_choices, wrong_target, missing_contained, backward_period, empty_object,
    misplaced_extension, extension_without_value, blank_text,
)  # fmt: skip


def mutants(resource: dict[str, Any], turn: int) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, broken resource and place of the fault of the mutations that fit, beginning with number `turn`."""
    made = 0
    for offset in range(len(MUTATIONS)):
        mutation = MUTATIONS[(turn + offset) % len(MUTATIONS)]
        found = _apply(mutation, resource, turn)
        if found is not None:
            yield mutation.__name__, *found
            made += 1
        if made == PER_FILE:
            return


def _apply(mutation: Mutation, resource: dict[str, Any], turn: int) -> tuple[dict[str, Any], str] | None:
    """The mutation at the third spot that it fits, or the last one before."""
    fitting = 0
    best = None
    count = sum(1 for _ in walk(resource, resource["resourceType"], resource["resourceType"]))
    for number in range(count):
        broken = copy.deepcopy(resource)
        spots = walk(broken, broken["resourceType"], broken["resourceType"])
        spot = next(spot for position, spot in enumerate(spots) if position == number)
        place = mutation(spot)
        if place is not None:
            best = (broken, place)
            fitting += 1
        if fitting > turn % 3 or (best is not None and number > 60):
            break
    return best


def run() -> tuple[int, int, list[str]]:
    """Every mutation of every third example that is not large."""
    validator = Validator(r4(), LocalTerminology(r4()))
    total, misses = 0, []
    for turn, file in enumerate(sorted(folder("r4-examples").glob("*.json"))[::3]):
        resource = loads(file.read_bytes())
        if file.name in INVALID or len(json.dumps(resource, default=str)) > 8_000:
            continue
        for name, broken, place in mutants(resource, turn):
            total += 1
            found = {one.expression for one in validator.validate(broken) if one.blocks}
            if place not in found and not (place == "*" and found):
                misses.append(f"{file.name} {name} {place}: found {sorted(found)[:3]}")
    return total - len(misses), total, misses
