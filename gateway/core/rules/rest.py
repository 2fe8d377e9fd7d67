"""Rules of the area `rest`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "rest.internal": Rule(
        "fatal", "exception", "The gateway failed to answer", "Try again; tell the operator the X-Request-Id"
    ),
    "rest.not-http": Rule(
        "error", "structure", "The bytes are not a request of HTTP/1.1", "Send a request as RFC 9112 has it"
    ),
    "rest.head-too-large": Rule(
        "error",
        "too-long",
        "The address and headers of the request are larger than {limit} bytes",
        "Send a long search by POST to _search, and only the headers that are needed",
    ),
    "rest.request-late": Rule(
        "error", "timeout", "The request did not come whole: nothing more of it within {seconds} s", "Send it again"
    ),
    "rest.unknown-route": Rule(
        "error", "not-found", "There is nothing at this address", "The FHIR base is /studies/{{study}}/fhir"
    ),
    "rest.source-writes": Rule(
        "error",
        "forbidden",
        "A source delivers payloads; it does not write resources",
        "Send the vendor's payload to /studies/{{study}}/ingest/{{source}}",
    ),
    "rest.unknown-study": Rule("error", "not-found", "There is no such study", "Check the study in the address"),
    "rest.unknown-type": Rule(
        "error", "not-found", "This is no resource type of FHIR R4", "Type names are case-sensitive, as Observation"
    ),
    "rest.method": Rule(
        "error", "not-supported", "This interaction is not offered here", "See rest in the CapabilityStatement"
    ),
    "rest.parameter": Rule(
        "error",
        "not-supported",
        "This address takes no parameter of this name",
        "Leave it out; {interaction} takes {known}",
    ),
    "rest.parameter-value": Rule("error", "value", "The value of {parameter} is not understood", "{expected}"),
    "rest.parameter-missing": Rule(
        "error", "required", "The parameter {parameter} is missing", "Give it; the OperationDefinition tells of it"
    ),
    "rest.not-parameters": Rule(
        "error", "structure", "The body is not a Parameters resource", "Send parameter entries with name and value"
    ),
    "rest.unknown-operation": Rule(
        "error", "not-supported", "This operation is not offered here", "See operation in the CapabilityStatement"
    ),
    "rest.cursor": Rule(
        "error", "value", "This page link was not made here for this search", "Start from the first page again"
    ),
    "rest.not-acceptable": Rule(
        "error", "not-supported", "Resources are served as JSON only", "Accept application/fhir+json"
    ),
    "rest.media-type": Rule("error", "not-supported", "The body's media type is not taken here", "Send {expected}"),
    "rest.encoding": Rule(
        "error",
        "not-supported",
        "The body's Content-Encoding is not taken here",
        "Send it without Content-Encoding, or with gzip where resources are sent",
    ),
    "rest.gzip": Rule(
        "error", "structure", "The body is not whole gzip", "Compress it as one gzip member, with nothing after it"
    ),
    "rest.gzip-ratio": Rule(
        "error",
        "too-long",
        "The body unpacks to more than {times} times its size",
        "Send it as it is, not compressed",
    ),
    "rest.form": Rule(
        "error",
        "structure",
        "The parameters are no name=value pairs",
        "Send name=value pairs, percent-encoded UTF-8, joined by &",
    ),
    "rest.form-too-large": Rule(
        "error", "too-long", "The form is larger than {limit} bytes", "Split the search: ask for fewer values at once"
    ),
    "rest.not-a-resource": Rule(
        "error", "structure", "The body is not a resource", "Send one JSON object with a resourceType"
    ),
    "rest.type-differs": Rule(
        "error",
        "value",
        "The resourceType of the body is not the type in the address",
        "Send the resource to the address of its own type",
    ),
    "rest.id-differs": Rule(
        "error", "value", "The id of the body is not the id in the address", "Send the resource with the same id"
    ),
    "rest.if-match": Rule(
        "error", "value", "If-Match does not hold one version", 'Send the ETag that the read gave, as W/"3"'
    ),
    "rest.too-many-parameters": Rule(
        "error", "too-costly", "More than {limit} parameters", "Ask in several smaller searches"
    ),
    "rest.authorization-twice": Rule(
        "error", "invalid", "Authorization came more than once", "Send one Authorization header, from one place"
    ),
    "rest.token-missing": Rule(
        "error", "login", "No bearer token came with the request", "Send Authorization: Bearer TOKEN"
    ),
    "rest.if-none-match": Rule(
        "error",
        "value",
        "If-None-Match of a write does not hold what it may",
        'Send * to PUT only what is not there yet, or to PATCH and DELETE ETags, as W/"3"',
    ),
    "rest.condition": Rule(
        "error",
        "value",
        "The condition is no search by at least one parameter",
        "Give search parameters alone, such as identifier=system|value",
    ),
    "rest.condition-entry": Rule(
        "error",
        "value",
        "The condition asks for another entry by its fullUrl, which nothing stored has",
        "Ask for what is stored, such as identifier=system|value",
    ),
    "rest.several-match": Rule(
        "error",
        "multiple-matches",
        "More than one resource meets the condition",
        "Ask for what only one resource has, such as an identifier",
    ),
    "rest.too-many-match": Rule(
        "error",
        "too-costly",
        "More than {limit} resources meet the condition; nothing is deleted",
        "Ask for fewer, by a further parameter",
    ),
    "rest.deleted": Rule("information", "informational", "{count} resources meet the condition and are deleted"),
    "rest.no-conditional-delete": Rule(
        "error",
        "not-supported",
        "This study offers no conditional deletion",
        "Search, and delete what is found by its id",
    ),
    "rest.no-update-create": Rule(
        "error",
        "not-supported",
        "There is no such resource, and this study takes no ids of its clients",
        "Create it by POST; the gateway makes the id",
    ),
    "rest.later-running": Rule(
        "error",
        "throttled",
        "{limit} requests of this client wait for their answers already",
        "Fetch what is done, or end what is not wanted",
    ),
    "rest.later-unknown": Rule(
        "error",
        "not-found",
        "There is no such request, or it has expired",
        "Send it again with Prefer: respond-async",
    ),
    "rest.later-scopes": Rule(
        "error",
        "forbidden",
        "The request was made with a token that allows more, or for somebody else",
        "Ask with a token of the same scopes",
    ),
    "rest.later-interrupted": Rule(
        "error",
        "incomplete",
        "The gateway stopped while it did this; what the request writes may be written, or not",
        "Read what it should have written, then send it again",
    ),
    "rest.id-taken": Rule(
        "error",
        "duplicate",
        "No resource meets the condition, and the id of the body is another resource's",
        "Leave the id out, or give a new one",
    ),
    "rest.id-not-the-match": Rule(
        "error",
        "value",
        "The id of the body is not that of the resource that meets the condition",
        "Leave the id out",
    ),
    "rest.subsetted": Rule(
        "error",
        "business-rule",
        "The resource is marked as a part of itself (SUBSETTED), and may not replace the whole",
        "Read the resource without _summary and _elements, and send all of it",
    ),
    "rest.patch-syntax": Rule(
        "error",
        "structure",
        "Operation {number} of the patch is not well-formed",
        "See RFC 6902, or https://hl7.org/fhir/R4/fhirpatch.html",
    ),
    "rest.patch-place": Rule(
        "error",
        "processing",
        "Operation {number} of the patch names a place that is not in the resource, or is not one place",
        "Read the resource again, and name one place of it",
    ),
    "rest.patch-test": Rule(
        "error", "processing", "The test of operation {number} of the patch fails", "Read the resource again"
    ),
    "rest.patch-identity": Rule(
        "error",
        "business-rule",
        "A patch changes neither the type nor the id of a resource",
        "Create another resource",
    ),
    "rest.patch-size": Rule(
        "error", "too-costly", "The patch has more than {limit} operations, or makes too much of little", "Split it"
    ),
    "rest.not-a-bundle": Rule(
        "error", "structure", "The body is no Bundle of type batch or transaction", "See http.html#transaction"
    ),
    "rest.bundle-size": Rule(
        "error", "too-long", "The Bundle has more than {limit} entries", "Send several smaller Bundles"
    ),
    "rest.bundle-entry": Rule(
        "error",
        "invalid",
        "The entry's request is not one that this study's FHIR base takes in such a Bundle",
        "Give method, an address relative to the base, and a resource where one is written",
    ),
    "rest.bundle-repeated": Rule(
        "error",
        "duplicate",
        "Two entries of the transaction are the same resource",
        "Write each resource once, under a fullUrl of its own",
    ),
    "rest.bundle-read": Rule(
        "error",
        "processing",
        "A read of the transaction fails, so that nothing was written",
        "Ask for what is there, or leave the entry out",
    ),
    "rest.reference-unresolved": Rule(
        "error",
        "not-found",
        "A conditional reference finds no resource",
        "Refer to what is there, or create it in the same transaction",
    ),
    "rest.too-many-members": Rule(
        "error", "too-costly", "The group has more than {limit} members", "Ask for the members one by one"
    ),
    "rest.too-many-observations": Rule(
        "error", "too-costly", "More than {limit} observations match", "Ask for a shorter period"
    ),
    "rest.units-differ": Rule(
        "error",
        "processing",
        "The values are in units that cannot be converted into each other",
        "Ask by code and system",
    ),
    "rest.includes-cut": Rule(
        "warning", "incomplete", "There are more resources to include than are sent", "Ask for fewer matches a page"
    ),
    "rest.too-many-codes": Rule(
        "error", "too-costly", "There are observations of more than {limit} codes", "Ask for some codes or a category"
    ),
    "rest.change-reason": Rule(
        "error",
        "value",
        "The header X-Change-Reason is not one line of text of 1 to {limit} characters",
        "Say in a few words why it is changed, and nothing of a participant",
    ),
    "rest.change-reason-missing": Rule(
        "error",
        "required",
        "The study wants a reason for changes of participants' data",
        "Send the reason in the header X-Change-Reason: a few words, and nothing of a participant",
    ),
}
