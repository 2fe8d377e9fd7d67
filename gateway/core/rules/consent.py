"""Rules of the area `consent`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
