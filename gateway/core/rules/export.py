"""Rules of the area `export`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "export.foreign-file": Rule(
        "error",
        "conflict",
        "The folder holds {name}, which no earlier export wrote",
        "Export into an empty folder, or into one that holds an export",
    ),
}
