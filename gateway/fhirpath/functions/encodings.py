"""encode, decode, escape, unescape. See https://hl7.org/fhirpath/#encodeformat--string--string."""

import base64
import binascii
import html
import json

from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import STRING
from gateway.fhirpath.values.bounds import allow


@function(
    "encode",
    "STU: encode",
    focus="String",
    takes=("String",),
    returns=STRING,
    examples=("'test'.encode('hex') = '74657374'",),
)
def encode(value: str, form: str) -> str | None:
    """The text's UTF-8 in hex, base64 or urlbase64; nothing for another form."""
    data = value.encode("utf-8", "surrogatepass")
    allow(2 * len(data))
    match form:
        case "hex":
            return data.hex()
        case "base64":
            return base64.b64encode(data).decode("ascii")
        case "urlbase64":
            return base64.urlsafe_b64encode(data).decode("ascii")
    return None


@function(
    "decode",
    "STU: decode",
    focus="String",
    takes=("String",),
    returns=STRING,
    examples=("'74657374'.decode('hex') = 'test'",),
)
def decode(value: str, form: str) -> str | None:
    """The text that hex, base64 or urlbase64 stands for; nothing where it stands for none."""
    try:
        match form:
            case "hex":
                return bytes.fromhex(value).decode("utf-8")
            case "base64":
                return base64.b64decode(value, validate=True).decode("utf-8")
            case "urlbase64":
                return base64.b64decode(value, altchars=b"-_", validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    return None


@function(
    "escape",
    "STU: escape",
    focus="String",
    takes=("String",),
    returns=STRING,
    examples=("'1<2'.escape('html') = '1&lt;2'",),
)
def escape(value: str, target: str) -> str | None:
    """The text escaped for html or json; nothing for another target."""
    allow(6 * len(value))
    match target:
        case "html":
            return html.escape(value).replace("&#x27;", "&#39;")
        case "json":
            return json.dumps(value, ensure_ascii=False)[1:-1]
    return None


@function(
    "unescape",
    "STU: unescape",
    focus="String",
    takes=("String",),
    returns=STRING,
    examples=("'1&lt;2'.unescape('html') = '1<2'",),
)
def unescape(value: str, target: str) -> str | None:
    """The text without the escapes of html or json; nothing where they are broken."""
    match target:
        case "html":
            return html.unescape(value)
        case "json":
            return _unescape_json(value)
    return None


def _unescape_json(value: str) -> str | None:
    # A quote that is not escaped stands for itself, as the text is not between quotes any more.
    quoted = "".join('\\"' if part == '"' else part for part in _json_parts(value))
    try:
        found = json.loads(f'"{quoted}"', strict=False)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _json_parts(value: str) -> list[str]:
    """The characters, each escape together with its backslash."""
    parts: list[str] = []
    position = 0
    while position < len(value):
        width = 2 if value[position] == "\\" else 1
        parts.append(value[position : position + width])
        position += width
    return parts
