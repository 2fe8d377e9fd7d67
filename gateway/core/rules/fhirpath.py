"""Rules of the area `fhirpath`: what is wrong with an expression, or with the data it met."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "fhirpath.syntax": Rule("error", "invalid", "{problem}", "See https://hl7.org/fhirpath/N1/grammar.html"),
    "fhirpath.too-deep": Rule("error", "too-long", "The expression nests deeper than {limit} levels", "Split it"),
    "fhirpath.too-long": Rule("error", "too-long", "The expression is longer than {limit} characters", "Split it"),
    "fhirpath.unknown-function": Rule(
        "error", "not-found", "There is no function {name}()", "Check the spelling; names are case-sensitive"
    ),
    "fhirpath.arity": Rule("error", "invalid", "{name}() takes {expected} arguments, not {found}"),
    "fhirpath.unknown-element": Rule(
        "error", "not-found", "{type} has no element {name}", "See the type's definition"
    ),
    "fhirpath.unknown-type": Rule("error", "not-found", "There is no type {name}"),
    "fhirpath.unknown-variable": Rule("error", "not-found", "There is no variable %{name} here"),
    "fhirpath.argument": Rule("error", "invalid", "{name}() needs {expected}"),
    "fhirpath.type": Rule("error", "invalid", "{operation} does not take {type}"),
    "fhirpath.cardinality": Rule("error", "invalid", "{operation} needs a single item and {name} may have several"),
    "fhirpath.unordered": Rule("error", "invalid", "{name}() needs an order, and the input has none"),
    "fhirpath.pattern": Rule(
        "error", "not-supported", "The regular expression of {name}() is not taken", "Use RE2 syntax, no look-around"
    ),
    "fhirpath.several": Rule("error", "multiple-matches", "A single item is needed and there are several"),
    "fhirpath.operand": Rule("error", "value", "{operation} does not take these operands"),
    "fhirpath.budget": Rule("error", "too-costly", "The evaluation took more than its budget"),
    "fhirpath.unavailable": Rule("error", "not-supported", "{name}() needs a service that is not there"),
    "fhirpath.data": Rule("error", "structure", "The data has a shape that the expression cannot read"),
}
