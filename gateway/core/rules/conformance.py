"""Rules of the area `conformance`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "conformance.not-a-resource": Rule(
        "fatal", "structure", "This is not a JSON object", "Send a FHIR resource as one JSON object"
    ),
    "conformance.unknown-type": Rule(
        "fatal", "structure", "The resourceType is missing or is not a type of FHIR R4", "State an R4 resource type"
    ),
    "conformance.too-deep": Rule("fatal", "too-long", "The resource nests too deep", "Flatten the resource"),
    "conformance.unknown-element": Rule(
        "error", "structure", "The element {element} is not defined here", "Check the spelling, or use an extension"
    ),
    "conformance.not-an-object": Rule("error", "structure", "An object is expected here"),
    "conformance.not-an-array": Rule(
        "error", "structure", "The element repeats, so an array is expected here", "Put the value into an array"
    ),
    "conformance.not-repeating": Rule(
        "error", "structure", "The element does not repeat, so no array is expected here", "Give the value itself"
    ),
    "conformance.empty-array": Rule(
        "error", "invalid", "An array must not be empty", "Leave the element out when it has no values"
    ),
    "conformance.null": Rule(
        "error", "structure", "null is no value in FHIR", "Leave the element out when it has no value"
    ),
    "conformance.twin-length": Rule(
        "error",
        "structure",
        "The array of extensions does not go with the array of values",
        "Pad the arrays with null",
    ),
    "conformance.format": Rule(
        "error", "invalid", "The value is not a well-formed {type} (a JSON {shape})", "See the primitive type {type}"
    ),
    "conformance.minimum": Rule(
        "error", "required", "{element}: at least {minimum} required, {found} found", "Add {element}"
    ),
    "conformance.maximum": Rule(
        "error", "structure", "{element}: at most {maximum} allowed, {found} found", "Remove what is too much"
    ),
    "conformance.several-choices": Rule(
        "error", "structure", "{element} is given with several types", "Give {element} with one type"
    ),
    "conformance.type": Rule("error", "structure", "The type {type} is not allowed here, only {allowed}"),
    "conformance.fixed": Rule(
        "error", "value", "The value is not the one that the profile fixes", "Use the profile's fixed value"
    ),
    "conformance.pattern": Rule(
        "error",
        "value",
        "The value does not have all that the profile's pattern has",
        "Add what the pattern asks for",
    ),
    "conformance.below-minimum": Rule("error", "value", "The value is below the profile's minimum"),
    "conformance.above-maximum": Rule("error", "value", "The value is above the profile's maximum"),
    "conformance.bound-unchecked": Rule(
        "information", "incomplete", "The profile bounds the value relative to now, and the moment is not known here"
    ),
    "conformance.too-long": Rule("error", "too-long", "The text is longer than {limit} characters"),
    "conformance.binding-required": Rule(
        "error",
        "code-invalid",
        "The code is not in the required value set {value_set}",
        "Use a code of the value set",
    ),
    "conformance.binding-extensible": Rule(
        "warning",
        "code-invalid",
        "No code is in the value set {value_set}, which is to be used where it has a code that fits",
        "Use a code of the value set, unless none fits",
    ),
    "conformance.code-missing": Rule(
        "error", "code-invalid", "A code of the value set {value_set} is required", "Add a coding, not only a text"
    ),
    "conformance.code-unchecked": Rule(
        "information",
        "not-found",
        "The code was not checked: the content of {value_set} is not here",
        "Add the value set and its code systems to an asset folder",
    ),
    "conformance.invariant": Rule("error", "invariant", "{key}: {human}"),
    "conformance.invariant-warning": Rule("warning", "invariant", "{key}: {human}"),
    "conformance.invariant-not-compiled": Rule(
        "warning", "not-supported", "The constraint {key} cannot be compiled, so it was not checked"
    ),
    "conformance.invariant-not-evaluated": Rule(
        "warning", "not-supported", "The constraint {key} could not be evaluated on this element"
    ),
    "conformance.reference-target": Rule(
        "error", "structure", "A reference to {type} is not allowed here, only to {allowed}"
    ),
    "conformance.reference-target-tolerated": Rule(
        "warning",
        "structure",
        "A reference to {type} is not allowed here, only to {allowed}; examples of the specification have it, though",
        "Refer to one of the types that the specification allows",
    ),
    "conformance.reference-format": Rule(
        "error",
        "invalid",
        "A relative reference is a type and an id, or a search of a type, and this is neither",
        "Refer to Type/id",
    ),
    "conformance.reference-type": Rule(
        "error",
        "invalid",
        "The type that is stated is not that of the resource that is referred to",
        "State the type of the target, or leave it out",
    ),
    "conformance.contained-id": Rule(
        "error", "invalid", "Another contained resource has the same id", "Give each its own id"
    ),
    "conformance.system-relative": Rule(
        "error", "invalid", "The system is not an absolute URI", "Use the full URI of the system"
    ),
    "conformance.system-is-value-set": Rule(
        "error", "invalid", "The system is a value set", "Use the URI of the code system"
    ),
    "conformance.identifier-uri": Rule(
        "warning", "code-invalid", "The value of an identifier of this system is a full URI", "Put urn:oid: before it"
    ),
    "conformance.code-unknown": Rule(
        "warning",
        "code-invalid",
        "The code system has no such code, as far as it is known here",
        "Use a code of the code system",
    ),
    "conformance.display": Rule(
        "warning",
        "invalid",
        "The display is none of those that the code system gives the code",
        "Use the display of the code system, or check the code",
    ),
    "conformance.profile-unknown": Rule(
        "error",
        "not-found",
        "The profile {profile} is not known here",
        "Add its StructureDefinition to an asset folder",
    ),
    "conformance.meta-profile-unknown": Rule(
        "warning",
        "not-found",
        "The profile {profile} is not known here, so the resource was not checked against it",
        "Add its StructureDefinition to an asset folder",
    ),
    "conformance.profile-type": Rule("error", "structure", "The profile {profile} is not one of {type}"),
    "conformance.profile-fault": Rule(
        "warning",
        "structure",
        "The profile constrains {element}, which its base does not have",
        "Correct the profile",
    ),
    "conformance.no-profile-matches": Rule(
        "error", "structure", "The value conforms to none of the profiles that its element allows"
    ),
    "conformance.slice-closed": Rule(
        "error",
        "structure",
        "{element} is in none of the slices, and the slicing is closed",
        "Slices are told apart by {discriminators}",
    ),
    "conformance.slice-order": Rule("error", "structure", "{element}: the slices are not in the profile's order"),
    "conformance.slice-ambiguous": Rule("error", "invalid", "The value is in more than one slice: {slices}"),
    "conformance.extension-unknown": Rule(
        "information",
        "not-found",
        "The extension is not known here",
        "Add its StructureDefinition to an asset folder",
    ),
    "conformance.extension-not-allowed": Rule(
        "error",
        "structure",
        "The extension is not known here, so it is not allowed",
        "Use an extension that is known",
    ),
    "conformance.modifier-unknown": Rule(
        "warning",
        "not-found",
        "The modifier extension is not known here, so the element cannot be understood",
        "Add its StructureDefinition to an asset folder",
    ),
    "conformance.extension-not-one": Rule("error", "structure", "The URL is not that of an extension"),
    "conformance.extension-modifier": Rule(
        "error", "structure", "Modifier extensions go into modifierExtension, others into extension"
    ),
    "conformance.extension-url": Rule(
        "error", "structure", "The URL of an extension is absolute, but within another extension", "Use the full URL"
    ),
    "conformance.extension-part": Rule(
        "warning", "structure", "The extension around this one defines no such part", "See its definition"
    ),
    "conformance.extension-context": Rule(
        "error", "structure", "The extension {url} is not allowed here", "See the contexts of its definition"
    ),
    "conformance.attachment-size": Rule(
        "error", "structure", "The stated size of the attachment is not that of its data", "State the size in bytes"
    ),
    "conformance.bundle-link": Rule(
        "error", "invalid", "A link of the kind that pages a search is not allowed in this Bundle", "Remove the link"
    ),
    "conformance.bundle-link-repeated": Rule(
        "error", "invalid", "A Bundle has only one link of this kind", "Remove the other link"
    ),
    "conformance.search-resource": Rule(
        "error", "invalid", "An entry of a search result has no resource", "Add the resource"
    ),
    "conformance.search-type": Rule(
        "error",
        "invalid",
        "The resource is none of the types that the link of the search asks for",
        "Set the mode include",
    ),
    "conformance.first-entry": Rule(
        "error", "invalid", "A {kind} begins with a resource of the type {type}", "Put it into the first entry"
    ),
    "conformance.entry-unreachable": Rule(
        "error",
        "invalid",
        "No reference leads from the first entry to this one, or back",
        "Refer to it, or remove it",
    ),
    "conformance.entry-unreachable-in-message": Rule(
        "warning",
        "invalid",
        "No reference leads from the first entry to this one, or back",
        "Refer to it, or remove it",
    ),
    "conformance.full-url-missing": Rule(
        "error", "required", "Entries of a Bundle of this type have a fullUrl", "Add the fullUrl"
    ),
    "conformance.search-id": Rule("error", "invalid", "A resource in a search result has no id", "Give it its id"),
    "conformance.search-outcome": Rule(
        "error",
        "invalid",
        "OperationOutcomes, and they alone, have the mode outcome",
        "Set the mode as the resource asks",
    ),
    "conformance.reference-profile": Rule(
        "error",
        "structure",
        "The resource that is referred to conforms to none of the profiles that are allowed here",
        "Validate it against one of them to see why",
    ),
    "conformance.reference-aggregation": Rule(
        "error", "not-found", "The resource that is referred to must be {allowed}", "Send it along with the reference"
    ),
    "conformance.reference-ambiguous": Rule(
        "error", "invalid", "Several entries of the Bundle match the reference", "Make each fullUrl unique"
    ),
    "conformance.reference-missing": Rule(
        "error", "not-found", "The Bundle does not have the entry that the reference points to", "Add the entry"
    ),
    "conformance.dependency-missing": Rule(
        "warning",
        "not-found",
        "A package that the guide depends on is not here",
        "Put it beside the guide, or load it as a guide of its own",
    ),
    "conformance.file-unreadable": Rule("error", "exception", "The file cannot be read", "Check its rights"),
    "conformance.package-unreadable": Rule(
        "error", "invalid", "The file is not a FHIR package", "Give a folder of JSON files, or the .tgz of a package"
    ),
    "conformance.package-too-large": Rule(
        "error", "too-long", "The package is larger than the gateway takes", "Load the needed files from a folder"
    ),
    "conformance.definition-unknown": Rule(
        "error", "not-found", "No StructureDefinition with this URL is known here", "Add it to an asset folder"
    ),
    "conformance.definition-base": Rule(
        "error",
        "not-found",
        "The base of the StructureDefinition is not known here, so it has no snapshot",
        "Add the base to an asset folder",
    ),
    "conformance.definition-path": Rule(
        "error", "value", "The type that is constrained has no such element", "Correct the path"
    ),
    "conformance.definition-type": Rule(
        "error", "value", "The base does not allow this type", "Use a type of the base, or one derived from it"
    ),
    "conformance.definition-cardinality": Rule(
        "error", "value", "The base does not allow so few, or so many, of this element", "Stay within the base"
    ),
    "conformance.definition-binding": Rule(
        "error", "business-rule", "None of the element's types is coded, so it cannot be bound", "Remove the binding"
    ),
    "conformance.definition-value-type": Rule(
        "error", "value", "The fixed value or pattern is of none of the element's types", "Use one of its types"
    ),
    "conformance.definition-slicing": Rule(
        "error", "structure", "The element has a slice, and nothing says how it is sliced", "Add the slicing"
    ),
    "conformance.definition-discriminator": Rule(
        "error", "invalid", "The path of the discriminator leads to no element", "Correct the path"
    ),
    "conformance.definition-expression": Rule(
        "error", "invalid", "The expression is no FHIRPath", "Try it with gateway fhirpath"
    ),
    "conformance.code-system-count": Rule(
        "warning", "business-rule", "The stated number of concepts is not theirs", "State how many there are"
    ),
    "conformance.question-condition": Rule(
        "error", "business-rule", "The condition is on no other question of the Questionnaire", "Name its linkId"
    ),
    "conformance.questionnaire-unknown": Rule(
        "warning",
        "not-found",
        "The Questionnaire is not known here, so the answers were not checked against it",
        "Add the Questionnaire to an asset folder",
    ),
    "conformance.question-unknown": Rule(
        "error", "structure", "The Questionnaire has no such question here", "Use the linkIds of the Questionnaire"
    ),
    "conformance.question-disabled": Rule(
        "error", "structure", "The question was not to be asked, given the other answers", "Leave the item out"
    ),
    "conformance.question-repeated": Rule("error", "structure", "The question {question} does not repeat"),
    "conformance.answer-missing": Rule(
        "error", "required", "No answer to the required question {question}", "Answer it, or state another status"
    ),
    "conformance.answer-pending": Rule(
        "information", "incomplete", "No answer yet to the required question {question}"
    ),
    "conformance.answer-unasked": Rule("error", "structure", "A group or display item has no answers"),
    "conformance.answers-several": Rule("error", "structure", "The question takes one answer"),
    "conformance.answer-type": Rule("error", "structure", "The answer to a question of type {type} has another type"),
    "conformance.answer-option": Rule(
        "error", "code-invalid", "The answer is none of those that the question offers", "Use an offered answer"
    ),
    "conformance.narrative-namespace": Rule(
        "error",
        "invalid",
        "The narrative is not a div of XHTML",
        'Begin it with <div xmlns="http://www.w3.org/1999/xhtml">',
    ),
    "conformance.narrative-entity": Rule(
        "error", "invalid", "The narrative has an entity that XHTML does not have", "Write the character itself"
    ),
    "conformance.narrative-link": Rule(
        "error", "invalid", "A link in the narrative leads to nothing in the resource", "Correct or remove the link"
    ),
    "conformance.full-url-relative": Rule("error", "invalid", "The fullUrl is not an absolute URL"),
    "conformance.full-url-id": Rule(
        "warning",
        "invalid",
        "The fullUrl does not end with the type and the id of its resource",
        "Correct the fullUrl",
    ),
}
