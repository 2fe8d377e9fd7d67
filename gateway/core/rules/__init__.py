"""The catalogue of rule ids: one module an area, each a dict `RULES` from id to `Rule`.

An id is stable and never reused; its prefix is the area's name. docs/reference/rules.md is generated from here.
"""

from importlib import import_module
from types import MappingProxyType

from gateway.core.rules.rule import Rule

AREAS = (
    "payload",
    "format",
    "mapping",
    "fhirpath",
    "conformance",
    "terminology",
    "study",
    "search",
    "store",
    "consent",
    "auth",
    "audit",
    "ingest",
    "rest",
    "export",
)


def _catalogue() -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for area in AREAS:
        for rule_id, rule in import_module(f"gateway.core.rules.{area}").RULES.items():
            if not rule_id.startswith(area + ".") or rule_id in rules:
                raise RuntimeError(f"rule id {rule_id} is not unique to the area {area}")
            rules[rule_id] = rule
    return rules


RULES = MappingProxyType(_catalogue())
"""Every rule of the product by its id."""

__all__ = ["AREAS", "RULES", "Rule"]
