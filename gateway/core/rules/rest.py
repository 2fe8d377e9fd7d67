"""Rules of the area `rest`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
