"""Rules of the area `mapping`: faults of mapping files, and of payloads when they are mapped."""

from gateway.core.rules.rule import Rule

_FILE = {
    "mapping.yaml": Rule("fatal", "structure", "The mapping file is not YAML: {problem}", "See YAML 1.2"),
    "mapping.structure": Rule("error", "structure", "{problem}", "See the mapping language, part 'The file'"),
    "mapping.option": Rule("error", "value", "The option {name}: {problem}", "See the format's decoder"),
    "mapping.expression": Rule("error", "processing", "The expression is not valid: {problem}"),
    "mapping.unknown-variable": Rule("error", "not-found", "Nothing is called {name} here", "Known: {known}"),
    "mapping.context-undeclared": Rule(
        "error", "not-found", "%{name} is not declared in `context`", "Declare it, or use a declared one"
    ),
    "mapping.unused": Rule("warning", "informational", "{what} is never used", "Remove it, or use it"),
    "mapping.union-as-fallback": Rule(
        "error", "processing", "A union of several values stands where one is wanted", "Use coalesce(a, b)"
    ),
    "mapping.unknown-type": Rule("error", "not-found", "{type} is not an R4 resource type"),
    "mapping.unknown-element": Rule("error", "not-found", "{parent} has no element {name}", "Known: {known}"),
    "mapping.reserved-element": Rule("error", "structure", "{name} is set by the gateway", "Remove it"),
    "mapping.choice-type": Rule("error", "structure", "{element} cannot be a {type}", "Possible: {known}"),
    "mapping.choice-twice": Rule(
        "error", "structure", "{element} is given in more than one type", "Keep one of them"
    ),
    "mapping.list-wanted": Rule(
        "error", "structure", "{element} repeats", "Write a list, an expression, or a map with foreach"
    ),
    "mapping.list-unwanted": Rule("error", "structure", "{element} does not repeat", "Write one value"),
    "mapping.too-many-items": Rule("error", "structure", "{element} takes at most {max} values"),
    "mapping.literal-type": Rule("error", "value", "{element} takes a {type}", "Quote texts, leave numbers bare"),
    "mapping.literal-form": Rule(
        "error", "value", "{element} takes a {type}, and this is not the form of one", "See the primitive types of R4"
    ),
    "mapping.literal-doubtful": Rule(
        "warning", "value", "This literal text reads as an expression", "Put = before it; == keeps it a text"
    ),
    "mapping.nothing-deleted": Rule(
        "warning", "informational", "{name} is null, and no anchor brings it", "Give a value, or remove it"
    ),
    "mapping.code-not-bound": Rule(
        "error", "code-invalid", "{element} takes a code of {value_set}", "See the value set"
    ),
    "mapping.element-missing": Rule("error", "required", "The required element {element} is not set", "Set it"),
    "mapping.unreachable": Rule(
        "error", "processing", "This branch is never reached", "Put it before the one without when"
    ),
    "mapping.path-unknown": Rule(
        "error", "not-found", "The payload's schema has no {name} here", "Correct the path, or the schema: {known}"
    ),
    "mapping.path-doubtful": Rule(
        "warning",
        "not-found",
        "The payload's schema has no {name} here",
        "Is {known} meant? Else add it to the schema",
    ),
    "mapping.result-type": Rule(
        "error", "value", "{element} takes a {type}, the expression gives a {kind}", "Convert it, such as toDecimal()"
    ),
    "mapping.nobodys": Rule(
        "warning",
        "required",
        "{type} names no participant, so that no Consent permits it and ingest keeps its payload out",
        "Set {element}: {{reference: =%subject.reference}}",
    ),
    "mapping.key-constant": Rule(
        "error", "structure", "The key is the same for every resource of {emit}", "Add what tells them apart"
    ),
    "mapping.same-key": Rule(
        "error", "duplicate", "{emit} makes the same resources under the same key as {other}", "Tell them apart"
    ),
    "mapping.unit-invalid": Rule("error", "code-invalid", "{unit} is not a UCUM unit", "See https://ucum.org"),
    "mapping.unit-inconvertible": Rule(
        "error", "value", "{unit} cannot be told in {target}", "Use units of the same kind"
    ),
    "mapping.unknown-emit": Rule("error", "not-found", "There is no emit {name}", "Known: {known}"),
    "mapping.duplicate-emit": Rule("error", "duplicate", "Two emits are called {name}", "Rename one"),
    "mapping.emit-cycle": Rule("error", "processing", "Emits refer to each other in a circle: {names}"),
    "mapping.ref-parts": Rule(
        "error", "processing", "ref('{name}') takes {wanted} key parts, {given} given", "Give every part that varies"
    ),
    "mapping.unknown-map": Rule("error", "not-found", "There is no concept map {name}", "Known: {known}"),
    "mapping.unknown-lookup": Rule("error", "not-found", "There is no lookup {name}", "Known: {known}"),
    "mapping.file-missing": Rule("error", "not-found", "The file {name} is not there or cannot be read"),
    "mapping.table": Rule("error", "structure", "{name} cannot be read as a table: {problem}", "Correct the file"),
    "mapping.unknown-column": Rule("error", "not-found", "The lookup has no column {name}", "Known: {known}"),
    "mapping.payload-schema": Rule(
        "error", "structure", "{name} is not a JSON Schema 2020-12 that is taken: {problem}"
    ),
    "mapping.not-offered": Rule("error", "not-supported", "{what} is not offered yet", "See docs/limits.md"),
    "mapping.duplicate-mapping": Rule("error", "duplicate", "Two folders hold the mapping {name}", "Rename one"),
    "mapping.unknown-mapping": Rule("error", "not-found", "There is no mapping {name}"),
    "mapping.test-failed": Rule("error", "processing", "The test '{test}' fails: {problem}"),
}

