"""Rules of the area `search`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "search.explain-role": Rule(
        "error",
        "forbidden",
        "How a search is run is shown to operators alone",
        "Ask with a role that operates (`operates: true` in the study file), for the whole study",
    ),
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
    "search.too-deep": Rule(
        "error", "too-costly", "The chain {parameter} has more than {limit} links", "Search in several steps"
    ),
    "search.too-many-ways": Rule(
        "error",
        "too-costly",
        "The chain {parameter} leads to too many types",
        "Name the type that is meant, as in subject:Patient.name",
    ),
    "search.chain": Rule(
        "error",
        "not-supported",
        "None of the types that {parameter} of {type} leads to has what follows it",
        "Name the type that is meant, as in subject:Patient.name",
    ),
    "search.no-reference": Rule(
        "error", "invalid", "{parameter} of {type} is no reference", "Chains and includes follow references only"
    ),
    "search.canonical": Rule(
        "error",
        "not-supported",
        "{parameter} of {type} is a canonical URL, which chains, _has and includes do not follow",
        "Search for the resource by its url first",
    ),
    "search.no-target": Rule(
        "error", "invalid", "{parameter} of {type} never refers to {target}", "See the types that it may refer to"
    ),
    "search.has": Rule(
        "error", "invalid", "{parameter} is not _has:Type:reference:parameter", "As in _has:Observation:patient:code"
    ),
    "search.include": Rule(
        "error",
        "invalid",
        "{parameter} starts at {type}, which is not searched",
        "Use :iterate to follow what is included",
    ),
    "search.sort": Rule("error", "not-supported", "{parameter} is no order", "Sort by a single value"),
    "search.value-set": Rule(
        "error",
        "not-supported",
        "The value set of {parameter} is not here with all its codes",
        "Give the canonical URL of a value set that can be expanded here",
    ),
    "search.hierarchy": Rule(
        "error",
        "not-supported",
        "The code of {parameter} is in no code system whose content is here",
        "List the codes that are meant",
    ),
    "search.refused": Rule("error", "not-supported", "The parameter {parameter} is not offered", "Leave it out"),
    "search.conflict": Rule(
        "error", "invalid", "{parameter} cannot be given together with this {other}", "Leave one of them out"
    ),
    "search.compartment": Rule(
        "error",
        "not-supported",
        "{type} is not in the compartment {compartment}",
        "See https://hl7.org/fhir/R4/compartmentdefinition.html",
    ),
    "search.ignored": Rule(
        "warning",
        "not-supported",
        "The parameter {parameter} was left out of the search",
        "Ask with Prefer: handling=strict to have it refused",
    ),
    "search.parameter": Rule(
        "warning",
        "invalid",
        "The search parameter {parameter} of {type} has an expression that is not understood",
        "See SearchParameter.expression; searches by it are refused",
    ),
}
