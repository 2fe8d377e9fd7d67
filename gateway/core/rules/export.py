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
}
