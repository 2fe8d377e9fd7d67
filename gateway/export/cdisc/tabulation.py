"""From the rows of a view to the records of a dataset, a few participants at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.export.bulk.plan import of_patients
from gateway.export.cdisc.domain import Domain, Variable
from gateway.export.cdisc.participants import Participant
from gateway.export.cdisc.values import local_date_time, study_day
from gateway.export.views.tables import row_tree
from gateway.search import Parameters, Query
from gateway.terminology.port import Canonicals, Terminology
from gateway.terminology.ucum import UcumError, convert

AT_ONCE: Final = 10
"""Participants whose records are held, and sorted, at once."""

Record = list[Any]
Progress = Callable[[str, int], None]
"""Called with a dataset's name and how many records of it there are so far."""

SUPPLEMENT: Final = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL", "QORIG", "QEVAL")
"""The variables of a SUPP-- dataset."""


@dataclass(slots=True)
class Tabulation:
    """The records of one dataset: made as `records` is run through; then the counts are whole.

    `left_out` counts rows without a record by the variable that had no value; `supplement` is called with each
    record of the SUPP-- dataset.
    """

    study: str
    domain: Domain
    supplement: Callable[[Record], object]
    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Tabulator:
    """Makes datasets of a study through a reader's eyes."""

    door: Door
    participants: tuple[Participant, ...]
    parameters: Parameters
    terminology: Terminology
    canonicals: Canonicals
    progress: Progress | None = None

    def records(self, made: Tabulation) -> Iterator[Record]:
        """The records, by participant, sorted by the dataset's keys in each, where sequence numbers begin anew."""
        for start in range(0, len(self.participants), AT_ONCE):
            group = self.participants[start : start + AT_ONCE]
            rows = self._rows(made.domain, group)
            for participant in group:
                for record in self._of(made, participant, rows.get(participant.patient, [])):
                    made.count += 1
                    yield record
            if self.progress:
                self.progress(made.domain.name, made.count)

    def _rows(self, domain: Domain, group: Sequence[Participant]) -> dict[str, list[dict[str, Any]]]:
        found = dict[str, list[dict[str, Any]]]()
        for view in domain.views:
            clauses = of_patients(view.view.resource, [one.patient for one in group], self.parameters)
            if clauses is None:
                continue
            for stored in self.door.stream(Query(view.view.resource, clauses)):
                for row in view.rows(loads_stored(stored.body)):
                    tree = row_tree(view.columns, row)
                    found.setdefault(str(tree[domain.patient]), []).append(tree)
        return found

    def _of(self, made: Tabulation, participant: Participant, rows: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
        domain = made.domain
        kept = []
        for row in rows:
            record = [self._value(one, row, participant, made) for one in domain.variables]
            missing = next((one.name for one, value in zip(domain.variables, record, strict=True)
                            if one.required and value is None), "")  # fmt: skip
            if missing:
                made.left_out[missing] += 1
            else:
                kept.append((record, row))
        keys = sorted((one.key, place) for place, one in enumerate(domain.variables) if one.key)
        kept.sort(key=lambda one: [str(one[0][place] if one[0][place] is not None else "") for _, place in keys])
        sequences = [place for place, one in enumerate(domain.variables) if one.argument == "sequence"]
        for number, (record, row) in enumerate(kept, 1):
            for place in sequences:
                record[place] = number
            self._supplement(made, participant, row, number if sequences else 0)
            yield record

    def _supplement(self, made: Tabulation, participant: Participant, row: Mapping[str, Any], number: int) -> None:
        for one in made.domain.supplements:
            value = self._value(one, row, participant, made)
            if value is not None:
                name = made.domain.name
                which = (f"{name}SEQ", str(number)) if number else ("", "")
                said = (one.name, one.label, str(value), "Collected", "")
                made.supplement([made.study, name, participant.subject, *which, *said])

    def _value(self, one: Variable, row: Mapping[str, Any], participant: Participant, made: Tabulation) -> Any:
        match one.rule:
            case "value":
                known = {"study": made.study, "domain": made.domain.name, "subject": participant.subject}
                found: Any = known.get(one.argument, 0)
            case "participant":
                found = getattr(participant, one.argument) or None
            case "constant":
                found = one.argument
            case "local":
                found = _local(row.get(one.argument), participant)
            case "day":
                local = _local(row.get(one.argument), participant)
                found = study_day(local, participant.start) if local else None
            case "translate":
                found = self._translated(one.argument, row)
            case "convert":
                found = _converted(row, **{f"{name}_column": column for name, column in one.argument.items()})
            case _:
                found = row.get(one.argument)
        return _as(one, found)

    def _translated(self, argument: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
        code = row.get(argument["code"])
        if code is None:
            return None
        system = argument.get("system", "")
        targets = self.terminology.translate(str(row.get(system, system) or ""), str(code), argument["map"])
        if not targets:
            return None
        return (targets[0].display if argument.get("display") else targets[0].code) or None


def _local(value: Any, participant: Participant) -> str | None:
    return local_date_time(value, participant.zone) if isinstance(value, str) else None


def _converted(row: Mapping[str, Any], *, value_column: str, from_column: str, to_column: str) -> Decimal | None:
    """The number in another unit; None where it cannot be, and the number itself where it need not."""
    value, unit, wanted = row.get(value_column), row.get(from_column), row.get(to_column)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or wanted is None:
        return None
    if unit == wanted:
        return Decimal(value)
    try:
        return convert(Decimal(value), str(unit), str(wanted))
    except (UcumError, InvalidOperation):
        return None


def _as(one: Variable, value: Any) -> Any:
    """A value of the variable's type: what is no number is none where numbers are kept."""
    if value is None or value == "":
        return None
    if one.kind == "string":
        return ("Y" if value else "N") if isinstance(value, bool) else str(value)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return (int(value) if one.kind == "integer" else value) if is_number else None
