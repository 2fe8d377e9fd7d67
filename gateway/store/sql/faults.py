"""What went wrong in a database, and what the gateway says of it."""

from typing import Final

from sqlalchemy.exc import DBAPIError

from gateway.core.errors import FhirError, Unavailable, Unprocessable
from gateway.core.issues import issue
from gateway.store.sql.time_limit import STOPPED

RETRY: Final = frozenset({"40001", "40P01", "23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"})
"""Codes of errors after which a transaction may succeed when it is tried again."""

_UNDEFINED_TABLE: Final = "42P01"


def cause_of(error: Exception) -> BaseException:
    """The driver's error behind SQLAlchemy's; COPY raises the driver's own."""
    return (isinstance(error, DBAPIError) and error.orig) or error


def state_of(cause: BaseException) -> str:
    """The code of a database error: an SQLSTATE, or SQLite's name; empty without."""
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""


def is_data_error(cause: BaseException) -> bool:
    """Whether a value is at fault, such as a NUL character, and not the database."""
    return type(cause).__name__ == "DataError"


def refusal_of(cause: BaseException) -> FhirError:
    """What the gateway says of a database error; the driver's own text may hold values and is dropped."""
    if is_data_error(cause):
        return Unprocessable(issue("store.value"))
    state = state_of(cause)
    if state in STOPPED:
        return Unprocessable(issue("store.too-long"))
    if "database is locked" in str(cause) or state in RETRY:
        return Unavailable(issue("store.busy"))
    if "no such table" in str(cause) or state == _UNDEFINED_TABLE:
        return Unavailable(issue("store.schema-missing"))
    return Unavailable(issue("store.database", kind=type(cause).__name__))
