"""Rules of the area `conformance`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
