"""By which search parameters each study is indexed, and how far indexing it again has come.

A study without a row and without resources is indexed by whatever comes; one with resources and no row was indexed
by an older gateway. A search over an index that is not whole would leave resources out, so it is refused.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Executable, bindparam, func, select
from sqlmodel import Field

from gateway.core import issue
from gateway.core.errors import Unavailable
from gateway.store.sql.database import Database
from gateway.store.sql.index.reindexing import BATCH, Reindexer
from gateway.store.sql.tables import CLUSTERED, ResourceRow, Table, columns_of, table_of
from gateway.store.sql.visible import study_is

SCHEME: Final = 2
"""Raised when index rows are made otherwise from the same search parameters: everything is indexed again then."""

START: Final = -1
"""The place before the first resource."""


class IndexStateRow(Table, table=True):
    """The parameters (`Parameters.digest`) that a study is indexed by; `place` is the key of the last one indexed."""

    __tablename__ = "index_state"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    digest: str
    whole: bool
    place: int = Field(sa_type=BigInteger)
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)


class IndexStates:
    """Knows whether a study may be searched, and indexes it again; safe between threads."""

    def __init__(self, database: Database, digest: Callable[[str], str], reindexer: Reindexer) -> None:
        self._database = database
        self._parameters = digest
        self._reindexer = reindexer
        self._read = database.prepare(_read(database, lock=False))
        self._lock = database.prepare(_read(database, lock=True))
        self._some = database.prepare(_some())
        self._count = database.prepare(_count())
        self._begin = database.prepare(_begin(database))
        self._whole: set[str] = set()
        self._noted: set[str] = set()

    def _digest(self, study: str) -> str:
        return f"{SCHEME}-{self._parameters(study)}"

    def note(self, connection: Any, study: str) -> None:
        """Told inside a transaction that is about to write resources: an empty study is indexed by what comes."""
        if study in self._noted:
            return
        run, values = self._database.run, {"study": study}
        if not run(connection, self._read, values) and not run(connection, self._some, values):
            run(connection, self._begin, _state(study, self._digest(study), whole=True))

    def remember(self, study: str) -> None:
        """Told after such a transaction: its note need not be made again."""
        self._noted.add(study)

    def require(self, study: str) -> None:
        """Raises `Unavailable` with `store.reindex-needed` when a search of the study could leave resources out."""
        if study not in self._whole and not self.is_whole(study):
            raise Unavailable(issue("store.reindex-needed"))

    def is_whole(self, study: str) -> bool:
        """Whether every resource of the study is indexed by the parameters of this gateway."""
        values = {"study": study}
        found = self._database.fetch(self._read, values)
        if not found:
            return not self._database.fetch(self._some, values)
        digest, whole, *_ = found[0]
        if digest == self._digest(study) and whole:
            self._whole.add(study)
            return True
        return False

    def reindex(self, study: str, told: Callable[[int, int], bool | None]) -> int:
        """Indexes what is not indexed by the parameters of this gateway: how many resources that were.

        Each batch is a transaction that also keeps the place, so that it goes on after a kill where it was; two
        processes take turns. `told` hears how many are done and how many there are; it ends the run with False.
        """
        self._whole.discard(study)
        count = 0
        while True:
            whole, step, done, total = self._database.write(lambda connection: self._step(connection, study))
            count += step
            if told(done, max(done, total)) is False or whole:
                return count

    def _step(self, connection: Connection, study: str) -> tuple[bool, int, int, int]:
        run, values = self._database.run, {"study": study}
        found = run(connection, self._lock, values)
        digest, whole, place, done, total = found[0] if found else ("", False, START, 0, 0)
        if digest != self._digest(study):
            ((total,),) = run(connection, self._count, values)
            whole, place, done = False, START, 0
        if whole:
            return True, 0, done, total
        last, step = self._reindexer.batch(connection, study, place)
        state = _state(study, self._digest(study), whole=step < BATCH, place=last, done=done + step, total=total)
        run(connection, self._begin, state)
        return step < BATCH, step, done + step, total


def _state(
    study: str, digest: str, *, whole: bool, place: int = START, done: int = 0, total: int = 0
) -> dict[str, Any]:
    state = {"study": study, "digest": digest, "whole": whole, "place": place, "done": done, "total": total}
    return {f"b_{name}": value for name, value in state.items()}


def _read(database: Database, *, lock: bool) -> Executable:
    columns = columns_of(IndexStateRow)
    found = select(columns.digest, columns.whole, columns.place, columns.done, columns.total)
    found = found.where(columns.study == study_is())
    return found.with_for_update() if lock and not database.is_sqlite else found


def _some() -> Executable:
    columns = columns_of(ResourceRow)
    return select(columns.pk).where(columns.study == study_is()).limit(1)


def _count() -> Executable:
    columns = columns_of(ResourceRow)
    return select(func.count()).where(columns.study == study_is())


def _begin(database: Database) -> Executable:
    """Sets the state, whether there was one or not."""
    table = table_of(IndexStateRow)
    values = {column.name: bindparam(f"b_{column.name}", type_=column.type) for column in table.columns}
    inserted = database.upsert(table).values(values)
    changed = {name: inserted.excluded[name] for name in values if name != "study"}
    made: Executable = inserted.on_conflict_do_update(index_elements=["study"], set_=changed)
    return made
