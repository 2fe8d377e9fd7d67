"""Rules of the area `fhirpath`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
