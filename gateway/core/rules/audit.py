"""Rules of the area `audit`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "audit.unavailable": Rule(
        "fatal",
        "transient",
        "The audit trail cannot be written, so that nothing is served",
        "Try again later",
    ),
    "audit.read-only": Rule(
        "error",
        "not-supported",
        "AuditEvents are made by the gateway alone, and stay as they are",
        "Search or read them",
    ),
    "audit.search": Rule(
        "error",
        "not-supported",
        "The audit trail is searched newest first, without includes, totals, summaries and elements",
        "Leave those parameters out; narrow by date",
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
    "audit.other-chain": Rule(
        "error",
        "security",
        "Row {sequence} of the audit trail is not the one that was anchored: the chain was written anew",
        "Compare with a backup of the time of the anchor",
    ),
    "audit.truncated": Rule(
        "error",
        "security",
        "The audit trail ends before sequence {sequence}, and an anchor tells of later rows",
        "Compare with a backup; rows were cut off, or an older copy of the database was put in place",
    ),
    "audit.end": Rule(
        "error",
        "security",
        "The audit trail ends before sequence {sequence}, and the end that is kept beside it is another",
        "Compare with a backup; rows were cut off, or the end was replaced",
    ),
    "audit.anchor-changed": Rule(
        "error",
        "security",
        "Line {line} of the anchors was not signed by this gateway, or does not follow the line before",
        "Compare with the copy kept elsewhere; check that the key folder is the one they were signed with",
    ),
}
