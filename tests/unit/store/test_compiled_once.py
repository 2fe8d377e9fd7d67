"""What tests prepare from a statement whose shape was compiled before is what the product prepares from it."""

from pathlib import Path

from sqlalchemy import bindparam, select

from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.numbering import numbered
from gateway.store.sql.tables import ResourceRow, columns_of

HEAD = columns_of(ResourceRow)
STUDY = HEAD.study == bindparam("study")
STATEMENTS = (
    select(HEAD.pk).where(STUDY, HEAD.type == "Observation"),
    select(HEAD.pk).where(STUDY, HEAD.type == "Patient"),
    select(HEAD.pk).where(STUDY, HEAD.type == "Patient").limit(3),
    select(HEAD.pk).where(STUDY, HEAD.type == "Patient").limit(4),
    select(HEAD.pk).where(HEAD.type == bindparam("study"), HEAD.study == "Patient"),
)


def fresh(database: Database, statement: object) -> Prepared:
    compiled = statement.compile(dialect=database.engine.dialect)  # type: ignore[attr-defined]
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Prepared(*numbered(str(compiled), compiled.positiontup, constants), constants)


def test_each_statement_keeps_its_own_values(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    for _ in range(2):
        made = [database.prepare(one) for one in STATEMENTS]
        assert made == [fresh(database, one) for one in STATEMENTS]
    assert len({(one.text, *one.constants.items()) for one in made}) == len(STATEMENTS)
    database.close()