_RUN = {
    "mapping.no-match": Rule(
        "error", "not-supported", "No mapping of this source takes the payload", "Tried: {tried}"
    ),
    "mapping.payload-invalid": Rule(
        "error", "structure", "The payload does not fit its schema: {problem}", "Has the vendor changed its format?"
    ),
    "mapping.record-invalid": Rule(
        "error", "structure", "A record does not fit the schema: {problem}", "The others are taken; fix, then replay"
    ),
    "mapping.no-records": Rule("warning", "not-found", "The payload holds no record"),
    "mapping.context-missing": Rule("error", "required", "%{name} was not handed in", "See `context` of the mapping"),
    "mapping.subject-unknown": Rule(
        "error", "not-found", "The participant is not known in this study", "Add the identity, then replay"
    ),
    "mapping.subject-empty": Rule("error", "required", "The payload does not say whose data it is"),
    "mapping.subject-mismatch": Rule(
        "error", "conflict", "{what} of the payload is not that of the participant", "Clear up the identity first"
    ),
    "mapping.subject-unverified": Rule("warning", "incomplete", "{what} of the participant is not known here"),
    "mapping.multiple-values": Rule(
        "error", "multiple-matches", "Several values where one is wanted", "Say which one: first(), where(...)"
    ),
    "mapping.required-missing": Rule("error", "required", "The required element {element} is empty"),
    "mapping.wrong-value": Rule("error", "value", "A value is not of the kind that {what} takes"),
    "mapping.code-unmapped": Rule("error", "code-invalid", "A code is not in the concept map {map}", "Add the code"),
    "mapping.unit-unmapped": Rule(
        "error", "code-invalid", "A unit is not known, or does not convert to {unit}", "Add the unit to the map"
    ),
    "mapping.lookup-missing": Rule("error", "not-found", "A key is not in the lookup {name}", "Add the row"),
    "mapping.branch-refused": Rule("error", "not-supported", "{code}: {element} has no branch for this record"),
    "mapping.guard": Rule("error", "business-rule", "{code}: a guard of {emit} does not hold"),
    "mapping.key-empty": Rule("error", "required", "Part {part} of the key of {emit} is empty"),
    "mapping.duplicate-key": Rule(
        "error",
        "duplicate",
        "{emit} makes different resources with the same key",
        "Add what tells them apart to the key",
    ),
    "mapping.ref-dangling": Rule("error", "not-found", "ref('{name}') refers to a resource that was not made"),
    "mapping.series-irregular": Rule(
        "error", "value", "Points of a series are not one period apart", "See `irregular` and `period` of the series"
    ),
    "mapping.local-time": Rule(
        "error", "value", "A local time does not exist or is ambiguous in its zone", "See tz: ambiguous, gap"
    ),
    "mapping.evaluation": Rule("error", "processing", "The expression cannot be evaluated on this record: {problem}"),
    "mapping.more-findings": Rule("warning", "incomplete", "{count} more findings of this unit are not listed"),
    "mapping.budget": Rule(
        "fatal",
        "too-costly",
        "The mapping goes over parts of the payload again and again, more than any payload is granted",
        "Send it in parts, or let the mapping read what belongs to a record from the record",
    ),
    "mapping.too-large": Rule("fatal", "too-long", "The payload makes more than {limit} {what}", "Send it in parts"),
}

RULES: dict[str, Rule] = _FILE | _RUN
