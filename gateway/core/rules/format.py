"""Rules of the area `format`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
