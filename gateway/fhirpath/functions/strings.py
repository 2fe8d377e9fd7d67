"""Functions of texts. See https://hl7.org/fhirpath/N1/#string-manipulation."""

from typing import Any

from gateway.fhirpath.functions.convert import text
from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN, INTEGER, STRING
from gateway.fhirpath.values.bounds import allow


@function(
    "indexOf", "5.6.1", focus="String", takes=("String",), returns=INTEGER, examples=("'abc'.indexOf('c') = 2",)
)
def index_of(value: str, part: str) -> int:
    """The 0-based position of a part; -1 when it is not there."""
    return value.find(part)


@function(
    "lastIndexOf",
    "5.6.2",
    focus="String",
    takes=("String",),
    returns=INTEGER,
    examples=("'aba'.lastIndexOf('a') = 2",),
)
def last_index_of(value: str, part: str) -> int:
    """The 0-based position of the last such part; -1 when it is not there."""
    return value.rfind(part)


@function(
    "substring",
    "5.6.3",
    focus="String",
    takes=("Integer", "Integer"),
    optional=1,
    returns=STRING,
    examples=("'abcde'.substring(1, 2) = 'bc'", "'abc'.substring(9).empty()"),
)
def substring(value: str, start: int, length: int | None = None) -> str | None:
    """The text from a position on, at most `length` characters; nothing when the position is outside."""
    if not 0 <= start < len(value):
        return None
    return value[start:] if length is None else value[start : start + max(length, 0)]


@function(
    "startsWith", "5.6.4", focus="String", takes=("String",), returns=BOOLEAN, examples=("'abc'.startsWith('ab')",)
)
def starts_with(value: str, part: str) -> bool:
    """Whether the text begins with a part."""
    return value.startswith(part)


@function("endsWith", "5.6.5", focus="String", takes=("String",), returns=BOOLEAN, examples=("'abc'.endsWith('bc')",))
def ends_with(value: str, part: str) -> bool:
    """Whether the text ends with a part."""
    return value.endswith(part)


@function("contains", "5.6.6", focus="String", takes=("String",), returns=BOOLEAN, examples=("'abc'.contains('b')",))
def contains(value: str, part: str) -> bool:
    """Whether the text has a part."""
    return part in value


@function("upper", "5.6.7", focus="String", returns=STRING, examples=("'aB'.upper() = 'AB'",))
def upper(value: str) -> str:
    """The text in upper case."""
    return value.upper()


@function("lower", "5.6.8", focus="String", returns=STRING, examples=("'aB'.lower() = 'ab'",))
def lower(value: str) -> str:
    """The text in lower case."""
    return value.lower()


@function(
    "replace",
    "5.6.9",
    focus="String",
    takes=("String", "String"),
    returns=STRING,
    examples=("'abc'.replace('b', 'x') = 'axc'",),
)
def replace(value: str, part: str, other: str) -> str:
    """The text with every such part replaced; an empty part stands around every character."""
    if len(other) > len(part):
        allow(len(value) + value.count(part) * (len(other) - len(part)))
    return value.replace(part, other)


@function("length", "5.6.12", focus="String", returns=INTEGER, examples=("'abc'.length() = 3",))
def length(value: str) -> int:
    """How many characters the text has."""
    return len(value)


@function("toChars", "5.6.13", focus="String", returns=STRING.several(), examples=("'ab'.toChars() = ('a' | 'b')",))
def to_chars(value: str) -> list[str]:
    """The characters as a collection."""
    return list(value)


@function("trim", "STU: trim", focus="String", returns=STRING, examples=("' a '.trim() = 'a'",))
def trim(value: str) -> str:
    """The text without white space at its ends."""
    return value.strip()


@function(
    "split",
    "STU: split",
    focus="String",
    takes=("String",),
    returns=STRING.several(),
    examples=("'a,b'.split(',') = ('a' | 'b')",),
)
def split(value: str, separator: str) -> list[str]:
    """The parts between separators, empty ones too; the characters when the separator is empty."""
    return value.split(separator) if separator else list(value)


@function(
    "join",
    "STU: join",
    focus="Items",
    takes=("String",),
    optional=1,
    returns=STRING,
    examples=("('a' | 'b').join('-') = 'a-b'",),
)
def join(values: list[Any], separator: str | None = "") -> str | None:
    """The texts as one, a separator between them; nothing for an empty collection."""
    parts = [part for part in map(text, values) if part is not None]
    allow(sum(map(len, parts)) + len(parts) * len(separator or ""))
    return (separator or "").join(parts) if parts else None
