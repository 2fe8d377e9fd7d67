"""Rules of the area `export`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "export.foreign-file": Rule(
        "error",
        "conflict",
        "The folder holds {name}, which no earlier export wrote",
        "Export into an empty folder, or into one that holds an export",
    ),
    "export.view-element": Rule(
        "error",
        "invalid",
        "The ViewDefinition needs {expected} here",
        "See https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html",
    ),
    "export.view-column-twice": Rule(
        "error",
        "duplicate",
        "The view has several columns {column}",
        "Give each column a name of its own",
    ),
    "export.view-several": Rule(
        "error",
        "multiple-matches",
        "The path of column {column} gives several values of one resource",
        "Choose one (first(), where(...)), iterate with forEach, or set collection to true",
    ),
    "export.view-value": Rule(
        "error",
        "value",
        "Column {column} takes {expected}, and its path gives something else",
        "Correct the column's path, its type or its tag ansi/type",
    ),
    "export.view-too-many": Rule(
        "error",
        "too-costly",
        "One resource gives more than {limit} rows or nodes",
        "Iterate over fewer things in one view",
    ),
    "export.table-format": Rule(
        "error",
        "not-supported",
        "The file's ending names no format of tables",
        "Use one of {known}",
    ),
    "export.table-extra": Rule(
        "error",
        "not-supported",
        "This format needs {name}, which is not installed",
        "Install trial-fhir-gateway[tables]",
    ),
    "export.view-file": Rule(
        "error",
        "invalid",
        "The file is no ViewDefinition that can run: {count} faults",
        "Correct the places that follow",
    ),
    "export.policy-file": Rule(
        "error",
        "structure",
        "The policy is no JSON or YAML",
        "Write it as JSON, or as YAML 1.2",
    ),
    "export.policy-element": Rule(
        "error",
        "invalid",
        "The policy needs {expected} here",
        "See docs/reference/deidentification.md",
    ),
    "export.deidentify": Rule(
        "error",
        "processing",
        "A resource cannot be de-identified: it has no known type, too many levels, or a value of another shape",
        "Validate it, or let the policy say processingErrors: skip",
    ),
    "export.key": Rule(
        "error",
        "security",
        "The study's key of de-identification is damaged, or others can read it",
        "Restore it, with the rights 0600, from where it is kept",
    ),
}
