"""Every search parameter of every type: what an official example holds, a search for it finds, by every modifier.

A case is a parameter of a type. It passes when each value that `extract` takes from an example, written as a client
would write it, is parsed and matches that example again; when a value that is not there does not; and when
`:missing` agrees. Where no example has a value, a made-up one must be understood and match nothing. Parameters that
are refused by name must be refused.
"""

from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from functools import cache

from gateway.core import Resource, loads
from gateway.core.errors import BadRequest
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, from_micros
from gateway.definitions import r4
from gateway.search import IndexEntry, Parameters, parse
from gateway.search.match import Subject, holds
from gateway.search.parameters import OWN, REFUSED, Indexed
from gateway.search.parsing.kinds import MODIFIERS
from gateway.search.query import (
    CompositeEntry,
    DateEntry,
    NumberEntry,
    OfTypeEntry,
    QuantityEntry,
    ReferenceEntry,
    ReferenceIdentifierEntry,
    StringEntry,
    TextEntry,
    TokenEntry,
    TokenTextEntry,
    UriEntry,
)
from tests.compliance.official import folder

NAME = "search-matrix"

WITHOUT_EXPRESSION = {("Patient", "age"), ("Patient", "birthOrderBoolean")}
"""Parameters that R4 defines without an expression; nothing can be found by them, and they are refused."""

ABSENT = {
    "token": "no-such-token",
    "reference": "no-such-reference",
    "date": "1066-10-14",
    "number": "987654321.5",
    "quantity": "987654321.5||no-such-unit",
    "string": "nosuchstring",
    "uri": "urn:x-no-such-uri",
    "text": "nosuchword",
}
"""Values by kind that no example has."""


@cache
def parameters() -> Parameters:
    """All parameters of R4."""
    return Parameters(r4())


@cache
def examples() -> dict[str, list[Resource]]:
    """The official examples by type."""
    found: dict[str, list[Resource]] = {}
    for file in sorted(folder("r4-examples").glob("*.json")):
        resource = loads(file.read_bytes())
        found.setdefault(resource["resourceType"], []).append(resource)
    return found


def escaped(text: str) -> str:
    """The text as a value, its separators escaped."""
    for character in "\\,|$":
        text = text.replace(character, "\\" + character)
    return text


def instant(micros: int) -> str:
    """A moment as a value."""
    return from_micros(micros).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asked(entry: IndexEntry) -> Iterator[tuple[str, str]]:
    """The (modifier, value) pairs that must find the entry."""
    match entry:
        case TokenEntry(_, system, code):
            forms = [escaped(code), f"{escaped(system)}|{escaped(code)}", f"{escaped(system)}|"]
            yield from (("", form) for form in forms[: 3 if system else 2])
        case ReferenceEntry(_, target):
            yield from asked_reference(target)
        case StringEntry(_, normal, exact):
            yield from (("", normal), (":contains", normal[1:] or normal), (":exact", escaped(exact)))[
                : 3 if exact else 2
            ]
        case UriEntry(_, uri):
            pairs = (("", uri), (":below", uri.rpartition("/")[0]), (":above", uri + "/below"))
            yield from (
                (modifier, escaped(text)) for modifier, text in pairs[: 3 if "://" in uri.rpartition("/")[0] else 1]
            )
        case DateEntry() | NumberEntry() | QuantityEntry():
            yield "", asked_range(entry)
        case CompositeEntry(_, components):
            yield "", "$".join(next(asked(component))[1] for component in components)
        case _:
            yield from asked_details(entry)


def asked_details(entry: IndexEntry) -> Iterator[tuple[str, str]]:
    """What finds the entries that only modifiers and full text ask for."""
    match entry:
        case TokenTextEntry(_, normal):
            yield ":text", normal
        case OfTypeEntry(_, system, code, value):
            yield ":of-type", f"{escaped(system)}|{escaped(code)}|{escaped(value)}"
        case ReferenceIdentifierEntry(_, system, value):
            yield ":identifier", f"{escaped(system)}|{escaped(value)}"
        case TextEntry(_, words):
            yield "", " ".join(words.split()[:5])


def asked_reference(target: str) -> Iterator[tuple[str, str]]:
    """A reference as a whole, and by its type."""
    type, _, id = target.partition("/")
    yield "", escaped(target)
    if parameters().is_type(type):
        yield "", id
        yield f":{type}", id


def asked_range(entry: DateEntry | NumberEntry | QuantityEntry) -> str:
    """A date, number or quantity from its known end."""
    if isinstance(entry, DateEntry):
        if entry.low == FOREVER_BEFORE:
            return "ap2000" if entry.high == FOREVER_AFTER else f"le{instant(entry.high)}"
        return f"ge{instant(entry.low)}"
    is_low = entry.low == -float("inf")
    number = f"{'le' if is_low else 'ge'}{Decimal(repr(entry.high if is_low else entry.low))}"
    if isinstance(entry, NumberEntry):
        return number
    return f"{number}|{escaped(entry.system)}|{escaped(entry.code)}" if entry.system else number


def finds(subject: Subject, name: str, text: str) -> bool:
    """Whether a search for the value finds the resource; a refusal counts as not found."""
    try:
        query = parse(subject.resource["resourceType"], [(name, text)], parameters())
    except BadRequest:
        return False
    return all(holds(clause, subject) for clause in query.clauses)


def faults(type: str, parameter: Indexed, subjects: list[Subject]) -> Iterator[str]:
    """What is wrong with a parameter of a type."""
    for subject in subjects:
        entries = subject.entries(parameter.code)
        label = f"{type}/{subject.resource.get('id')}"
        for entry in entries:
            for modifier, text in asked(entry):
                if not finds(subject, parameter.code + modifier, text):
                    yield f"{label} {parameter.code}{modifier} does not find a {entry.__class__.__name__}"
        if finds(subject, parameter.code, absent(parameter)):
            yield f"{label} {parameter.code} finds what is not there"
        if "missing" in MODIFIERS[parameter.kind] and finds(subject, f"{parameter.code}:missing", "true") == bool(
            entries
        ):
            yield f"{label} {parameter.code}:missing is wrong"


def absent(parameter: Indexed) -> str:
    """A value that no example has."""
    if parameter.kind == "composite":
        return "$".join(absent(component) for component in parameter.focuses[0].components)
    return ABSENT[parameter.kind]


def refused(type: str, code: str) -> bool:
    """Whether a search by the parameter is refused."""
    try:
        parse(type, [(code, "1")], parameters())
    except BadRequest:
        return True
    return False


def run() -> tuple[int, int, list[str]]:
    """Goes through every type and parameter."""
    total, misses = 0, []
    for type in sorted(parameters().types):
        subjects = [Subject(one, parameters(), ()) for one in examples().get(type, ())]
        empty = Subject({"resourceType": type, "id": "empty"}, parameters(), ())
        known = parameters().of(type)
        for code in sorted(r4().search_parameters(type)):
            total += 1
            if code in OWN:
                continue
            if code in REFUSED or (type, code) in WITHOUT_EXPRESSION:
                found = [] if refused(type, code) else [f"{type} {code} is not refused"]
            elif code not in known:
                found = [f"{type} {code} is not known"]
            else:
                found = list(faults(type, known[code], [*subjects, empty]))
            misses += found[:1]
    return total - len(misses), total, misses
