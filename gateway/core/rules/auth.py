"""Rules of the area `auth`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
