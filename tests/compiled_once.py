"""The text of a statement, made once for all stores of a test process: each store prepares the same hundred."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Executable

from gateway.store.sql.database import Database, Prepared

KEPT = 3_000
Prepare = Callable[..., Prepared]


class CompiledOnce:
    """Statements compiled before, by their shape as SQLAlchemy tells it; values of their own each has still."""

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def around(self, prepare: Prepare) -> Prepare:
        """The same as `prepare`, whose statements are compiled by this."""

        def prepared(database: Database, statement: Executable, **named: bool) -> Prepared:
            shape = statement._generate_cache_key()  # type: ignore[attr-defined]
            return prepare(database, statement if shape is None else _Shaped(self, statement, shape), **named)

        return prepared

    def compiled(self, statement: Any, shape: Any, dialect: Any) -> Any:
        """The statement compiled, by this or another of its shape."""
        key = (dialect.name, shape.key)
        with self._lock:
            found = self._made.pop(key, None)
        made = statement.compile(dialect=dialect, cache_key=shape) if found is None else found
        with self._lock:
            self._made[key] = made
            while len(self._made) > KEPT:
                del self._made[next(iter(self._made))]
        return made


class _Shaped:
    """A statement that is compiled by its shape."""

    def __init__(self, once: CompiledOnce, statement: Executable, shape: Any) -> None:
        self._once, self._statement, self._shape = once, statement, shape

    def compile(self, dialect: Any) -> "_Compiled":
        return _Compiled(self._once.compiled(self._statement, self._shape, dialect), self._shape)


class _Compiled:
    """What was compiled, with the values of the statement that it is asked for."""

    def __init__(self, compiled: Any, shape: Any) -> None:
        self._compiled = compiled
        self.params = compiled.construct_params(extracted_parameters=shape.bindparams, _check=False)
        self.positional, self.positiontup = compiled.positional, compiled.positiontup

    def __str__(self) -> str:
        return str(self._compiled)
