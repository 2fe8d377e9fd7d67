"""The resource types that a study has resources of."""

from sqlalchemy import Executable, func, select

from gateway.store.sql.database import Prepared, Read
from gateway.store.sql.tables import ResourceRow, columns_of
from gateway.store.sql.visible import study_is


def all_types() -> Executable:
    """The types of the study, each found by one step in the index of the heads; a last row is NULL."""
    first, later = columns_of(ResourceRow), columns_of(ResourceRow)
    found = select(func.min(first.type).label("type")).where(first.study == study_is()).cte("types", recursive=True)
    above = select(func.min(later.type)).where(later.study == study_is(), later.type > found.c.type)
    return select(
        found.union_all(select(above.correlate(found).scalar_subquery()).where(found.c.type.is_not(None))).c.type
    )


def types_of(read: Read, prepared: Prepared, study: str) -> list[str]:
    """The types, by their name; `prepared` is the statement of `all_types`."""
    return [name for (name,) in read(prepared, {"study": study}) if name]
