"""Rules of the area `audit`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "audit.unavailable": Rule(
        "fatal",
        "transient",
        "The audit trail cannot be written, so that nothing is served",
        "Try again later",
    ),
    "audit.gap": Rule(
        "error",
        "security",
        "The audit trail breaks at sequence {sequence}: the row before it is missing or out of order",
        "Compare with a backup; rows were removed or moved",
    ),
    "audit.changed": Rule(
        "error",
        "security",
        "The audit trail breaks at sequence {sequence}: the row or the chain's key was changed",
        "Compare with a backup; check that the chain's key is the one it was written with",
    ),
}
