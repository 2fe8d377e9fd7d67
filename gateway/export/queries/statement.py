"""What the SQL of a query may say: one SELECT over its own tables, with functions that look at their arguments alone.

Study files are data from strangers. So the statement is read as a tree, as DuckDB parses it, and every node of it
must be of a kind that is allowed here: no other statement, no table function that opens files, no catalogue, no
recursion, nothing that asks for the time, for chance or for settings.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from gateway.core.issues import Issue, issue
from gateway.export.queries.definition import Query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CLASSES: Final = frozenset(
    (
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"),
        *("LAMBDA", "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
    )
)
_NODES: Final = frozenset(
    (
        *("SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"),
        *("BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "SUBQUERY", "TABLE_FUNCTION"),
        *("DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"),
        *("ASCENDING", "DESCENDING", "ORDER_DEFAULT"),
    )
)
_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")
_TABLE_FUNCTIONS: Final = frozenset(("generate_series", "range", "unnest"))
_ALSO: Final = frozenset(("date_add", "fdiv", "fmod", "nullif", "split_part", "unnest", "weighted_avg"))
"""Functions that DuckDB writes as macros or knows under a second nature."""

_NEVER: Final = re.compile(r"__|json_(de)?serialize|current_|.*(^|_)version$|parse_duckdb")
"""Functions that DuckDB calls consistent, and that tell of the engine or parse SQL."""

_FUNCTIONS: Final = """
SELECT function_name FROM duckdb_functions() WHERE schema_name = 'main' AND database_name = 'system'
GROUP BY function_name
HAVING bool_and(coalesce(function_type IN ('scalar', 'aggregate', 'window') AND stability = 'CONSISTENT', false)
    OR (function_type = 'table' AND function_name IN ('generate_series', 'range', 'unnest')))
"""


@dataclass(slots=True)
class _Found:
    faults: dict[str, Issue] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)


def check(connection: "DuckDBPyConnection", query: Query) -> tuple[frozenset[str], Sequence[Issue]]:
    """The names of the parameters that the SQL uses, and every fault of what it says."""
    sql = duckdb_sql(query)
    tree = json.loads(_one(connection, _SERIALIZE, [sql]))
    if tree["error"]:
        return frozenset(), [_syntax(query, sql, tree)]
    statements = tree["statements"]
    if len(statements) != 1:
        return frozenset(), [_statement(query, "several statements", "")]
    known = {label.lower() for label in query.tables}
    entries = [entry for node in _nodes(statements) for entry in node.get("cte_map", {}).get("map", [])]
    inner = {str(entry["key"]).lower() for entry in entries}
    if any(name in _catalogue() or not _PLAIN.match(name) for name in inner):
        # Where the name does not reach, it would be that of something else.
        return frozenset(), [_statement(query, "WITH a name of the catalogue, or of no plain form", "")]
    known |= inner
    functions = _functions()
    found = _Found()
    for node in _nodes(statements):
        _check_node(node, query, sql, known, functions, found)
    return frozenset(found.parameters), list(found.faults.values())


_SERIALIZE: Final = (
    "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)"
)


@cache
def _functions() -> frozenset[str]:
    """The functions that a query may use: a property of the installed DuckDB."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        names = [str(name) for (name,) in connection.execute(_FUNCTIONS).fetchall()]
    return frozenset(name for name in names if not _NEVER.match(name)) | _ALSO


@cache
def _catalogue() -> frozenset[str]:
    """The names of what every DuckDB holds, in small letters."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        found = connection.execute("SELECT lower(view_name) FROM duckdb_views()").fetchall()
    return frozenset(str(name) for (name,) in found)


def duckdb_sql(query: Query) -> str:
    """The SQL with its parameters as DuckDB writes them: `$name` for `:name`, wherever the name is declared."""
    import duckdb

    data = query.sql.encode()
    tokens = [start for start, _ in duckdb.tokenize(query.sql)]
    made, done = bytearray(), 0
    for start, following in pairwise(tokens):
        if data[start : start + 1] == b":" and following == start + 1:
            name = re.match(rb"[A-Za-z][A-Za-z0-9_]*", data[following:])
            if name and name[0].decode() in query.parameters:
                made += data[done:start] + b"$"
                done = following
    return (made + data[done:]).decode()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree, without recursion: a hostile statement is deep."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _check_node(
    node: Mapping[str, Any], query: Query, sql: str, known: set[str], functions: frozenset[str], found: _Found
) -> None:
    place = _position(sql, node)
    kind = node.get("class") or node.get("type")
    if isinstance(kind, str) and kind not in (_CLASSES if "class" in node else _NODES):
        found.faults.setdefault(kind, _statement(query, kind, place))
    if any(node.get(key) for key in ("schema", "schema_name", "catalog", "catalog_name", "sample")):
        found.faults.setdefault("schema", _statement(query, "a schema, a database or a sample", place))
    if kind == "BASE_TABLE" and str(node.get("table_name")).lower() not in known:
        name = str(node.get("table_name"))
        found.faults.setdefault(
            name, issue("export.query-table", expression=query.place, source=place, name=name, known=_told(query))
        )
    if kind == "PARAMETER":
        _check_parameter(str(node.get("identifier")), query, place, found)
    used = node.get("function_name")
    if isinstance(used, str) and used not in functions:
        found.faults.setdefault(used, issue("export.query-function", expression=query.place, source=place, name=used))
    if kind == "TABLE_FUNCTION" and node.get("function", {}).get("function_name") not in _TABLE_FUNCTIONS:
        found.faults.setdefault("TABLE_FUNCTION", _statement(query, "a function as a table", place))


def _check_parameter(name: str, query: Query, place: str, found: _Found) -> None:
    found.parameters.add(name)
    if name not in query.parameters:
        expected = f"Library.parameter {name}, which the SQL uses"
        found.faults.setdefault(
            f"${name}", issue("export.query-element", expression="Library.parameter", source=place, expected=expected)
        )


def _told(query: Query) -> str:
    return ", ".join(query.tables) or "none"


def _statement(query: Query, found: str, place: str) -> Issue:
    return issue("export.query-statement", expression=query.place, source=place, found=found)


def _syntax(query: Query, sql: str, tree: Mapping[str, Any]) -> Issue:
    if tree.get("error_type") != "parser":
        return _statement(query, "another statement", "")
    place = _line_and_column(sql, int(tree.get("position", 0)))
    return issue("export.query-sql", expression=query.place, source=place, reason=tree.get("error_message"))


def _position(sql: str, node: Mapping[str, Any]) -> str:
    offset = node.get("query_location")
    return _line_and_column(sql, offset) if isinstance(offset, int) else ""


def _line_and_column(sql: str, offset: int) -> str:
    before = sql.encode()[:offset].decode(errors="ignore")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _one(connection: "DuckDBPyConnection", sql: str, values: list[str]) -> str:
    [[found]] = connection.execute(sql, values).fetchall()
    return str(found)
