"""The consent predicate in SQL: the one builder that every reading statement uses.

A row is visible when its level is study-level, or when each of its (subject, domain) pairs has a grant for this
organisation, action and purpose, valid now, whose data window holds the row's clinical interval. Anything else,
an unknown level included, is hidden. It is the same rule as `Visibility` and `Grant` tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE
from gateway.core.resources import RETAIN, Visibility
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
    ResourceRow,
    RuleKindRow,
    columns_of,
)

_ABOUT: Final = bindparam("about", type_=String)


def study_is() -> Any:
    """The bindparam of the study that a statement is about."""
    return bindparam("study", type_=String)


def visible(row: Columns, reference: Any = None) -> ColumnElement[bool]:
    """True for the rows that the reader may see; its parameters are those of `visibility_values` and `study`.

    `reference` is the column with the hash of the resource's reference, where the row itself has none.
    """
    own = row.reference if reference is None else reference
    return _by_level(row, own, _granted(row, own, row.subject, row.domain))


def visible_about(row: Columns) -> ColumnElement[bool]:
    """The same as `visible`, for rows most of which are about the participant `about` alone: what of its grants says
    nothing of a row is asked once, and row by row only what is left open."""
    every, any_at_all, by_domain = (columns_of(GrantRow) for _ in range(3))
    asked = [(*_for_reader(grant), grant.subject == _ABOUT) for grant in (every, any_at_all, by_domain)]
    of_domain = select(by_domain.domain).where(*asked[2], *_is_whole(by_domain))
    mine = case(
        (exists().where(*asked[0], every.domain == "*", *_is_whole(every)), true()),
        (not_(exists().where(*asked[1])), false()),
        (row.domain.in_(of_domain), true()),
        else_=_own_granted(row),
    )
    return case(
        (row.level == STUDY_LEVEL, true()),
        (and_(row.level == ONE_PAIR, row.subject == _ABOUT), mine),
        (row.level == ONE_PAIR, _own_granted(row)),
        (row.level == MANY_PAIRS, and_(_has_pairs(row), not_(_has_pair_without_grant(row, row.reference)))),
        else_=false(),
    )


def visible_of_many(row: Columns) -> ColumnElement[bool]:
    """The same as `visible`, for a statement that looks at many rows.

    Asking each row for its grants costs more than reading it; here sets of participants are made once, and only the
    rows of those whose grants are about windows of time or kinds of content are asked one by one.
    """
    sets = _Sets.made()
    one = case(
        (row.subject.in_(sets.whole), true()),
        (tuple_(row.subject, row.domain).in_(sets.by_domain), true()),
        (row.subject.in_(sets.some), _own_granted(row)),
        else_=false(),
    )
    return _by_level(row, row.reference, one)


def retained(row: Columns) -> ColumnElement[bool]:
    """True for rows of the study, and for those that are kept of every participant whom they are about."""
    pair = columns_of(PairRow)
    own = exists().correlate_except(pair.study.table).where(*_pairs(row, pair))
    unkept = own.where(not_(_is_kept(row, pair.subject)))
    return case(
        (row.level == STUDY_LEVEL, true()),
        (row.level == ONE_PAIR, _is_kept(row, row.subject)),
        (row.level == MANY_PAIRS, and_(own, not_(unkept))),
        else_=false(),
    )


def _is_kept(row: Columns, subject: Any) -> Exists:
    """Whether a row lies in what is kept of a participant. No "any" is meant: Consents give no such grant."""
    grant, now = columns_of(GrantRow), bindparam("now", type_=BigInteger)
    asked = (grant.study == study_is(), grant.subject == subject, grant.action == RETAIN)
    valid = (grant.valid_low <= now, grant.valid_high > now)
    inside = (grant.data_low <= row.low, grant.data_high >= row.high)
    return exists().correlate_except(grant.study.table).where(*asked, *valid, *inside)


def count_of_visible(row: Columns, where: Sequence[ColumnElement[bool]], *, by_subject: bool) -> Select[Any]:
    """How many of the rows with `where` the reader may see, by the rule of `visible_of_many`: rows in groups.

    Participants are asked once for all their rows; where some grants are about windows of time or kinds of content,
    the rows of their participants are asked one by one, participant by participant if `by_subject`, for what no other
    index drives. PostgreSQL's planner counts the price of asking a row towards that of finding it, and would go a
    dearer way to the same rows. Where nothing else is asked of rows, an index of whose they are is all that is read.
    """
    sets, where = _Sets.made(), [*where, is_counted(row)]
    of_whom = (row.level, row.subject, row.domain)
    group = select(*of_whom, func.count().label("rows")).where(*where).group_by(*of_whom).subquery().c
    granted = or_(group.subject.in_(sets.whole), tuple_(group.subject, group.domain).in_(sets.by_domain))
    is_seen = or_(group.level == STUDY_LEVEL, and_(group.level == ONE_PAIR, granted))
    seen = _sum(case((is_seen, group.rows), else_=0))
    of_many = case((func.max(case((group.level == MANY_PAIRS, 1), else_=0)) == 1, _of_many(row, where)), else_=0)
    grouped = select(seen + of_many).scalar_subquery()
    return select(grouped + (_of_some if by_subject else _of_any)(row, where, sets))


def count_of_granted(row: Columns, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The same number, from the grants on: the rows of each participant who is seen, found by whose they are."""
    sets, where = _Sets.made(), [*where, is_counted(row)]
    level = [select(func.count()).where(*where, row.level == STUDY_LEVEL).scalar_subquery(), _of_many(row, where)]
    whole = sets.whole.distinct().subquery()
    own = (row.level == ONE_PAIR, row.subject == whole.c.subject)
    entire = select(func.count()).where(*where, *own).correlate(whole).scalar_subquery()
    pair = sets.by_domain.where(sets.by_domain.selected_columns.subject.not_in(sets.whole)).distinct().subquery()
    named = (row.level == ONE_PAIR, row.subject == pair.c.subject, row.domain == pair.c.domain)
    of_pair = select(func.count()).where(*where, *named).correlate(pair).scalar_subquery()
    granted = [select(_sum(one)).select_from(of).scalar_subquery() for one, of in ((entire, whole), (of_pair, pair))]
    return select(level[0] + level[1] + granted[0] + granted[1] + _of_some(row, where, sets))


