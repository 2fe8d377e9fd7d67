"""The index rows of the types that Synthea writes, found by hand: one table of what each type has, and nothing else.

It knows the hashes and forms that the gateway's tables hold, the units of the data, and no others.
"""

import hashlib
import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

Tree = dict[str, Any]
Rows = dict[str, list[tuple[Any, ...]]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNDATED = -(2**62) - 1
CENT = Decimal("0.01")
UNITS = {"C": ("C", Decimal(1)), "%": ("1", CENT), "kg": ("g", Decimal(1000)), "cm": ("m", CENT)}
UCUM = "http://unitsofmeasure.org"
PUNCTUATION = str.maketrans("", "", "!\"#%&'()*,-./:;?@[\\]_{}")
META, CODE, STATUS = ("_profile", "uri", "meta.profile"), ("code", "token", "code"), ("status", "token", "status")
CATEGORY, TYPE = ("category", "token", "category"), ("type", "token", "type")
IDENTIFIER = ("identifier", "own", "identifier")
SUBJECT = (("subject", "reference", "subject"), ("patient", "Patient", "subject"))
PATIENT, ENCOUNTER = ("patient", "reference", "patient"), ("encounter", "reference", "encounter")
SPENT = (PATIENT, ("created", "time", "created"), ("provider", "reference", "provider"), STATUS,
         ("facility", "reference", "facility"), ("encounter", "reference", "item.encounter"))  # fmt: skip
NAMES, PLACES = ("family", "given", "prefix"), ("line", "city", "state", "postalCode", "country")

PARAMETERS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Patient": (
        META, IDENTIFIER, ("telecom", "own", "telecom"), ("phone", "own", "telecom"), ("gender", "token", "gender"),
        ("birthdate", "time", "birthDate"), ("language", "token", "communication.language"),
        *((name, "string", f"name.{name}") for name in ("family", "given")),
        *((name, "string", f"name.{part}") for name in ("name", "phonetic") for part in NAMES),
        *(("address", "string", f"address.{part}") for part in PLACES),
        *((f"address-{part.lower()}", "string", f"address.{part}") for part in PLACES[1:]),
    ),
    "Encounter": (
        META, IDENTIFIER, *SUBJECT, STATUS, TYPE, ("class", "token", "class"), ("date", "time", "period"),
        ("location", "reference", "location.location"), ("participant", "reference", "participant.individual"),
        ("practitioner", "Practitioner", "participant.individual"), ("participant-type", "token", "participant.type"),
        ("service-provider", "reference", "serviceProvider"),
    ),
    "DiagnosticReport": (
        META, *SUBJECT, STATUS, CODE, CATEGORY, ENCOUNTER, ("date", "time", "effectiveDateTime"),
        ("issued", "date", "issued"), ("performer", "reference", "performer"),
    ),
    "DocumentReference": (
        META, IDENTIFIER, *SUBJECT, STATUS, TYPE, CATEGORY, ("date", "time", "date"),
        ("author", "reference", "author"),
        ("contenttype", "token", "content.attachment.contentType"), ("custodian", "reference", "custodian"),
        ("encounter", "reference", "context.encounter"), ("format", "token", "content.format"),
        ("period", "date", "context.period"),
    ),
    "Claim": (*SPENT, ("priority", "token", "priority"), ("use", "token", "use")),
    "ExplanationOfBenefit": (
        *SPENT, IDENTIFIER, ("care-team", "reference", "careTeam.provider"), ("claim", "reference", "claim"),
    ),
    "Immunization": (
        META, PATIENT, STATUS, ("date", "time", "occurrenceDateTime"), ("location", "reference", "location"),
        ("vaccine-code", "token", "vaccineCode"),
    ),
    "Observation": (
        *SUBJECT, STATUS, CODE, CATEGORY, ENCOUNTER, ("combo-code", "token", "code"),
        ("date", "time", "effectiveDateTime"), ("value-quantity", "quantity", "valueQuantity"),
        ("combo-value-concept", "token", "valueCodeableConcept"), ("value-concept", "token", "valueCodeableConcept"),
        ("value-string", "string", "valueCodeableConcept.text"),
    ),
    "Condition": (
        META, *SUBJECT, CODE, CATEGORY, ENCOUNTER, ("clinical-status", "token", "clinicalStatus"),
        ("verification-status", "token", "verificationStatus"), ("onset-date", "date", "onsetDateTime"),
        ("recorded-date", "time", "recordedDate"),
    ),
    "Provenance": (
        META, ("target", "reference", "target"), ("patient", "Patient", "target"), ("recorded", "date", "recorded"),
        ("agent", "reference", "agent.who"), ("agent-type", "token", "agent.type"),
    ),
    "Consent": (
        PATIENT, STATUS, CATEGORY, ("scope", "token", "scope"), ("date", "time", "dateTime"),
        ("period", "date", "provision.period"), ("action", "token", "provision.action"),
        ("purpose", "token", "provision.purpose"),
    ),
}  # fmt: skip
"""Type -> the parameters that its resources have a value for: name, kind, and the way to the value.

A kind that is a type's name is a reference to that type which another parameter holds already.
"""


