"""Rules of the area `store`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "store.definition": Rule(
        "error",
        "not-supported",
        "This id is that of a definition of the asset folders, which is read and not written",
        "Write it at another id, or change the file in the asset folder",
    ),
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
    "store.too-long": Rule(
        "error",
        "too-costly",
        "The database did not answer within the time that this gateway gives to a question",
        "Ask for less: a participant, a code, a shorter period, fewer values (limit: GATEWAY_STATEMENT_SECONDS)",
    ),
    "store.reindex-needed": Rule(
        "error",
        "transient",
        "The study is being indexed again: a search could leave resources out",
        "Run: gateway db reindex",
    ),
    "store.backup-exists": Rule("error", "duplicate", "There is a file of this name", "Name another file"),
    "store.backup-schema": Rule(
        "error",
        "not-supported",
        "The schema has version {found}, this gateway has {known}",
        "Use the gateway that made it, then bring the database up to date",
    ),
    "store.backup-broken": Rule(
        "error", "invalid", "The file is no backup, or not all of one", "Take another backup; nothing was changed"
    ),
    "store.not-empty": Rule(
        "error", "conflict", "The database holds something already", "Restore into an empty database"
    ),
    "store.check-file": Rule("error", "exception", "The database file is damaged", "Restore a backup"),
    "store.check-lost": Rule(
        "error", "exception", "Resources without their current version: {count}", "Restore a backup"
    ),
    "store.check-content": Rule(
        "error", "exception", "Resources whose bytes are not those that were written: {count}", "Restore a backup"
    ),
    "store.check-index": Rule(
        "error",
        "exception",
        "Resources that are not indexed as they should be: {count}",
        "Run: gateway db reindex",
    ),
    "store.check-payload": Rule(
        "error", "exception", "Payloads whose bytes are not those that were landed: {count}", "Restore a backup"
    ),
    "store.check-receipt": Rule("error", "exception", "Receipts without their payload: {count}", "Restore a backup"),
}