def is_of_about(row: Columns) -> ColumnElement[bool]:
    """True for the rows that are the data of the participant `about` alone."""
    own: ColumnElement[bool] = and_(row.level == ONE_PAIR, row.subject == _ABOUT)
    return own


def whole_of_about(domain: Any) -> Exists:
    """Whether a grant of the participant `about` shows the reader all of its rows; of one domain, if that is told."""
    grant = columns_of(GrantRow)
    held = grant.domain == "*" if domain is None else _one_of(grant.domain, domain)
    asked = (*_for_reader(grant), grant.subject == _ABOUT, *_is_whole(grant), held)
    return exists().correlate_except(grant.study.table).where(*asked)


def is_counted(row: Columns) -> ColumnElement[bool]:
    """`COUNTED`, which the planner knows `resource_whose` by."""
    counted: ColumnElement[bool] = row.level >= literal_column("0")
    return counted


def _of_many(row: Columns, where: Sequence[ColumnElement[bool]]) -> ColumnElement[int]:
    """How many rows of several pairs are seen."""
    pairs = (row.level == MANY_PAIRS, _has_pairs(row), not_(_has_pair_without_grant(row, row.reference)))
    return select(func.count(row.pk)).where(*where, *pairs).scalar_subquery()


def _of_some(row: Columns, where: Sequence[ColumnElement[bool]], sets: "_Sets") -> ColumnElement[int]:
    """How many rows only such grants show as are about windows of time or kinds of content, participant by
    participant: an index of whose they are finds their rows, each of which is then looked at.

    Where all that a participant grants the reader is one window, this is held against the row; else its grants are
    asked.
    """
    who, own = sets.apart_with_window().subquery(), columns_of(ResourceRow)
    mine = (row.level == ONE_PAIR, row.subject == who.c.subject)
    itself = (own.study == study_is(), own.type == row.type, own.pk == row.pk)
    is_inside = and_(_one_of(who.c.domain, own.domain), who.c.low <= own.low, who.c.high >= own.high)
    is_shown = case((who.c.is_all, is_inside), else_=_shown_by_some(own, sets))
    shown = select(func.count(own.pk)).where(*where, *mine, *itself, is_shown).correlate(who)
    return select(_sum(shown.scalar_subquery())).select_from(who).scalar_subquery()


