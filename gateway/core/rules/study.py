"""Rules of the area `study`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
