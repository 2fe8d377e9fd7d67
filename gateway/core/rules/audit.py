"""Rules of the area `audit`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