def _of_any(row: Columns, where: Sequence[ColumnElement[bool]], sets: "_Sets") -> ColumnElement[int]:
    """The same, in one walk over the rows, where there are such grants."""
    who = sets.apart()
    is_shown = case((row.subject.in_(who), _shown_by_some(row, sets)), else_=false())
    shown = select(func.count(row.pk)).where(*where, row.level == ONE_PAIR, is_shown).scalar_subquery()
    return case((exists(who.subquery()), shown), else_=0)


def _shown_by_some(row: Columns, sets: "_Sets") -> ColumnElement[bool]:
    """Not said as NOT IN: for pairs SQLite would look at the whole list, as there might be a NULL."""
    return case((tuple_(row.subject, row.domain).in_(sets.by_domain), false()), else_=_own_granted(row))


def _sum(numbers: Any) -> ColumnElement[int]:
    return func.coalesce(cast(func.sum(numbers), BigInteger), 0)


@dataclass(frozen=True, slots=True)
class _Sets:
    """The participants whose grants to the reader are about all times and any content, in all domains (`whole`) or in
    some (`by_domain`), and those who have other grants (`some`)."""

    whole: Select[Any]
    by_domain: Select[Any]
    some: Select[Any]

    @classmethod
    def made(cls) -> "_Sets":
        entire, named, some = (columns_of(GrantRow) for _ in range(3))
        return cls(
            select(entire.subject).where(*_for_reader(entire), *_is_whole(entire), entire.domain == "*"),
            select(named.subject, named.domain).where(*_for_reader(named), *_is_whole(named), named.domain != "*"),
            select(some.subject).where(*_for_reader(some), not_(and_(*_is_whole(some)))),
        )

    def apart(self) -> Select[Any]:
        """The participants of `some` who are not of `whole`."""
        return self.some.where(self.some.selected_columns.subject.not_in(self.whole)).distinct()

    def apart_with_window(self) -> Select[Any]:
        """The same, with domain and window of one of their grants, and whether it is their only one (`is_all`)."""
        subject = self.some.selected_columns.subject
        grant, named = subject.table.c, self.by_domain.subquery().c
        is_all = and_(func.count() == 1, func.min(grant.rule) == 0, subject.not_in(select(named.subject)))
        window = (func.min(grant.data_low).label("low"), func.max(grant.data_high).label("high"))
        told = (subject, func.min(grant.domain).label("domain"), *window, is_all.label("is_all"))
        return self.some.where(subject.not_in(self.whole)).with_only_columns(*told).group_by(subject)


def _is_whole(grant: Columns) -> list[ColumnElement[bool]]:
    """True for boxes about all times and any content: they hold every row of their participant and domain."""
    return [grant.rule == 0, grant.data_low <= FOREVER_BEFORE, grant.data_high >= FOREVER_AFTER]


def _by_level(row: Columns, reference: Any, one: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rule by the row's level, `one` being that for a row of one pair."""
    return case(
        (row.level == STUDY_LEVEL, true()),
        (row.level == ONE_PAIR, one),
        (row.level == MANY_PAIRS, and_(_has_pairs(row), not_(_has_pair_without_grant(row, reference)))),
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


def _own_granted(row: Columns) -> Exists:
    return _granted(row, row.reference, row.subject, row.domain)


def _granted(row: Columns, reference: Any, subject: Any, domain: Any) -> Exists:
    grant = columns_of(GrantRow)
    # Correlated to every table outside, not only to the nearest: else the row's window would be any row's.
    return (
        exists()
        .correlate_except(grant.study.table)
        .where(
            *_for_reader(grant),
            grant.subject == subject,
            _one_of(grant.domain, domain),
            grant.data_low <= row.low,
            grant.data_high >= row.high,
            or_(grant.rule == 0, and_(_is_meant(grant, row), _is_instance(grant, reference))),
        )
    )


def _for_reader(grant: Columns) -> list[ColumnElement[bool]]:
    """True for the grants of any participant to the reader, for its action and purpose, valid now."""
    now = bindparam("now", type_=BigInteger)
    return [
        grant.study == study_is(),
        # Said so, SQLite reads a participant's grants in one go; as `=` or `=` it looks for each of the two.
        not_(and_(grant.grantee != bindparam("organisation", type_=String), grant.grantee != "*")),
        _one_of(grant.action, bindparam("action", type_=String)),
        _one_of(grant.purpose, bindparam("purpose", type_=String)),
        grant.valid_low <= now,
        grant.valid_high > now,
    ]


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
