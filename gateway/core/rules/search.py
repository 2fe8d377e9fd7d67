"""Rules of the area `search`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "search.unknown-type": Rule(
        "error",
        "not-found",
        "{type} is not a resource type of R4",
        "See https://hl7.org/fhir/R4/resourcelist.html",
    ),
    "search.unknown-parameter": Rule(
        "error",
        "not-supported",
        "{type} has no search parameter {parameter} here",
        "Known for {type}: {known}",
    ),
    "search.modifier": Rule(
        "error",
        "not-supported",
        "The modifier :{modifier} of {parameter} is not supported",
        "Search without a modifier",
    ),
    "search.value": Rule(
        "error",
        "invalid",
        "The value of {parameter} is not {expected}",
        "See https://hl7.org/fhir/R4/search.html",
    ),
    "search.empty-value": Rule(
        "error",
        "invalid",
        "The parameter {parameter} has an empty value",
        "Leave the parameter out, or give it a value",
    ),
    "search.repeated": Rule("error", "invalid", "The parameter {parameter} is given more than once", "Give it once"),
    "search.too-many": Rule("error", "too-costly", "{parameter} has more than {limit} values", "Split the search"),
}
