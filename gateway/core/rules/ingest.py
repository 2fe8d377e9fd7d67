"""Rules of the area `ingest`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {}
