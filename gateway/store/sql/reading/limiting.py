"""What a gated statement asks of every row it looks at: the consent predicate, and the limits of the reader's scopes.

A scope with a query, or of one participant, is a `Limit`; a row passes when one of them holds. Its clauses are asked
of the search index as those of a search are, under parameters of their own (`l0`, `l1`, ...), which every alias of a
statement shares. The index knows current versions only: an older version passes by a limit without clauses alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, String, and_, bindparam, case, exists, false, literal, not_, or_, true

from gateway.core.resources import Limit, Visibility
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database
from gateway.store.sql.index.consents import CONSENT
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.reading.planning import asked
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR, STUDY_LEVEL, Columns, PairRow, columns_of
from gateway.store.sql.visible import retained, study_is, visibility_values, visible, visible_about, visible_of_many

Condition: TypeAlias = ColumnElement[bool]

_KEPT: Final = 1024
"""For how many readers' limits the clauses stay read."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a statement depends on of one limit; the values are parameters."""

    is_typed: bool
    is_about_one: bool
    pieces: tuple[Piece, ...]
    is_among: bool = False
    asks_consent: bool = True
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """What rows must satisfy; `forms` are those of the limits, None when scopes set none. `is_about`: most rows will
    be about the participant `about` alone."""

    forms: tuple[Form, ...] | None = None
    is_about: bool = False

    def head(self, database: Database, row: Columns, *, of_many: bool = False) -> list[Condition]:
        """True for the current resources that the reader may see; `of_many` when many rows will be asked."""
        permitted = visible_of_many(row) if of_many else visible_about(row) if self.is_about else visible(row)
        if self.forms is None:
            return [permitted]
        made = Conditions(database, gate=None, prefix="l")
        ways = [
            and_(*_stands(database, number, form, row, row.type), *(made.of(piece, row) for piece in form.pieces))
            for number, form in enumerate(self.forms)
        ]
        return self._consented(permitted, ways)

    def version(self, database: Database, row: Columns, head: Columns) -> list[Condition]:
        """True for the versions of a resource `head`, itself gated, that the reader may see."""
        if self.forms is None:
            return [visible(row, head.reference)]
        ways = [
            and_(*_stands(database, number, form, row, head.type), *(_is_current(row, head) if form.pieces else ()))
            for number, form in enumerate(self.forms)
        ]
        return self._consented(visible(row, head.reference), ways)

    def _consented(self, permitted: Condition, ways: Sequence[Condition]) -> list[Condition]:
        """One of the ways, with what Consents say where its form asks them."""
        known = list(zip(ways, self.forms or (), strict=True))
        asking = or_(false(), *(way for way, form in known if form.asks_consent))
        free = [way for way, form in known if not form.asks_consent]
        return [or_(and_(permitted, asking), *free)] if free else [permitted, asking]


def _is_current(row: Columns, head: Columns) -> tuple[Condition, ...]:
    return (row.version == head.version,)


def _stands(database: Database, number: int, form: Form, row: Columns, type: Any) -> Iterator[Condition]:
    """The type and the participants of a limit."""
    yield literal(True)
    if form.is_typed:
        yield type == bindparam(f"limit_type{number}", type_=String)
    if form.is_about_one:
        yield _is_about(row, bindparam(f"limit_subject{number}", type_=String))
    if form.is_among:
        yield _is_among(database, row, f"limit_among{number}")
    if form.is_retained:
        yield retained(row)
    elif not form.asks_consent:
        yield type != CONSENT


def _is_about(row: Columns, subject: Any) -> Condition:
    """Whether a row is about this participant and nobody else."""
    pair = columns_of(PairRow)
    own = (pair.study == study_is(), pair.pk == row.pk, pair.version == row.version)
    pairs = exists().correlate_except(pair.study.table)
    alone = and_(pairs.where(*own), not_(pairs.where(*own, pair.subject != subject)))
    return case((row.level == ONE_PAIR, row.subject == subject), (row.level == MANY_PAIRS, alone), else_=false())


def _is_among(database: Database, row: Columns, name: str) -> Condition:
    """Whether a row is at the level of the study, or about participants of a list and nobody else."""
    pair = columns_of(PairRow)
    own = (pair.study == study_is(), pair.pk == row.pk, pair.version == row.version)
    pairs = exists().correlate_except(pair.study.table)
    within = and_(pairs.where(*own), not_(pairs.where(*own, not_(among(database, pair.subject, name)))))
    return case(
        (row.level == STUDY_LEVEL, true()),
        (row.level == ONE_PAIR, among(database, row.subject, name)),
        (row.level == MANY_PAIRS, within),
        else_=false(),
    )


UNLIMITED: Final = Gate()


class Gates:
    """The gates of readers, and the values of their parameters."""

    def __init__(self, database: Database, indexes: Indexes) -> None:
        self._database = database
        self._indexes = indexes
        self._read = lru_cache(maxsize=_KEPT)(self._made)

    def of(self, visibility: Visibility | None) -> Gate | None:
        """The gate of a reader; None for the gateway itself, which is not asked."""
        if visibility is None:
            return None
        if visibility.limits is None:
            return UNLIMITED
        return self._read(visibility.study, visibility.limits)[0]

    def values(self, visibility: Visibility | None, study: str) -> dict[str, Any]:
        """The parameters of the gate's conditions; raises ValueError when the visibility is of another study."""
        if visibility is None:
            return {}
        values = visibility_values(visibility, study)
        return values if visibility.limits is None else values | self._read(visibility.study, visibility.limits)[1]

    def _made(self, study: str, limits: tuple[Limit, ...]) -> tuple[Gate, dict[str, Any]]:
        forms: list[Form] = []
        values: dict[str, Any] = {}
        flat: list[Any] = []
        for number, limit in enumerate(limits):
            clauses = asked(self._indexes.of_study(study), limit.type, limit.clauses) if limit.clauses else ()
            pieces = tuple(one.piece for one in clauses)
            reach = (limit.type != "*", bool(limit.subject), pieces, limit.among is not None)
            forms.append(Form(*reach, not (limit.without_consent or limit.retained), limit.retained))
            values |= {f"limit_type{number}": limit.type} if limit.type != "*" else {}
            values |= {f"limit_subject{number}": limit.subject} if limit.subject else {}
            if limit.among is not None:
                values[f"limit_among{number}"] = as_list(self._database, sorted(limit.among))
            flat += [value for one in clauses for value in one.values]
        for number, value in enumerate(flat):
            values[f"l{number}"] = as_list(self._database, value) if isinstance(value, list) else value
        return Gate(tuple(forms)), values
