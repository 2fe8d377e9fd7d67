"""Membership in a list of any length as one parameter, so that the statement's text stays the same."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.store.sql.database import Database


def among(database: Database, column: Any, name: str) -> ColumnElement[bool]:
    """True when the column's value is in the list given as parameter `name`, made by `as_list`."""
    values: Any = bindparam(name)
    result: ColumnElement[bool]
    if database.is_sqlite:
        result = column.in_(select(func.json_each(values).table_valued("value").c.value))
    else:
        result = column == func.any(cast(values, ARRAY(column.type)))
    return result


def as_list(database: Database, values: Sequence[Any]) -> Any:
    """The parameter that holds a list: JSON text on SQLite, an array on PostgreSQL."""
    return json.dumps(list(values)) if database.is_sqlite else list(values)
