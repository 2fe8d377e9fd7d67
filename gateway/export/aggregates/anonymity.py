"""How anonymous a flat file is: k-anonymity and distinct l-diversity of its classes.

A class is the rows with the same quasi-identifiers (what somebody may know of a person from elsewhere), where "not
there" is a value like others. k is the size of the smallest class, in persons; l the smallest number of different
sensitive values in a class. See https://doi.org/10.1142/S0218488502001648 and https://doi.org/10.1145/1217299.1217302.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

READERS: Final = {
    ".csv": "read_csv(?, all_varchar = true, header = true)",
    ".ndjson": "read_ndjson(?)",
    ".parquet": "read_parquet(?)",
}
"""Ending -> how DuckDB reads such a file."""


@dataclass(frozen=True, slots=True)
class Anonymity:
    """`k` of a file, 0 for one without rows; `l` by sensitive column; how many `classes` there are, and how many
    persons: in all, `alone` in a class, and in classes of fewer than `limit`. `counted` says whether persons are
    `participants` or `rows`. A person may be in several classes, and is counted once."""

    k: int
    l: dict[str, int]  # noqa: E741 - the measure's name
    classes: int
    persons: int
    alone: int
    below: int
    limit: int
    counted: str


def anonymity(
    path: Path, quasi: Sequence[str], sensitive: Sequence[str] = (), *, person: str = "patient", limit: int = 5
) -> Anonymity:
    """Measures a `.csv`, `.ndjson` or `.parquet` file; a person is a value of the column `person`, or a row without
    such a column or such a value.

    Raises `BadRequest` for an ending, a column or a file that cannot be read, and without the extra `tables`.
    """
    reader = READERS.get(path.suffix)
    if reader is None:
        raise BadRequest(issue("export.table-format", known=", ".join(READERS)))
    try:
        import duckdb
    except ModuleNotFoundError as missing:
        raise BadRequest(issue("export.table-extra", name=missing.name)) from None
    with duckdb.connect() as connection:
        try:
            connection.execute(f"CREATE TEMP TABLE flat AS SELECT * FROM {reader}", [str(path)])  # noqa: S608
        except duckdb.Error:
            raise BadRequest(issue("export.flat-file")) from None
        columns = [row[0] for row in connection.execute("DESCRIBE flat").fetchall()]
        for name in (*quasi, *sensitive):
            if name not in columns:
                raise BadRequest(
                    issue("export.aggregate-column", expected=f"one of {', '.join(columns)}", column=name)
                )
        return _measure(connection, list(quasi), list(sensitive), person if person in columns else "", limit)


def _measure(connection: Any, quasi: list[str], sensitive: list[str], person: str, limit: int) -> Anonymity:
    who = f"coalesce({_quoted(person)}::VARCHAR, 'row ' || rowid)" if person else "rowid::VARCHAR"
    names = [_quoted(name) for name in quasi]
    key = f"[{', '.join(f'{name}::VARCHAR' for name in names)}]"
    connection.execute(f"CREATE TEMP TABLE people AS SELECT {key} AS class, {who} AS who, * FROM flat")  # noqa: S608
    connection.execute(
        "CREATE TEMP TABLE sizes AS SELECT class, count(DISTINCT who) AS size FROM people GROUP BY class"
    )
    k, classes = connection.execute("SELECT coalesce(min(size), 0), count(*) FROM sizes").fetchone()
    persons, alone, below = connection.execute(
        "SELECT count(DISTINCT who), count(DISTINCT who) FILTER (size = 1), count(DISTINCT who) FILTER (size < ?)"
        " FROM people JOIN sizes USING (class)",
        [limit],
    ).fetchone()
    diversity = {name: _diversity(connection, _quoted(name)) for name in sensitive}
    return Anonymity(k, diversity, classes, persons, alone, below, limit, "participants" if person else "rows")


def _diversity(connection: Any, column: str) -> int:
    """The smallest number of different values of a column in a class, "not there" being one."""
    values = f"count(DISTINCT {column}) + max(({column} IS NULL)::INTEGER)"
    statement = f"SELECT coalesce(min(n), 0) FROM (SELECT {values} AS n FROM people GROUP BY class)"  # noqa: S608
    return int(connection.execute(statement).fetchone()[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
