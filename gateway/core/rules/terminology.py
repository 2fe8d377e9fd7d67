"""Rules of the area `terminology`."""

from gateway.core.rules.rule import Rule

_UNKNOWN_SYSTEM = "A definition for CodeSystem '{system}' could not be found, so the code cannot be validated"
_USE_ANOTHER = "Use a code of the value set"
_ADD_SYSTEM = "Add the CodeSystem to an asset folder"
_REVIEW = "Ask whether another code is meant"
_TAKE_DISPLAY = "Take one of the displays, or leave the display out"
_MEND = "Mend the ValueSet"

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
    "terminology.not-in-vs": Rule(
        "error",
        "code-invalid",
        "The provided code '{coding}' was not found in the value set '{value_set}'",
        _USE_ANOTHER,
    ),
    "terminology.none-in-vs": Rule(
        "error", "code-invalid", "No valid coding was found for the value set '{value_set}'", _USE_ANOTHER
    ),
    "terminology.this-not-in-vs": Rule(
        "information",
        "code-invalid",
        "The provided code '{coding}' was not found in the value set '{value_set}'",
        _USE_ANOTHER,
    ),
    "terminology.unknown-code": Rule(
        "error", "code-invalid", "Unknown code '{code}' in the CodeSystem '{system}'{version}", "Check the code"
    ),
    "terminology.unknown-code-in-fragment": Rule(
        "warning",
        "code-invalid",
        "Unknown code '{code}' in the CodeSystem '{system}'{version}, of which only a part is here",
        "Check the code, or add the whole CodeSystem to an asset folder",
    ),
    "terminology.unknown-system": Rule("error", "not-found", _UNKNOWN_SYSTEM, _ADD_SYSTEM),
    "terminology.unknown-system-version": Rule(
        "error",
        "not-found",
        "A definition for CodeSystem '{system}' version '{version}' could not be found, so the code cannot be "
        "validated. Valid versions: {known}",
        _ADD_SYSTEM,
    ),
    "terminology.unknown-value-set": Rule(
        "error",
        "not-found",
        "A definition for the value Set '{value_set}' could not be found",
        "Check the canonical URL, or add the ValueSet to an asset folder",
    ),
    "terminology.unknown-concept-map": Rule(
        "error",
        "not-found",
        "A definition for the ConceptMap '{concept_map}' could not be found",
        "Check the canonical URL, or add the ConceptMap to an asset folder",
    ),
    "terminology.supplement-unknown": Rule(
        "error", "not-found", "Required supplement not found: {supplement}", "Add the supplement to an asset folder"
    ),
    "terminology.cannot-infer": Rule(
        "error",
        "not-found",
        "The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}'",
        "Give the system with the code",
    ),
    "terminology.several-systems": Rule(
        "error",
        "not-found",
        "The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}': value set "
        "expansion has multiple matches: [{systems}]",
        "Give the system with the code",
    ),
    "terminology.no-system": Rule(
        "warning",
        "invalid",
        "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system "
        "should be provided",
        "Give the system with the code",
    ),
    "terminology.relative-system": Rule(
        "error",
        "invalid",
        "Coding.system must be an absolute reference, not a local reference",
        "Give the URL of the code system",
    ),
    "terminology.system-is-value-set": Rule(
        "error",
        "invalid",
        "The Coding references a value set, not a code system ('{system}')",
        "Give the URL of the code system",
    ),
    "terminology.system-is-supplement": Rule(
        "error",
        "invalid",
        "CodeSystem {system} is a supplement, so can't be used as a value in Coding.system",
        "Give the URL of the code system that it supplements",
    ),
    "terminology.wrong-display": Rule(
        "error",
        "invalid",
        "Wrong Display Name '{display}' for {coding}. Valid display is {choices} (for the language(s) '{languages}')",
        _TAKE_DISPLAY,
    ),
    "terminology.wrong-display-in-language": Rule(
        "error",
        "invalid",
        "Wrong Display Name '{display}' for {coding}. There are no valid display names found for language(s) "
        "'{languages}'. Default display is '{default}'",
        _TAKE_DISPLAY,
    ),
    "terminology.display-of-other-language": Rule(
        "information",
        "invalid",
        "There are no valid display names found for the code {coding} for language(s) '{languages}'. The display is "
        "'{display}' which is a valid display for the default language",
        _TAKE_DISPLAY,
    ),
    "terminology.withdrawn-display": Rule(
        "warning",
        "invalid",
        "'{display}' is no longer considered a correct display for code '{code}' (status = {status}). The correct "
        "display is one of {choices}",
        _TAKE_DISPLAY,
    ),
    "terminology.not-active": Rule(
        "error", "business-rule", "The concept '{code}' is valid but is not active", "Use an active code"
    ),
    "terminology.abstract-code": Rule(
        "error",
        "business-rule",
        "Code '{coding}' is abstract, and not allowed in this context",
        "Use one of the codes below it",
    ),
    "terminology.inactive-code": Rule(
        "warning",
        "business-rule",
        "The concept '{code}' has a status of {status} and its use should be reviewed",
        _REVIEW,
    ),
    "terminology.deprecated-code": Rule(
        "warning", "business-rule", "The concept '{code}' is {status} and its use should be reviewed", _REVIEW
    ),
    "terminology.deprecated-here": Rule(
        "warning",
        "business-rule",
        "The presence of the concept '{code}' in the system '{system}' in the value set {value_set} is marked with a "
        "status of deprecated and its use should be reviewed",
        _REVIEW,
    ),
    "terminology.filter-no-value": Rule(
        "error", "invalid", "The system {system} filter with property = {property}, op = {op} has no value", _MEND
    ),
    "terminology.filter-unknown": Rule(
        "error",
        "not-supported",
        "The system {system} filter with property = {property}, op = {op} is not understood",
        "Use a filter of FHIR R4 with a simple regular expression",
    ),
    "terminology.circular": Rule("error", "processing", "The value set {value_set} includes itself", _MEND),
    "terminology.other-version": Rule(
        "error",
        "business-rule",
        "The value set does not use version '{version}' of the CodeSystem '{system}'",
        "Force the version, or leave check-system-version out",
    ),
    "terminology.malformed": Rule(
        "error", "structure", "A terminology resource that the answer needs is malformed", "Validate it against R4"
    ),
    "terminology.too-costly": Rule(
        "error", "too-costly", "The value set has more than {limit} codes", "Ask for pages with count and offset"
    ),
    "terminology.language": Rule(
        "error",
        "value",
        "The display language is no list of language tags",
        "Write it as Accept-Language, as de, en;q=0.8",
    ),
    "terminology.unknown-concept": Rule(
        "error", "not-found", "The code '{code}' is not in the CodeSystem '{system}'", "Check the code and the system"
    ),
    "terminology.nothing-to-check": Rule("error", "required", "There is no {expected} to work on", "Give {expected}"),
}
