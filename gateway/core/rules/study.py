"""Rules of the area `study`: what is wrong in a study's files."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "study.missing-file": Rule(
        "error", "not-found", "The study folder has no {file}", "Add the file; see profiles/studies/hf-dct-01"
    ),
    "study.not-yaml": Rule("error", "structure", "The file is not plain YAML: {problem}", "Correct the YAML"),
    "study.not-json": Rule("error", "structure", "The file is not one JSON resource", "Correct the JSON"),
    "study.unknown-key": Rule(
        "error", "structure", "{where} has no key {key}", "Remove the key, or correct its spelling"
    ),
    "study.missing-key": Rule("error", "required", "{where} lacks the key {key}", "Add the key"),
    "study.value": Rule("error", "value", "{where} is not as the study format asks: {expected}", "Correct the value"),
    "study.twice": Rule("error", "duplicate", "{what} is declared twice", "Keep one of them"),
    "study.unknown-name": Rule(
        "error", "not-found", "No {what} named {name} is declared", "Declare it, or use one of: {known}"
    ),
    "study.zone": Rule(
        "error", "value", "The time zone is not in the IANA database", "Use a name such as Europe/Madrid"
    ),
    "study.date": Rule("error", "value", "The date does not exist", "Use YYYY-MM-DD"),
    "study.identity-twice": Rule(
        "error",
        "duplicate",
        "Two participants have the same identity in {system}",
        "Give each participant an identity of their own, or data will be filed under the wrong person",
    ),
    "study.participant-site": Rule(
        "error", "value", "A participant's id does not start with the site's id", "Number participants SITE-NUMBER"
    ),
    "study.client-source": Rule(
        "error",
        "required",
        "The client {client} must name a source, since its role collects",
        "Add `source:`, or give the client another role",
    ),
    "study.retention-role": Rule(
        "error",
        "value",
        "The role {name} sees what is retained (`sees_retained`), so that it reads and searches alone",
        "Give it scopes of the letters r and s, and none of enrols, collects, break_glass, deidentify",
    ),
    "study.retention-purpose": Rule(
        "error",
        "value",
        "The client {client} sees what is retained for another purpose than those it may be seen for",
        "Purposes: {known}",
    ),
    "study.source-client": Rule(
        "error",
        "required",
        "No client delivers the source {name}",
        "Declare a client with `source: {name}` and a role that collects",
    ),
    "study.consent-template": Rule(
        "error",
        "value",
        "The Consent template {name} {problem}",
        "A template is a Consent without id, patient and dateTime, linked to this study",
    ),
    "study.folder": Rule(
        "error", "value", "The study's id is not the name of its folder", "Rename the folder or the study"
    ),
    "study.unknown-mapping": Rule(
        "error", "not-found", "The source {name} names a mapping that is not installed", "See `gateway map list`"
    ),
    "study.unknown-profile": Rule(
        "error", "not-found", "No StructureDefinition has the url {url}", "Put it beside study.yaml"
    ),
    "study.unknown-questionnaire": Rule(
        "error", "not-found", "No Questionnaire has the url {url}", "Put it under profiles/questionnaires"
    ),
    "study.expression": Rule(
        "error", "value", "The FHIRPath expression does not compile: {problem}", "Correct the expression"
    ),
    "study.domain-code": Rule(
        "error",
        "not-found",
        "The Consent template {name} names the domain {domain}, which the study does not declare",
        "Declare the domain, or correct the code",
    ),
    "study.unknown-rule": Rule(
        "error", "not-found", "There is no rule {name} to suppress", "See docs/reference/rules.md"
    ),
    "study.rule-broken": Rule("error", "business-rule", "{id}: {message}", "Correct the data, or the study's rule"),
    "study.rule-not-evaluated": Rule(
        "error", "exception", "The study's rule {id} has no answer for this resource", "Correct the study's rule"
    ),
    "study.suppressed": Rule(
        "information", "informational", "A finding of {name} does not count in this study: {reason}"
    ),
}