@lru_cache(maxsize=1 << 14)
def digest(text: str) -> int:
    """A signed 64-bit hash."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def term(*parts: str) -> int:
    """The hash of type, parameter, form and values."""
    return digest("\x1f".join(parts))


class Found:
    """The rows of one resource, as they are found."""

    def __init__(self, kind: str, to: Callable[[str], str]) -> None:
        self.kind, self.to = kind, to
        self.at = self.until = UNDATED
        self.terms: set[int] = set()
        self.common: set[int] = set()
        self.texts: set[tuple[int, str]] = set()
        self.about: set[int] = set()
        self.references: set[tuple[int, str, str]] = set()
        self.dates: set[tuple[int, int, int, int]] = set()
        self.numbers: set[tuple[Any, ...]] = set()
        self.strings: set[tuple[int, str, int, int]] = set()
        self.words: set[int] = set()

    def add(self, name: str, form: str, value: Any) -> bool:
        """Adds a value of a parameter; whether it has one."""
        if form in ("token", "own"):
            self._token(name, value, form == "own")
        elif form == "uri":
            self.common.add(term(self.kind, name, "uri", value))
            self.texts.add((term(self.kind, name, "sort"), value))
        elif form == "time":
            self.at, self.until = _interval(value)
        elif form == "date":
            self.dates.add((term(self.kind, name, "date"), *_interval(value), 0))
        elif form == "string":
            self.strings.add((term(self.kind, name, "string"), _folded(value), digest(value), 0))
        elif form == "quantity":
            self._quantity(name, value)
        else:
            return self._reference(name, form, value)
        return True

    def _token(self, name: str, value: Any, own: bool) -> None:
        kind = self.kind
        if isinstance(value, str):
            value = {"code": value}
        for text in (value.get("text"), (value.get("type") or {}).get("text")):
            if text:
                self.texts.add((term(kind, name, "text"), _folded(text)))
        for coding in value.get("coding") or [value]:
            code, system = coding.get("code") or coding.get("value"), coding.get("system", "")
            system = "" if system in ("phone", "email") else system
            if code:
                found = {term(kind, name, "token", system, code), term(kind, name, "code", code)}
                found |= {term(kind, name, "system", system)} if system else set()
                if own:
                    self.terms |= found
                    self.strings.add((term(kind, name, "sort"), code, 0, 0))
                else:
                    self.common |= found
                    self.texts.add((term(kind, name, "sort"), code))
            if "display" in coding:
                self.texts.add((term(kind, name, "text"), _folded(coding["display"])))
        for coding in (value.get("type") or {}).get("coding", ()):
            self.terms.add(term(kind, name, "of-type", coding["system"], coding["code"], value["value"]))

    def _reference(self, name: str, form: str, value: Tree) -> bool:
        target = self.to(value["reference"])
        kind, _, identity = target.partition("/")
        if target[0] == "#" or form not in ("reference", kind):
            return False
        if form == "reference":
            number = term(self.kind, name, "reference")
            self.terms.add(number ^ digest(target))
            self.references.add((number, kind, identity))
            if name in ("subject", "patient"):
                self.about.add(term(self.kind, name, "about") ^ digest(target))
        return True

    def _quantity(self, name: str, value: Tree) -> None:
        number, code = value["value"], value.get("code", "")
        base, factor = UNITS.get(code, ("", Decimal(0))) if value.get("system") == UCUM else ("", Decimal(0))
        unit = term("", "", "unit", value.get("system", ""), code, value.get("unit", ""), base)
        both = (float(number), float(number)), (float(number * factor), float(number * factor))
        self.numbers.add((term(self.kind, name, "number"), *both[0], unit, 0, *both[1]))

    def rows(self, study: str, key: int) -> Rows:
        """The rows by table, in the order of the columns."""
        terms, texts = tuple(sorted(self.common)), tuple(sorted(self.texts))
        facet = digest(repr((self.kind, terms, texts)))
        self.terms |= {half ^ facet for half in self.about}
        return {
            "search_term": [(study, one, self.at, key) for one in self.terms],
            "search_reference": [(study, key, *one) for one in self.references],
            "search_date": [(study, key, *one) for one in self.dates],
            "search_number": [(study, key, *one) for one in self.numbers],
            "search_string": [(study, key, *one) for one in self.strings],
            "search_word": [(study, one, key) for one in self.words],
        }


def index_rows(resource: Tree, study: str, key: int, to: Callable[[str], str]) -> Rows:
    """The rows of a resource; `to` tells where its references lead."""
    kind = resource["resourceType"]
    found = Found(kind, to)
    for name, form, way in PARAMETERS[kind]:
        for value in _values(resource, way.split(".")):
            if (name != "phone" or value["system"] == "phone") and found.add(name, form, value):
                found.common.add(term(kind, name, "present"))
    if kind == "Patient":
        deceased = "true" if "deceasedDateTime" in resource else "false"
        found.add("deceased", "token", deceased)
        found.common.add(term(kind, "deceased", "present"))
    if kind == "Consent":
        found.terms.add(term(kind, "_subject", "reference", to(resource["patient"]["reference"]).partition("/")[2]))
    if "text" in resource:
        text = html.unescape(re.sub("<[^>]*>", " ", resource["text"]["div"])).lower()
        words = {word[:40] for word in re.findall(r"[^\W_]+", text)}
        found.words = {term(kind, "_text", "word", word) for word in words}
        found.common.add(term(kind, "_text", "present"))
    return found.rows(study, key)


def _values(node: Any, way: list[str]) -> Iterator[Any]:
    for one in node if isinstance(node, list) else [node]:
        if not way:
            yield one
        elif way[0] in one:
            yield from _values(one[way[0]], way[1:])


@lru_cache(maxsize=1 << 12)
def _folded(text: str) -> str:
    return " ".join(text.lower().translate(PUNCTUATION).split())[:200]


def _interval(value: Any) -> tuple[int, int]:
    if isinstance(value, dict):
        return _interval(value["start"])[0], _interval(value["end"])[1] if "end" in value else 2**62
    start = datetime.fromisoformat(value)
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(value) == 10 else timedelta(milliseconds=1 if "." in value else 1000)
    return _micros(start), _micros(start + length)


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)
