"""Rules of the area `payload`: what the codec refuses in JSON text."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "payload.empty": Rule("fatal", "structure", "The body is empty", "Send one JSON document"),
    "payload.not-json": Rule(
        "fatal",
        "structure",
        "The body is not a complete JSON document",
        "Check that the body is whole, UTF-8 and JSON",
    ),
    "payload.not-utf8": Rule("fatal", "structure", "The text is not UTF-8", "Encode the text as UTF-8"),
    "payload.duplicate-key": Rule(
        "fatal",
        "structure",
        "A JSON object has the same key twice",
        "Send each key once; which value counts is unknown",
    ),
    "payload.too-deep": Rule(
        "fatal", "too-long", "The document nests deeper than {limit} levels", "Flatten the document"
    ),
    "payload.number": Rule(
        "fatal",
        "value",
        "A number is not finite or has too many digits",
        "Send numbers of at most 1000 digits",
    ),
    "payload.too-large": Rule(
        "fatal",
        "too-long",
        "The body is larger than {limit} bytes",
        "Send the data in several smaller payloads",
    ),
}
