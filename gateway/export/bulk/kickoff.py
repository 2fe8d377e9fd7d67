"""What a kick-off asks for, read from its parameters: understood, refused by name, or left aside when lenient.

See https://hl7.org/fhir/uv/bulkdata/export.html#query-parameters.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl

from gateway.core.errors import BadRequest
from gateway.core.instants import parse_interval
from gateway.core.issues import Issue, issue
from gateway.export.bulk.associated import LATEST, PROVENANCE, RELEVANT
from gateway.export.bulk.filters import reached
from gateway.export.bulk.request import ExportRequest
from gateway.search import Parameters, Query, parse
from gateway.terminology import Terminology

Level = Literal["system", "Patient", "Group"]

FORMATS: Final = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
PRESETS: Final = (RELEVANT, LATEST)
"""What may go with the rest, the larger one first."""

ORGANIZED: Final = "Patient"
MAX_FILTERS: Final = 50
MAX_PATIENTS: Final = 1_000
MAX_ELEMENTS: Final = 200

PARAMETERS: Final = frozenset(
    {"_type", "patient", "_since", "_until", "_typeFilter", "_elements", "_outputFormat"}
    | {"includeAssociatedData", "organizeOutputBy", "allowPartialManifests"}
)

_BETWEEN_FILTERS: Final = re.compile(r",(?=[A-Z][A-Za-z]*\?)")
_ELEMENT: Final = re.compile(r"(?:[A-Z][A-Za-z]+\.)?[a-z][A-Za-z0-9]*\Z")
_PATIENT: Final = re.compile(r"(?:Patient/)?([A-Za-z0-9\-.]{1,64})\Z")
_INSTANT: Final = re.compile(r"(?:19|2[01])\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")
_RESULT: Final = frozenset(
    {"_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_contained", "_containedType"}
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What this kick-off may ask for: the level, the types that there are, and how it came."""

    level: Level
    types: Collection[str]
    posted: bool
    lenient: bool
    read_filter: Callable[[str], Query]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `types` None for all that there are, `patients` None for everybody; `reached` are the types
    of other resources that `filters` ask."""

    types: tuple[str, ...] | None
    patients: tuple[str, ...] | None
    since: str
    until: str
    filters: tuple[str, ...]
    elements: tuple[str, ...]
    associated: str
    organized: str
    partial: bool
    ignored: tuple[str, ...]
    reached: tuple[str, ...]

    def request(
        self, url: str, types: Sequence[str], patients: Sequence[str] | None, scopes: Sequence[str], token: str
    ) -> ExportRequest:
        """The request, once it is known what the caller may have."""
        return ExportRequest(
            url=url,
            types=tuple(sorted(set(types) - ({PROVENANCE} if self.associated else set()))),
            scopes=tuple(scopes),
            token=token,
            since=self.since,
            until=self.until,
            filters=self.filters,
            elements=self.elements,
            patients=None if patients is None else tuple(patients),
            ignored=self.ignored,
            associated=self.associated,
            organized=self.organized,
            partial=self.partial,
            reached=self.reached,
        )


def filter_reader(parameters: Parameters, base: str, terminology: Terminology) -> Callable[[str, int], Query]:
    """How a `_typeFilter` is read: `Type?...` and the present in microseconds -> the query; raises `BadRequest`."""

    def read(text: str, now: int) -> Query:
        kind, mark, query = text.partition("?")
        if not mark:
            raise BadRequest(issue("export.type-filter"))
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=50)
        except (UnicodeError, ValueError):
            raise BadRequest(issue("export.type-filter")) from None
        if any(name.partition(":")[0] in _RESULT for name, _ in pairs):
            raise BadRequest(issue("export.type-filter"))
        return parse(kind, pairs, parameters, base, terminology=terminology, now=now)

    return read


def read_kickoff(pairs: Sequence[tuple[str, str]], offer: Offer) -> Asked:
    """What the parameters ask for; raises `BadRequest` with every fault found."""
    reading = _Reading(offer, pairs)
    asked = Asked(
        types=reading.types(),
        patients=reading.patients(),
        since=reading.instant("_since"),
        until=reading.instant("_until"),
        filters=tuple(reading.filters()),
        elements=tuple(reading.elements()),
        associated=reading.associated(),
        organized=reading.organized(),
        partial=reading.partial(),
        ignored=tuple(reading.ignored()),
        reached=tuple(sorted(reading.reached)),
    )
    reading.format()
    if reading.faults:
        raise BadRequest(*reading.faults)
    return asked


class _Reading:
    """Reads the parameters of one kick-off and collects what is wrong with them."""

    def __init__(self, offer: Offer, pairs: Sequence[tuple[str, str]]) -> None:
        self._offer = offer
        self._pairs = pairs
        self._aside: dict[str, None] = {}
        self.reached: set[str] = set()
        self.faults: list[Issue] = []

    def types(self) -> tuple[str, ...] | None:
        """The types that are named; None when none are."""
        names = [name.strip() for text in self._all("_type") for name in text.split(",")]
        known = tuple(dict.fromkeys(name for name in names if name in self._offer.types))
        if len(known) < len(set(names)):
            self._soft("_type", issue("export.type"))
        if names and not known and not self.faults:
            self.faults.append(issue("export.type"))
        return known if names else None

    def patients(self) -> tuple[str, ...] | None:
        """The ids of the patients that are named; None when none are."""
        given = self._all("patient")
        if not given:
            return None
        if not self._offer.posted or self._offer.level == "system":
            self.faults.append(issue("export.patient-by-post"))
            return None
        found = [_PATIENT.match(text) for text in given]
        if None in found or len(given) > MAX_PATIENTS:
            expected = f"Give at most {MAX_PATIENTS} references Patient/[id]"
            self.faults.append(issue("export.parameter-value", parameter="patient", expected=expected))
        return tuple(dict.fromkeys(one[1] for one in found if one))

    def instant(self, name: str) -> str:
        """An instant; "" when it is not given."""
        given = self._all(name)
        if not given:
            return ""
        if len(given) > 1 or not _INSTANT.match(given[0]) or parse_interval(given[0]) is None:
            expected = "Give one instant, as 2026-01-31T12:00:00Z"
            self.faults.append(issue("export.parameter-value", parameter=name, expected=expected))
        return given[0]

    def filters(self) -> Iterator[str]:
        """The searches that can be used."""
        texts = [text for given in self._all("_typeFilter") for text in _BETWEEN_FILTERS.split(given)]
        if len(texts) > MAX_FILTERS:
            expected = f"Give at most {MAX_FILTERS} searches"
            self.faults.append(issue("export.parameter-value", parameter="_typeFilter", expected=expected))
            return
        named = self._named_types()
        for text in texts:
            if text.partition("?")[0] not in named:
                self._soft("_typeFilter", issue("export.type-filter"))
                continue
            try:
                query = self._offer.read_filter(text)
            except BadRequest as error:
                for found in error.issues:
                    self._soft("_typeFilter", found)
                continue
            self.reached.update(reached(query.clauses))
            yield text

    def _named_types(self) -> frozenset[str]:
        names = {name.strip() for text in self._all("_type") for name in text.split(",")}
        return frozenset(self._offer.types) & names if names else frozenset(self._offer.types)

    def elements(self) -> Iterator[str]:
        """The elements to be shown, `name` or `Type.name`."""
        names = [name.strip() for text in self._all("_elements") for name in text.split(",")]
        if len(names) > MAX_ELEMENTS or not all(_ELEMENT.match(name) for name in names):
            expected = "Names of elements, [element] or [type].[element], separated by commas"
            self.faults.append(issue("export.parameter-value", parameter="_elements", expected=expected))
        yield from names

    def associated(self) -> str:
        """The preset of what goes with the rest, the larger of several; "" for none."""
        values = {value.strip() for text in self._all("includeAssociatedData") for value in text.split(",")}
        if not values <= set(PRESETS):
            self._unlike("includeAssociatedData", f"Use {' or '.join(PRESETS)}")
        found = next((preset for preset in PRESETS if preset in values), "")
        if found and self._all("organizeOutputBy"):
            self._unlike("includeAssociatedData", "Leave it out with organizeOutputBy")
            return ""
        if found and self.reached:
            self._unlike("includeAssociatedData", "Leave it out with chains and _has in _typeFilter")
            return ""
        return found

    def organized(self) -> str:
        """The type that files are ordered by; "" for the type of each resource."""
        given = set(self._all("organizeOutputBy"))
        if given and given != {ORGANIZED}:
            self._unlike("organizeOutputBy", f"Use {ORGANIZED}")
            return ""
        return ORGANIZED if given else ""

    def partial(self) -> bool:
        """Whether files may be told of before all are there."""
        given = set(self._all("allowPartialManifests"))
        if given and given not in ({"true"}, {"false"}):
            self._unlike("allowPartialManifests", "Use true or false")
        return given == {"true"}

    def _unlike(self, name: str, expected: str) -> None:
        self._soft(name, issue("export.parameter-value", parameter=name, expected=expected))

    def format(self) -> None:
        """Notes a fault for any form but NDJSON."""
        if any(text.replace(" ", "+") not in FORMATS for text in self._all("_outputFormat")):
            expected = f"Use {', '.join(sorted(FORMATS))}"
            self.faults.append(issue("export.parameter-value", parameter="_outputFormat", expected=expected))

    def ignored(self) -> Iterator[str]:
        """What is left aside, by name; only names that are known are told."""
        for name, _ in self._pairs:
            if name not in PARAMETERS:
                told = "a parameter of another name"
                self._soft(told, issue("export.parameter", parameter=told))
        yield from self._aside

    def _all(self, name: str) -> list[str]:
        return [value for given, value in self._pairs if given == name]

    def _soft(self, name: str, found: Issue) -> None:
        """A fault, or a name to leave aside when the client takes less for an answer."""
        if self._offer.lenient:
            self._aside[name] = None
        elif found not in self.faults:
            self.faults.append(found)
