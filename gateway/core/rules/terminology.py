"""Rules of the area `terminology`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
