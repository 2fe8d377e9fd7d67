"""How many resources name one participant, counted from two indexes alone where they are this participant's own.

A resource that names a participant is the participant's in nearly all cases, and its own alone. So the index of whose
rows are has as many rows as the term, with the same keys; by this index nothing is counted that the reader may not
see. Where one of them differs (resources of several, of nobody, of another domain, out of a grant's window), or no
grant holds all of them, each row is asked.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, case, false, func
from sqlalchemy import select as sql_select

from gateway.store.sql.among import among
from gateway.store.sql.database import Database
from gateway.store.sql.index.tables import TermRow
from gateway.store.sql.tables import Columns, ResourceRow, columns_of
from gateway.store.sql.visible import is_counted, is_of_about, study_is, whole_of_about

_PRIME: Final = 2_147_483_647
"""What keys are taken by, so that their sum stays a whole number."""


_TYPE: Final = bindparam("type", type_=String)


def own_count(database: Database, each: Select[Any], *, of_facets: bool, is_single: bool) -> Select[Any]:
    """The number that `each` gives: of all rows with the term `driver`, which says that they name `about`.

    `of_facets`: they are those of the facets in the list `facets`; `is_single`: of one, and `driver` is no list.
    """
    named, own = columns_of(TermRow), columns_of(ResourceRow)
    domain = _domain(_terms(database, columns_of(TermRow), is_single)) if of_facets else None
    rows = [own.study == study_is(), own.type == _TYPE, own.deleted == false(), is_counted(own), is_of_about(own)]
    if domain is not None:
        rows += [own.domain == domain, among(database, own.facet, "facets")]
    terms = _told(named, _terms(database, named, is_single)[1]).subquery().c
    found = _told(own, rows).subquery().c
    alike: list[ColumnElement[bool]] = [terms.rows == found.rows, terms.total == found.total]
    number = sql_select(terms.rows).where(*alike).scalar_subquery()
    return sql_select(func.coalesce(case((whole_of_about(domain), number)), each.scalar_subquery()))


def _terms(database: Database, term: Columns, is_single: bool) -> tuple[Columns, list[ColumnElement[bool]]]:
    """The rows of the term or terms that drive the count."""
    one = term.hash == bindparam("driver", type_=BigInteger)
    return term, [term.study == study_is(), one if is_single else among(database, term.hash, "driver")]


def _domain(named: tuple[Columns, list[ColumnElement[bool]]]) -> Any:
    """The domain of one of the rows: what is of one code is mostly of one domain."""
    row, (term, where) = columns_of(ResourceRow), named
    one = (row.study == study_is(), row.type == _TYPE, row.pk == term.pk)
    return sql_select(row.domain).where(*where, *one).limit(1).scalar_subquery()


def _told(columns: Columns, where: list[ColumnElement[bool]]) -> Select[Any]:
    """How many rows, and the sum of their keys."""
    return sql_select(func.count().label("rows"), func.sum(columns.pk % _PRIME).label("total")).where(*where)
