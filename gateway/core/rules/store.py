"""Rules of the area `store`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
