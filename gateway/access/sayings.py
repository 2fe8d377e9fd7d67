"""What a resource says of whose data and what content it is, found by one walk over it."""

from collections.abc import Iterable
from typing import Any

from gateway.access.contents import PLAIN, kind_said, principal_of
from gateway.access.subjects import participants_said, patients_among
from gateway.core.kinds import Kind
from gateway.core.types import Resource


def whose_and_what(resource: Resource) -> tuple[tuple[str, ...] | None, Kind]:
    """What `participants` and `kind_of` say of a resource."""
    principal = principal_of(resource["resourceType"])
    references = [resource.get("reference")]
    codes: set[str] = set()
    elsewhere: set[str] = set()
    beside = []
    for name, value in resource.items():
        if value.__class__ in PLAIN:
            continue
        if name == principal:
            _gather(value, codes, references)
        elif name == "meta":
            _gather(value, set(), references)
        else:
            beside.append(value)
    _gather(beside, elsewhere, references)
    patients = patients_among(text for text in references if isinstance(text, str))
    return participants_said(resource, patients), kind_said(resource, codes, elsewhere)


def _gather(value: Any, codes: set[str], references: list[Any]) -> None:
    """Adds the codes of a tree, as `system|code`, and what is said to be a reference."""
    pending = [value]
    for node in pending:  # what is appended while it runs is come to later
        children: Iterable[Any] = ()
        if isinstance(node, dict):
            code = node.get("code")
            if code.__class__ is str and "value" not in node:  # a Quantity has a value, and its code is a unit
                codes.add(f"{node.get('system', '')}|{code}")
            if "reference" in node:
                references.append(node["reference"])
            children = node.values()
        elif isinstance(node, list):
            children = node
        for child in children:  # a comprehension costs twice as much
            if child.__class__ not in PLAIN:
                pending.append(child)  # noqa: PERF401
