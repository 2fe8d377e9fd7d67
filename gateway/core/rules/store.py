"""Rules of the area `store`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "store.version-conflict": Rule(
        "error",
        "conflict",
        "The {type} has another version than the one expected",
        "Read the current version and repeat the change with its ETag",
    ),
    "store.not-found": Rule("error", "not-found", "There is no such {type}"),
    "store.key-mismatch": Rule(
        "error",
        "invalid",
        "The {type} does not carry the type and id it is written under",
        "resourceType and id must equal those of the address",
    ),
    "store.id": Rule(
        "error",
        "value",
        "The id of the {type} is not a FHIR id",
        "1 to 64 letters, digits, hyphens and dots",
    ),
    "store.other-study": Rule(
        "error", "processing", "A unit of work holds a change of another study", "One transaction touches one study"
    ),
    "store.receipt-not-found": Rule("error", "not-found", "There is no such receipt"),
    "store.schema-newer": Rule(
        "fatal",
        "exception",
        "The database has schema version {found}, this gateway knows up to {known}",
        "Start a newer gateway, or restore a backup made by this one",
    ),
    "store.schema-missing": Rule(
        "fatal", "exception", "The database has no schema of the gateway", "Run: gateway db migrate"
    ),
    "store.database": Rule(
        "fatal",
        "exception",
        "The database does not answer ({kind})",
        "Is it running, and may the gateway write to it?",
    ),
    "store.value": Rule(
        "error",
        "value",
        "A value is none that the database can keep",
        "Remove NUL characters from texts, send smaller parts",
    ),
    "store.busy": Rule(
        "error", "transient", "Too many writers at once: the change was not made", "Repeat the request"
    ),
}
