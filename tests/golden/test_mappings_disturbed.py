"""Payloads of the documented shape with a part more or less end in valid resources or in a stated refusal.

Each accepted example is tried with every field taken away, with every field null, and with a field that nobody knows
in every object. A null is what an absent field is, an unknown field changes nothing, and what is made stays valid and
says something. HL7 v2 messages lose each field and each segment as text.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.core import Resource
from gateway.core.assets import asset_root
from gateway.core.errors import FhirError
from gateway.formats import Decoded, decode, json_pointer
from gateway.mapping import Facts, Mapping
from gateway.mapping.tools.examples import RECEIVED, STUDY, participant
from tests.mapping_runs import faults, registry

ROOT = Path(str(asset_root("mappings")))
MAPPINGS = sorted(mapping.id for mapping in registry().all())

NO_NULLS = {"csv", "xml", "odm", "redcap", "dicom", "hl7v2", "fhir"}
"""Formats that cannot say null, or in which a null is a fault by itself."""

OWN_TREES = {"redcap", "hl7v2", "odm", "dicom"}
"""Formats whose decoder names every field of the tree; nobody else can add one."""

DEFINITE = {"wearable.open-mhealth.data-point"}
"""Data points have schemas of their own, which know no nulls."""

SHARED = {"odm": {"StudyEventName", "StartDate", "EndDate", "InstanceDate", "Superseded"}}
"""What a decoder gives to all forms of an event or to none, and to all but the last of one form, by format: it cannot
be missing in one."""

INTERNAL = {"mapping.evaluation", "mapping.duplicate-key"}
"""What no change of a payload may lead to: a fault of the mapping, or two resources under one name."""

SAYING = ("value", "component", "dataAbsentReason", "hasMember", "note")

_OF_A_MAP = re.compile(r"^[0-9:-]+$")
"""Names of an object that is used as a map: numbers, times, dates."""

Step = str | int
Outcome = tuple[tuple[Resource, ...], tuple[str, ...]]


@cache
def accepted(name: str) -> list[tuple[bytes, dict[str, str]]]:
    """Body and envelope of the examples that make something."""
    cases = sorted(Path(ROOT, registry().get(name).folder, "examples").iterdir())
    told = [case / "envelope.json" for case in cases]
    return [
        (next(case.glob("payload.*")).read_bytes(), json.loads(file.read_text("utf-8")) if file.exists() else {})
        for case, file in zip(cases, told, strict=True)
        if (case / "expected.json").exists()
    ]


def places(tree: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The way to every field of every object."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield (*path, name)
            yield from places(value, (*path, name))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from places(value, (*path, index))


def one_a_kind(paths: Iterator[tuple[Step, ...]]) -> list[tuple[Step, ...]]:
    """The first way of each kind, whatever the positions in lists and in objects that are used as a map."""
    kinds: dict[tuple[str, ...], tuple[Step, ...]] = {}
    for path in paths:
        kinds.setdefault(tuple(_OF_A_MAP.sub("*", str(step)) for step in path), path)
    return list(kinds.values())


def changed(tree: Any, path: tuple[Step, ...], act: Callable[[Any, Step], Any]) -> Any:
    """A copy in which `act` has been done to what holds the last step."""
    made = copy.deepcopy(tree)
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    act(holder, path[-1])
    return made


def takes(mapping: Mapping, tree: Any) -> bool:
    """Whether the mapping takes a payload, by its generated function as by its expression."""
    found = mapping.takes(tree)
    assert mapping.match is None or structs.replace(mapping.match, asked=None).of_tree(tree) is found
    return found


def outcome(mapping: Mapping, tree: Any, envelope: dict[str, str]) -> Outcome:
    """The resources that may be stored, and the rules of all that is told."""
    if not takes(mapping, tree):
        return (), ("mapping.no-match",)
    mapped = mapping.map(Decoded(tree, json_pointer), Facts(STUDY, envelope, RECEIVED, "0" * 64, participant))
    made = tuple(one for unit in mapped.units if not unit.blocked for one in unit.resources)
    told = (*mapped.issues, *(one for unit in mapped.units for one in unit.issues))
    reported = {
        one.rule for one in told if one.blocks or one.rule != "mapping.duplicate-key"
    }  # the first of two stays
    return made, tuple(sorted(reported))


@cache
def judged() -> dict[str, tuple[str, ...]]:
    """What was found in resources of each form."""
    return {}


def problems_of(resource: Resource) -> tuple[str, ...]:
    """Why a resource is not valid, or says nothing; resources of one form are judged once."""
    form = re.sub(
        r"[0-9]", "9", json.dumps(resource, default=str, sort_keys=True).replace(resource.get("id", ""), "")
    )
    known = judged()
    if form not in known:
        found = [fault for fault in faults(resource) if "conformance.answer-missing" not in fault]
        if resource["resourceType"] == "Observation" and not any(name.startswith(SAYING) for name in resource):
            found.append("Observation that says nothing")
        known[form] = tuple(found)
    return known[form]


def wrong(found: Outcome) -> list[str]:
    """What must not be in an outcome."""
    return [
        *(rule for rule in found[1] if rule in INTERNAL),
        *(text for one in found[0] for text in problems_of(one)),
    ]


def disturbances(mapping: Mapping, tree: Any, envelope: dict[str, str]) -> Iterator[str]:
    """Every change that leads to what must not be."""
    for path in one_a_kind(places(tree)):
        kind = "/".join(map(str, path))
        if path[-1] in SHARED.get(mapping.format, ()):
            continue
        without = outcome(mapping, changed(tree, path, lambda holder, step: holder.pop(step)), envelope)
        if mapping.format != "fhir":  # what comes as FHIR is judged as it came
            yield from (f"without {kind}: {text}" for text in wrong(without))
        if mapping.format in NO_NULLS or mapping.id in DEFINITE:
            continue
        null = outcome(mapping, changed(tree, path, lambda holder, step: holder.__setitem__(step, None)), envelope)
        yield from (f"null {kind}: {text}" for text in wrong(null))
        alone = "mapping.record-invalid" in without[1]  # a null may be taken where its absence is not
        if without[0] and (len(null[0]) < len(without[0]) if alone else null != without):
            yield f"null {kind} gives {len(null[0])} resources, {null[1]}; without it {len(without[0])}, {without[1]}"
    if mapping.format in OWN_TREES or mapping.format == "fhir":
        return
    new: Any = "x" if mapping.format in NO_NULLS else {"x": [1, None]}
    as_it_is = outcome(mapping, tree, envelope)
    for path in one_a_kind(
        (*path[:-1], "fieldOfTomorrow") for path in places(tree) if not _OF_A_MAP.match(str(path[-1]))
    ):
        more = outcome(mapping, changed(tree, path, lambda holder, step: holder.__setitem__(step, new)), envelope)
        if more != as_it_is:
            yield f"unknown field at {'/'.join(map(str, path[:-1]))}: {more[1]}"


@pytest.mark.parametrize("name", [name for name in MAPPINGS if registry().get(name).format != "hl7v2"])
def test_a_part_more_or_less(name: str) -> None:
    mapping = registry().get(name)
    told: list[str] = []
    for body, envelope in accepted(name):
        told += disturbances(mapping, decode(body, mapping.format, mapping.source.options).tree, envelope)
    assert not told, "\n".join(dict.fromkeys(told))


def shortened(message: str) -> Iterator[tuple[str, str]]:
    """The message without each segment, and without the content of each field; the header stays."""
    lines = [line for line in re.split(r"[\r\n]+", message) if line]
    for at, line in enumerate(lines[1:], 1):
        yield f"without line {at}, {line[:3]}", "\r".join([*lines[:at], *lines[at + 1 :]])
    for at, line in enumerate(lines):
        fields = line.split("|")
        for number in range(2 if at == 0 else 1, len(fields)):
            if fields[number]:
                less = "|".join([*fields[:number], "", *fields[number + 1 :]])
                yield f"line {at} without {line[:3]}-{number}", "\r".join([*lines[:at], less, *lines[at + 1 :]])


@pytest.mark.parametrize("name", [name for name in MAPPINGS if registry().get(name).format == "hl7v2"])
def test_a_message_with_less(name: str) -> None:
    mapping = registry().get(name)
    told: list[str] = []
    for body, envelope in accepted(name):
        for how, text in shortened(body.decode("utf-8")):
            try:
                tree = decode(text.encode(), mapping.format, mapping.source.options).tree
            except FhirError:
                continue
            told += [f"{how}: {fault}" for fault in wrong(outcome(mapping, tree, envelope))]
    assert not told, "\n".join(dict.fromkeys(told))
