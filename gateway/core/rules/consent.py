"""Rules of the area `consent`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "consent.break-glass": Rule(
        "error",
        "forbidden",
        "The glass is not broken for this: the role, the ticket or the request does not allow it",
        "Ask for a ticket with a role that may (`break_glass: true`), and read by GET, within its time",
    ),
    "consent.break-glass-ended": Rule("information", "informational", "The ticket opens nothing any more"),
    "consent.break-glass-reason": Rule(
        "error",
        "value",
        "The reason is not one line of text of 1 to {limit} characters",
        "Say in a few words why the participant's data is needed now, and nothing of the participant",
    ),
    "consent.permitted": Rule("information", "informational", "The participant's Consents permit it"),
    "consent.retained": Rule(
        "information", "informational", "The data is kept after a withdrawal or the time of a Consent, and not used"
    ),
    "consent.not-retained": Rule(
        "error", "forbidden", "The participant's data is not kept after a withdrawal or the time of a Consent"
    ),
    "consent.retention-reads": Rule(
        "error",
        "forbidden",
        "A role that sees what is retained reads and searches it, and nothing else",
        "Export or write with a client of another role",
    ),
    "consent.study-level": Rule("information", "informational", "The resource holds no participant's data"),
    "consent.no-subject": Rule(
        "error",
        "forbidden",
        "The resource names no participant, so that no Consent can permit it",
        "Give the resource a subject of this study",
    ),
    "consent.denied": Rule("error", "forbidden", "A provision of the participant's Consents denies it"),
    "consent.not-permitted": Rule(
        "error",
        "forbidden",
        "No Consent of the participant permits it",
        "Check which Consents are active and what they permit",
    ),
    "consent.collection-not-permitted": Rule(
        "error",
        "forbidden",
        "No Consent permits to collect this data of this participant",
        "Wait for the participant's Consent, then replay",
    ),
    "consent.patient-required": Rule(
        "error",
        "required",
        "A Consent must name its participant",
        "Set Consent.patient.reference to Patient/<id>",
    ),
    "consent.too-deep": Rule(
        "error", "too-long", "Provisions nest deeper than {limit} levels", "Write the Consent with fewer levels"
    ),
    "consent.withdrawal": Rule(
        "error",
        "invalid",
        "The withdrawal needs one mode, one instant `at`, and an inactive Consent",
        "Set status inactive, a mode (stop-collection, no-further-use, delete) and `at`; legalHold goes with delete",
    ),
    "consent.role": Rule(
        "error",
        "forbidden",
        "This role may not write participants or their Consents",
        "Let the site's staff write it",
    ),
    "consent.explain-role": Rule(
        "error",
        "forbidden",
        "Only who manages Consents may ask what they permit to others",
        "Let the site's staff ask",
    ),
    "consent.explain-question": Rule(
        "error",
        "value",
        "The study has no such client, or there is no such action",
        "Clients: {known}; actions: access, disclose, collect",
    ),
    "consent.redacted-search": Rule(
        "error",
        "forbidden",
        "This role may not search by {parameter}: it does not see what the search would tell",
        "Search by the study's subject number, or by another parameter",
    ),
    "consent.redacted-write": Rule(
        "error",
        "forbidden",
        "This role may not write: it does not see all of a resource",
        "Let a role write that sees everything",
    ),
    "consent.no-deletion": Rule(
        "error",
        "not-supported",
        "A Consent cannot be deleted",
        "Withdraw it: status inactive and the withdrawal extension",
    ),
    "consent.version-needed": Rule(
        "error",
        "conflict",
        "A Consent that is there is changed over the version that was seen alone",
        "Send its version in If-Match, or write a new Consent; a withdrawal that changes nothing else needs neither",
    ),
    "consent.subject-changed": Rule(
        "error",
        "conflict",
        "The resource stands for another participant already",
        "Use another id; an update cannot move data from one participant to another",
    ),
}
