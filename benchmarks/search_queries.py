"""The queries whose growth is measured, by their number in the project's list; `{p}` is a participant."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from benchmarks.trial_data import STUDY, patient_id
from gateway.access.reading.several import one_after_another
from gateway.core.resources import Key, Visibility
from gateway.definitions import Definitions, r4
from gateway.search import Parameters, Query, parse
from gateway.search.query import AnyClause, IdClause, ReferenceClause
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.terminology import LocalTerminology

READER = Visibility(STUDY, "org", "access", "HRESCH", 1)
PARTICIPANTS = 8
VALUE_SET = "urn:benchmark:value-set"

Ask: TypeAlias = Callable[[SqlStore], object]
"""Asks a store one query of one participant."""

FLAT = {
    "q02": ("Patient", "identifier=urn:subject|{p}", 20),
    "q03": ("Patient", "family=ad", 20),
    "q04": ("Patient", "family:exact=Adler1&birthdate=ge1950", 20),
    "q05": ("Observation", "patient={p}", 20),
    "q06": ("Observation", "patient={p}&code=http://loinc.org|8867-4&_sort=-date", 20),
    "q07": ("Observation", "patient={p}&category=vital-signs&date=ge2024-06-01&date=lt2024-06-08", 20),
    "q08": ("Observation", "code=http://loinc.org|8867-4", 20),
    "q09": ("Observation", "code=8867-4,59408-5,29463-7&_sort=-date", 50),
    "q10": ("Observation", "code=http://loinc.org|8867-4&value-quantity=gt120||/min", 20),
    "q11": ("Observation", "code-value-quantity=http://loinc.org|29463-7$gt90||kg", 20),
    "q12": ("Observation", "subject:Patient.identifier=urn:subject|{p}", 20),
    "q13": ("Observation", "patient.birthdate=lt1960&code=8867-4", 20),
    "q14": ("Patient", "_has:Observation:patient:code=http://loinc.org|33762-6", 20),
    "q15": ("Observation", "code=8867-4&_include=Observation:subject&_include=Observation:device", 20),
    "q16": ("Patient", "_id={p}&_revinclude=Observation:subject&_revinclude=Provenance:target", 20),
    "q17": (
        "DiagnosticReport",
        "patient={p}&_include=DiagnosticReport:result&_include:iterate=Observation:specimen",
        20,
    ),
    "q18": ("Observation", "_lastUpdated=gt2020&_sort=_lastUpdated", 100),
    "q19": ("Observation", "patient={p}&code:not=8867-4", 20),
    "q20": ("Observation", "patient={p}&device:missing=true", 20),
    "q21": ("Observation", f"code:in={VALUE_SET}&patient={{p}}", 20),
    "q22": ("Observation", "_tag=rwd&_sort=-date", 20),
    "q23": ("Encounter", "patient={p}&date=ge2024-06-01&_sort=date", 20),
    "q24": ("QuestionnaireResponse", "questionnaire=http://example.org/Questionnaire/kccq&authored=ge2024-06-01", 20),
    "q25": ("Observation", "code=8867-4&_sort=-date", 20),
    "q29": ("Observation", "identifier=urn:observation|1-7", 20),
    "q30": ("ResearchSubject", "study=benchmark&status=on-study", 50),
}
"""Searches whose cost must not grow: type, parameters, page size."""

LINEAR = {
    "q31": ("Observation", "code=8867-4&_total=accurate", 0),
    "q32": ("Observation", "_summary=count", 0),
    "q33": ("Patient", "name:contains=xyz", 20),
}
"""Searches that look at all that match, or at all there is: told, and not judged."""

DEEP = {"q25": 500}
"""Searches that are asked for a later page: so many pages on, or the last full one."""


class _ValueSet:
    """A source of one ValueSet."""

    def __init__(self) -> None:
        codes = [{"code": code} for code in ("8867-4", "59408-5")]
        include = [{"system": "http://loinc.org", "concept": codes}]
        kind = {"resourceType": "ValueSet", "url": VALUE_SET, "status": "active"}
        self._one: dict[str, Any] = {**kind, "compose": {"include": include}}

    def find(self, url: str) -> list[dict[str, Any]]:
        """The resources with this URL."""
        return [self._one] if url == VALUE_SET else []

    def all(self) -> Iterator[dict[str, Any]]:
        """Every resource."""
        yield self._one

    def has(self, kind: str) -> bool:
        """Whether resources of this kind are in it."""
        return kind == "ValueSet"


def people() -> list[str]:
    """The participants who are asked about."""
    return [patient_id(number) for number in range(PARTICIPANTS)]


def queries(type: str, text: str, parameters: Parameters) -> list[Query]:
    """A search for each participant."""
    terminology = LocalTerminology(Definitions.of(r4(), _ValueSet()))
    pairs = [tuple(pair.partition("=")[::2]) for pair in text.split("&")]
    return [
        parse(type, [(key, value.format(p=who)) for key, value in pairs], parameters, terminology=terminology)
        for who in people()
    ]


def others(parameters: Parameters) -> dict[str, list[Ask]]:
    """What is flat and no search of one page, for each participant: reads, histories, whole records, the newest of
    each code."""
    keys = [Key(STUDY, "Observation", f"o-{who}-3") for who in people()]
    records = [_record(parameters, who) for who in people()]
    newest = queries("Observation", "patient={p}&category=vital-signs", parameters)
    return {
        "q01": [partial(SqlStore.read, key=key, visibility=READER) for key in keys],
        "q26": [partial(_whole, one) for one in records],
        "q27": [partial(SqlStore.newest, query=one, study=STUDY, visibility=READER, most=3) for one in newest],
        "q28": [partial(SqlStore.history, key=key, visibility=READER) for key in keys],
    }


def _whole(record: Sequence[Query], store: SqlStore) -> object:
    return one_after_another(store, record, STUDY, READER, Page(100))


def _record(parameters: Parameters, who: str) -> Sequence[Query]:
    """The searches of a participant's compartment, type by type, as `$everything` makes them."""
    found = [Query("Patient", (IdClause((who,)),))]
    for type, codes in sorted(parameters.compartment("Patient").items()):
        ways = [ReferenceClause(code, (f"Patient/{who}",)) for code in codes if code in parameters.of(type)]
        if ways and type != "Patient":
            found.append(Query(type, (ways[0] if len(ways) == 1 else AnyClause(tuple(ways)),)))
    return found
