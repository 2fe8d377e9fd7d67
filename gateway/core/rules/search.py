"""Rules of the area `search`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
