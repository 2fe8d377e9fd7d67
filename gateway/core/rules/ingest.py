"""Rules of the area `ingest`: what keeps a payload, or a unit of it, out of the store."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "ingest.unknown-study": Rule(
        "error", "not-found", "There is no such study", "See the studies that are installed under profiles/studies"
    ),
    "ingest.unknown-source": Rule("error", "not-found", "The study has no such source", "Its sources are: {known}"),
    "ingest.unknown-receipt": Rule("error", "not-found", "The study has no such receipt", "Check the receipt's id"),
    "ingest.not-your-source": Rule(
        "error", "forbidden", "The client does not deliver this source", "Use the client that is registered for it"
    ),
    "ingest.media-type": Rule(
        "error", "not-supported", "The source does not take this media type", "Send one of: {known}"
    ),
    "ingest.no-records": Rule(
        "warning", "informational", "The payload holds no records", "Nothing is stored; check that this was meant"
    ),
    "ingest.nothing-made": Rule(
        "warning",
        "incomplete",
        "The mapping makes nothing of the payload's {count} records",
        "Check with gateway map run that this was meant; the payload is kept",
    ),
    "ingest.unseen-fields": Rule(
        "information",
        "informational",
        "{count} fields are not in the payload's schema: {fields}",
        "Describe them in the schema, and map what the study needs; until then they are kept in the payload only",
    ),
    "ingest.vanished-fields": Rule(
        "warning",
        "incomplete",
        "{count} fields that the mapping reads have stopped coming: {fields}",
        "Ask the vendor whether the format has changed; correct the mapping, then replay",
    ),
    "ingest.superseded": Rule(
        "information",
        "informational",
        "A newer message was here before: {count} resources stay as they are",
        "Nothing to do; the payload is kept",
    ),
    "ingest.type-not-taken": Rule(
        "error",
        "not-supported",
        "The study takes no {type}",
        "List the type under `profiles` of the study, or correct the mapping",
    ),
    "ingest.gave-up": Rule(
        "fatal",
        "exception",
        "Processing did not end in {limit} attempts",
        "The payload is kept; report this, then replay the receipt after the fix",
    ),
    "ingest.internal": Rule(
        "fatal",
        "exception",
        "Processing stopped at an unexpected {error} in {where}",
        "The payload is kept; report this, then replay the receipt after the fix",
    ),
    "ingest.payload-rejected": Rule(
        "error",
        "business-rule",
        "Another part of the payload is refused, and the study takes payloads whole",
        "Correct the payload and deliver it again",
    ),
    "ingest.parent-missing": Rule(
        "error",
        "not-found",
        "The {type} that this belongs to is not in the study",
        "Deliver it; if it is there already, see that both mappings make its id of the same key",
    ),
    "ingest.others-wait": Rule(
        "error",
        "not-found",
        "Another part of the payload waits for what it belongs to, and the study takes payloads whole",
        "Deliver what is missing; all parts are stored then",
    ),
    "ingest.parked": Rule(
        "information",
        "informational",
        "A part of the payload waits for what it belongs to, until {until} at most",
        "Nothing to do when that comes by then: it is stored by itself; otherwise it is quarantined",
    ),
}
