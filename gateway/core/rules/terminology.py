"""Rules of the area `terminology`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "terminology.not-in-value-set": Rule(
        "error", "code-invalid", "The code is not in the value set {value_set}", "Use a code of the value set"
    ),
    "terminology.value-set-unknown": Rule(
        "warning",
        "not-found",
        "The value set {value_set} is not known here, so the code was not checked",
        "Add the ValueSet to an asset folder",
    ),
    "terminology.content-missing": Rule(
        "information",
        "not-found",
        "The value set {value_set} uses a code system whose content is not here, so the code was not checked",
        "Add the CodeSystem to an asset folder",
    ),
}
