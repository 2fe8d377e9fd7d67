"""Rules of the area `export`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
