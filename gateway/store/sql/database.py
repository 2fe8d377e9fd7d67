"""One database, SQLite or PostgreSQL: connections, transactions, retries, and statements compiled once.

SQLite: write-ahead log, `synchronous=FULL`, one writer at a time in the process (a lock) and on the file (`BEGIN
IMMEDIATE` with a busy timeout); readers never wait. PostgreSQL: read committed with row locks for writers, and one
snapshot for each read; serialization failures and deadlocks are tried again. On both, so is who made a key that
another process had made.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from random import uniform
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.core.errors import Unavailable
from gateway.core.issues import issue
from gateway.store.sql.driver import DriverConnection
from gateway.store.sql.faults import RETRY, cause_of, is_data_error, refusal_of, state_of
from gateway.store.sql.numbering import numbered
from gateway.store.sql.time_limit import STOPPED, LimitedConnection, limit_statements

Values: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[tuple[Any, ...]]
_T = TypeVar("_T")

Read: TypeAlias = "Callable[[Prepared, Values], Rows]"
"""Runs one reading statement and gives its rows."""

ATTEMPTS: Final = 12
"""How often a transaction is tried when the database asks for it: about two seconds long."""

READERS: Final = max(2, os.cpu_count() or 2)
"""How many searches of a process read a SQLite file at the same time."""

_SQLITE_OPTIONS: Final = {"check_same_thread": False}
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=30000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",
)
_READING: Final = ("PRAGMA cache_size=-32768", "PRAGMA mmap_size=2147418112")
"""Readers map as much of a file as SQLite can: what is searched in a large one is hardly ever in their own cache."""
_LEAVING: Final = ("PRAGMA cache_size=-2048",)
"""Who reads a whole study reads a page once: were the file mapped, all of it would count as the process's memory."""
_WRITING: Final = ("PRAGMA cache_size=-4096", "PRAGMA wal_autocheckpoint=4000")
"""A writer goes all over a file: were it mapped, a long ingest would seem to hold the whole of it in memory. What
large commits leave in the log is copied to the file for several of them at once: they change many of the same pages.
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement compiled once: its text for the driver, and how its parameters are ordered (None: by name).

    `is_by_values`: PostgreSQL plans it anew each time, for the values it has then; else it may come to plan it once.
    """

    text: str
    order: tuple[str, ...] | None
    constants: dict[str, Any]
    is_by_values: bool = False
    _ordered: Callable[[Values], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.order is not None:  # of equal constants one is asked for
            asked = {name: self.constants[name] for name in self.order if name in self.constants}
            object.__setattr__(self, "constants", asked)
        object.__setattr__(self, "_ordered", _in_order(self.order))

    def bind(self, values: Values) -> Any:
        """The parameters as the driver takes them; `values` may hold more than the statement needs."""
        return self._ordered({**self.constants, **values} if self.constants else values)

    def rows(self, driver: Any, values: Values) -> Rows:
        """What the driver's connection answers."""
        if self.is_by_values:
            rows: Rows = driver.execute(self.text, self.bind(values), prepare=False).fetchall()
        else:
            rows = driver.execute(self.text, self.bind(values)).fetchall()
        return rows


class Database:
    """An open database; safe between threads."""

    def __init__(self, engine: Engine, *, is_sqlite: bool, statement_seconds: float = 0) -> None:
        self.engine = engine
        self._seconds = statement_seconds
        self.is_sqlite = is_sqlite
        self._snapshots = engine if is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._immediate = engine.execution_options(immediate=True)
        self._writer = threading.Lock()
        self._readers = threading.BoundedSemaphore(READERS if is_sqlite else 1_000)
        self._idle: dict[tuple[str, ...], deque[Any]] = {_READING: deque(), _LEAVING: deque()}
        self._writing: Any = None
        self._inserts: dict[str, Prepared] = {}
        self._begin_snapshot = "BEGIN" if is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error

    @classmethod
    def open(cls, url: str, *, statement_seconds: float = 0) -> "Database":
        """The database at a SQLAlchemy or libpq URL: `sqlite:///path`, `postgresql://...`.

        A new SQLite file is readable by its owner only. In-memory databases are refused with ValueError. Reading
        statements are given up after so many seconds, 0 for never; those of what leaves as a whole are not.
        """
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("the store needs a SQLite file")
            _create_private(Path(parsed.database))
            engine = create_engine(parsed, hide_parameters=True, connect_args=_SQLITE_OPTIONS)
            event.listen(engine, "connect", lambda driver, _record: _configure(driver, _WRITING))
            event.listen(engine, "begin", _begin_sqlite)
            return cls(engine, is_sqlite=True, statement_seconds=statement_seconds)
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, hide_parameters=True, pool_size=10, max_overflow=20, pool_pre_ping=True)
        event.listen(engine, "connect", lambda driver, _record: _interpret(driver))
        return cls(engine, is_sqlite=False, statement_seconds=statement_seconds)

    def prepare(self, statement: Executable, *, spelled: bool = False) -> Prepared:
        """The statement compiled for this database; its parameters are the names of its bindparams. For `spelled`,
        which may change SQLite's plan, see `numbered`."""
        compiled = statement.compile(dialect=self.engine.dialect)  # type: ignore[attr-defined]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        if not compiled.positional:
            return Prepared(str(compiled), None, constants)
        return Prepared(*numbered(str(compiled), compiled.positiontup, constants, spelled=spelled), constants)

    def upsert(self, table: Table) -> Any:
        """An INSERT of this database's dialect, for its `on_conflict_...` methods."""
        return (sqlite if self.is_sqlite else postgresql).insert(table)

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """The result of `work`, done in one durable transaction; an exception of it undoes everything.

        `work` may be called again when the database asks for it. Raises `Unavailable` when the database fails.
        """
        attempt = 1
        while True:
            try:
                if self.is_sqlite:
                    with self._writer, self._immediate.begin() as connection:
                        return work(connection)
                with self.engine.begin() as connection:
                    return work(connection)
            except (DBAPIError, self._driver_error) as error:
                cause = cause_of(error)
                if state_of(cause) not in RETRY or attempt == ATTEMPTS:
                    raise refusal_of(cause) from None
            except PoolTimeout:
                raise Unavailable(issue("store.busy")) from None
            _pause(attempt)
            attempt += 1

    def write_driver(self, work: Callable[[DriverConnection], _T]) -> _T:
        """Like `write`, on the SQLite connection kept for writing: for transactions of few statements, which the
        pool's own care would double in price."""
        attempt = 1
        while True:
            try:
                with self._writer:
                    return self._written(work)
            except self._driver_error as error:
                if state_of(error) not in RETRY or attempt == ATTEMPTS:
                    raise refusal_of(error) from None
            _pause(attempt)
            attempt += 1

    def _written(self, work: Callable[[DriverConnection], _T]) -> _T:
        driver, self._writing = self._writing or self.connect(_WRITING), None
        try:
            driver.execute("BEGIN IMMEDIATE")
            connection = DriverConnection(driver)
            result = work(connection)
            connection.flush()
            driver.execute("COMMIT")
        except BaseException:
            driver.close()  # rolls back, whatever state it was in
            raise
        self._writing = driver
        return result

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that reads one state of the database; raises `Unavailable` when the database fails."""
        try:
            with self._snapshots.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise refusal_of(cause_of(error)) from None
        except PoolTimeout:
            raise Unavailable(issue("store.busy")) from None

    def fetch(self, prepared: Prepared, values: Values, *, leaving: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a single reading statement, on a connection kept for such; the fast way to read.

        `leaving` is for statements that together read all there is.
        """
        return self._with_driver(prepared.rows, values, pragmas=_LEAVING if leaving else _READING)

    def fetch_all(self, statements: Sequence[tuple[Prepared, Values]]) -> list[Rows]:
        """The rows of several reading statements that see one state of the database."""
        if len(statements) == 1:
            return [self.fetch(*statements[0])]
        return self.read_one_state(lambda read: [read(one, values) for one, values in statements])

    def read_one_state(self, work: Callable[[Read], _T]) -> _T:
        """The result of `work`, all of whose reads see one state of the database; it may be called again."""

        def within(driver: Any) -> _T:
            driver.execute(self._begin_snapshot)
            try:
                result = work(lambda one, values: one.rows(driver, values))
            except BaseException:
                driver.close()  # rolls back, whatever state it was in
                raise
            driver.execute("COMMIT")
            return result

        # SQLite lets go of the interpreter at each row: more threads than processors only wait for each other there.
        with self._readers:
            return self._with_driver(within)

    @contextmanager
    def held_state(self, idle_seconds: int) -> Iterator[Any]:
        """A driver connection of PostgreSQL, for the block alone, that reads one state of the database.

        The server ends it when nothing is asked for so many seconds. Raises `Unavailable` when the database fails.
        """
        driver = None
        try:
            driver = self._take(_LEAVING)
            limited = f"SET LOCAL idle_in_transaction_session_timeout = '{idle_seconds}s'"
            driver.execute(f"{self._begin_snapshot}; {limited}")
            yield driver
            driver.execute("COMMIT")
        except BaseException as error:
            if driver is not None:
                driver.close()
            if isinstance(error, self._driver_error):
                if driver is not None and driver.broken:
                    self._forget_idle()
                raise refusal_of(error) from None
            raise
        self._idle[_LEAVING].append(driver)

    def _with_driver(self, work: Callable[..., _T], *given: Any, pragmas: tuple[str, ...] = _READING) -> _T:
        """What `work` answers of a connection and what is given.

        Reads once more on a new connection when PostgreSQL has closed the one that was kept. A server that was
        restarted has closed them all, so that none of the others is kept either.
        """
        for last in (self.is_sqlite, True):
            driver = None
            try:
                driver = self._take(pragmas)
                if self._seconds and self.is_sqlite and pragmas is _READING:
                    driver.deadline.end = time.monotonic() + self._seconds
                result = work(driver, *given)
            except self._driver_error as error:
                if driver is not None:
                    driver.close()
                if not self.is_sqlite and driver is not None and driver.broken:
                    self._forget_idle()
                if last or is_data_error(error) or state_of(error) in STOPPED:
                    raise refusal_of(error) from None
            else:
                self._idle[pragmas].append(driver)
                return result
        raise AssertionError("unreachable")

    def _forget_idle(self) -> None:
        for idle in self._idle.values():
            with suppress(IndexError):
                while True:
                    idle.popleft().close()

    def _take(self, pragmas: tuple[str, ...]) -> Any:
        try:
            return self._idle[pragmas].pop()
        except IndexError:
            return self.connect(pragmas)

    def connect(self, pragmas: tuple[str, ...] = _READING) -> Any:
        """A driver connection that no pool owns, in autocommit; `pragmas` are for SQLite."""
        dialect = self.engine.dialect
        arguments, options = dialect.create_connect_args(self.engine.url)
        if self.is_sqlite:
            driver: Any = dialect.connect(*arguments, **{**options, **_SQLITE_OPTIONS, "factory": LimitedConnection})
            _configure(driver, pragmas)
            return driver
        driver = dialect.connect(*arguments, **options, autocommit=True)
        _interpret(driver)
        if self._seconds and pragmas is _READING:
            limit_statements(driver, self._seconds)
        return driver

    def run(self, connection: Connection | DriverConnection, prepared: Prepared, values: Values) -> list[Any]:
        """The rows that a prepared statement returns inside a transaction; none for statements without rows."""
        result = connection.exec_driver_sql(prepared.text, prepared.bind(values))
        return list(result.fetchall()) if result.returns_rows else []

    def run_many(self, connection: Connection, prepared: Prepared, values: Sequence[Values]) -> None:
        """Runs a prepared statement once for each set of parameters, as one batch."""
        if values:
            connection.exec_driver_sql(prepared.text, [prepared.bind(one) for one in values])

    def insert(
        self, connection: Connection | DriverConnection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Inserts rows, each a tuple in the order of the table's columns, as one set."""
        if not rows:
            return
        if table.name not in self._inserts:
            self._inserts[table.name] = self.prepare(insert(table))
        text = self._inserts[table.name].text
        if isinstance(connection, DriverConnection):
            connection.insert(text, rows)
            return
        if self.is_sqlite:
            connection.exec_driver_sql(text, list(rows))
            return
        driver: Any = connection.connection.driver_connection
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)

    def scrub(self) -> None:
        """Has what was deleted leave the write-ahead log too; where readers hinder it, a later checkpoint does."""
        if not self.is_sqlite:
            return
        with self._writer, self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            for _ in range(ATTEMPTS):
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return

    def close(self) -> None:
        """Closes every connection; running reads of other threads fail."""
        self._forget_idle()
        with self._writer:
            if self._writing is not None:
                self._writing.close()
                self._writing = None
        self.engine.dispose()


def _in_order(names: Sequence[str] | None) -> Callable[[Values], Any]:
    """What gives the values of these names as a tuple; all of them as they are for None."""
    if names is None:
        return lambda values: values
    if len(names) < 2:
        return lambda values: tuple([values[name] for name in names])
    return itemgetter(*names)


def _create_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _configure(driver: Any, more: tuple[str, ...]) -> None:
    driver.isolation_level = None  # the driver's own BEGIN is replaced by ours
    for pragma in (*_PRAGMAS, *more):
        driver.execute(pragma).fetchall()


def _interpret(driver: Any) -> None:
    """PostgreSQL must not compile statements: it would take longer for one than any of ours runs."""
    driver.execute("SET jit = off")
    driver.commit()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _pause(attempt: int) -> None:
    """Waits before another attempt: at random, so that rivals do not meet again."""
    time.sleep(uniform(0, min(0.5, 0.002 * 2**attempt)))  # noqa: S311  # nothing is kept secret by it
