"""The table of replaced versions, filled from the versions that are there."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0003"
down_revision = "0002"

_FILL = """
INSERT INTO replaced (study, type, updated, pk, version, until)
SELECT old.study, head.type, old.updated, old.pk, old.version, new.updated
FROM version AS old
JOIN version AS new ON new.study = old.study AND new.pk = old.pk AND new.version = old.version + 1
JOIN resource AS head ON head.study = old.study AND head.pk = old.pk
"""


def upgrade() -> None:
    """Makes and fills `replaced`."""
    op.create_table(
        "replaced",
        Column("study", String, primary_key=True, nullable=False),
        Column("type", String, primary_key=True, nullable=False),
        Column("updated", BigInteger, primary_key=True, nullable=False, autoincrement=False),
        Column("pk", BigInteger, primary_key=True, nullable=False, autoincrement=False),
        Column("version", Integer, nullable=False),
        Column("until", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
