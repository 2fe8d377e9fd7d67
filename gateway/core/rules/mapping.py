"""Rules of the area `mapping`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
