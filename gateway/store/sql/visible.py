"""The consent predicate in SQL: the one builder that every reading statement uses.

A row is visible when its level is study-level, or when each of its (subject, domain) pairs has a grant for this
organisation, action and purpose, valid now, whose data window holds the row's clinical interval. Anything else,
an unknown level included, is hidden. It is the same rule as `Visibility` and `Grant` tell.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    not_,
    or_,
    true,
)

from gateway.core.resources import Visibility
from gateway.store.sql.tables import (
    ANY_INSTANCE,
    MANY_PAIRS,
    ONE_PAIR,
    STUDY_LEVEL,
    UNNAMED_INSTANCE,
    Columns,
    GrantRow,
    NamedRow,
    PairRow,
    RuleKindRow,
    columns_of,
)


def study_is() -> Any:
    """The bindparam of the study that a statement is about."""
    return bindparam("study", type_=String)


def visible(row: Columns, reference: Any = None) -> ColumnElement[bool]:
    """True for the rows that the reader may see; its parameters are those of `visibility_values` and `study`.

    `reference` is the column with the hash of the resource's reference, where the row itself has none.
    """
    own = row.reference if reference is None else reference
    return case(
        (row.level == STUDY_LEVEL, true()),
        (row.level == ONE_PAIR, _granted(row, own, row.subject, row.domain)),
        (row.level == MANY_PAIRS, and_(_has_pairs(row), not_(_has_pair_without_grant(row, own)))),
        else_=false(),
    )


def visibility_values(visibility: Visibility, study: str) -> dict[str, Any]:
    """The parameters of `visible`; raises ValueError when the visibility is of another study."""
    if visibility.study != study:
        raise ValueError("a visibility of another study")
    return {
        "organisation": visibility.organisation,
        "action": visibility.action,
        "purpose": visibility.purpose,
        "now": visibility.now,
    }


def _granted(row: Columns, reference: Any, subject: Any, domain: Any) -> Exists:
    grant = columns_of(GrantRow)
    now = bindparam("now", type_=BigInteger)
    # Correlated to every table outside, not only to the nearest: else the row's window would be any row's.
    return (
        exists()
        .correlate_except(grant.study.table)
        .where(
            grant.study == study_is(),
            grant.subject == subject,
            _one_of(grant.grantee, bindparam("organisation", type_=String)),
            _one_of(grant.domain, domain),
            _one_of(grant.action, bindparam("action", type_=String)),
            _one_of(grant.purpose, bindparam("purpose", type_=String)),
            grant.data_low <= row.low,
            grant.data_high >= row.high,
            grant.valid_low <= now,
            grant.valid_high > now,
            or_(grant.rule == 0, and_(_is_meant(grant, row), _is_instance(grant, reference))),
        )
    )


def _is_meant(grant: Columns, row: Columns) -> Exists:
    """True when the grant's rule means the row's kind of content."""
    meant = columns_of(RuleKindRow)
    same = (meant.study == study_is(), meant.rule == grant.rule, meant.kind == row.kind)
    return exists().correlate_except(meant.study.table).where(*same)


def _is_instance(grant: Columns, reference: Any) -> ColumnElement[bool]:
    """True when the grant is about any instance, about this one, or about those without a name and this is one."""
    named = columns_of(NamedRow)
    same = (named.study == study_is(), named.subject == grant.subject, named.reference == reference)
    nameless = not_(exists().correlate_except(named.study.table).where(*same))
    return or_(
        grant.instance == ANY_INSTANCE,
        grant.instance == reference,
        and_(grant.instance == UNNAMED_INSTANCE, nameless),
    )


def _one_of(column: Any, value: Any) -> ColumnElement[bool]:
    return or_(column == value, column == "*")


def _pairs(row: Columns, pair: Columns) -> list[ColumnElement[bool]]:
    return [pair.study == study_is(), pair.pk == row.pk, pair.version == row.version]


def _has_pairs(row: Columns) -> Exists:
    pair = columns_of(PairRow)
    return exists().correlate_except(pair.study.table).where(*_pairs(row, pair))


def _has_pair_without_grant(row: Columns, reference: Any) -> Exists:
    pair = columns_of(PairRow)
    return (
        exists()
        .correlate_except(pair.study.table)
        .where(*_pairs(row, pair), not_(_granted(row, reference, pair.subject, pair.domain)))
    )
